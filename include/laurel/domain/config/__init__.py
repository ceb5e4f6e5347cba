"""What ``usecase.yaml`` may say: frozen models, one for each part of a use case."""

from __future__ import annotations

from laurel.domain.config.base import Cron, Frozen, Name
from laurel.domain.config.column import Column, ColumnType
from laurel.domain.config.dataset import Dataset, Role
from laurel.domain.config.gate import AtLeast, AtMost, Gate, Threshold, VersusChampion
from laurel.domain.config.learning import Features, Label, Monitoring, Scoring, Training
from laurel.domain.config.model import Model, Weights
from laurel.domain.config.names import PREDICTIONS
from laurel.domain.config.source import PythonSource, Source
from laurel.domain.config.terms import TERMS, ObjectiveName, Terms
from laurel.domain.config.usecase import UseCaseConfig

__all__ = [
    "PREDICTIONS",
    "TERMS",
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
    "ObjectiveName",
    "PythonSource",
    "Role",
    "Scoring",
    "Source",
    "Terms",
    "Threshold",
    "Training",
    "UseCaseConfig",
    "VersusChampion",
    "Weights",
]
