"""What ``usecase.yaml`` may say: frozen models, one for each part of a use case."""

from __future__ import annotations

from laurel.domain.config.alarms import Alarms
from laurel.domain.config.approval import Approval, Silence
from laurel.domain.config.base import Cron, Frozen, Name
from laurel.domain.config.column import Column, ColumnType
from laurel.domain.config.cost import COST, Cost, MatrixCost, OutcomeCost, UnitCost
from laurel.domain.config.dataset import Dataset, Role
from laurel.domain.config.gate import Gate, Underpowered
from laurel.domain.config.learning import Features, Label, Monitoring, Scoring, Training
from laurel.domain.config.model import Model, Weights
from laurel.domain.config.names import PREDICTIONS
from laurel.domain.config.shadow import Canary, Shadow, ShadowGate
from laurel.domain.config.source import PythonSource, Source
from laurel.domain.config.terms import TERMS, ObjectiveName, Terms
from laurel.domain.config.thresholds import (
    AtLeast,
    AtMost,
    GapAtMost,
    Threshold,
    VersusChampion,
)
from laurel.domain.config.usecase import UseCaseConfig

__all__ = [
    "COST",
    "PREDICTIONS",
    "TERMS",
    "Alarms",
    "Approval",
    "AtLeast",
    "AtMost",
    "Canary",
    "Column",
    "ColumnType",
    "Cost",
    "Cron",
    "Dataset",
    "Features",
    "Frozen",
    "GapAtMost",
    "Gate",
    "Label",
    "MatrixCost",
    "Model",
    "Monitoring",
    "Name",
    "ObjectiveName",
    "OutcomeCost",
    "PythonSource",
    "Role",
    "Scoring",
    "Shadow",
    "ShadowGate",
    "Silence",
    "Source",
    "Terms",
    "Threshold",
    "Training",
    "Underpowered",
    "UnitCost",
    "UseCaseConfig",
    "VersusChampion",
    "Weights",
]
