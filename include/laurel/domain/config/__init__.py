"""What ``usecase.yaml`` may say: frozen models, one for each part of a use case."""

from __future__ import annotations

from laurel.domain.config.base import Cron, Frozen, Name
from laurel.domain.config.column import Column, ColumnType
from laurel.domain.config.dataset import Dataset, Role
from laurel.domain.config.learning import (
    AtLeast,
    AtMost,
    Features,
    Gate,
    Label,
    Model,
    Monitoring,
    Scoring,
    Threshold,
    Training,
    VersusChampion,
)
from laurel.domain.config.names import PREDICTIONS
from laurel.domain.config.source import PythonSource, Source
from laurel.domain.config.usecase import UseCaseConfig

__all__ = [
    "PREDICTIONS",
    "AtLeast",
    "AtMost",
    "Column",
    "ColumnType",
    "Cron",
    "Dataset",
    "Features",
    "Frozen",
    "Gate",
    "Label",
    "Model",
    "Monitoring",
    "Name",
    "PythonSource",
    "Role",
    "Scoring",
    "Source",
    "Threshold",
    "Training",
    "UseCaseConfig",
    "VersusChampion",
]
