"""The use case ``toy`` with a search for parameters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from laurel.domain.config import UseCaseConfig
from laurel.usecase import UseCase

SPACE: Mapping[str, Any] = {
    "eta": {"kind": "float", "low": 0.05, "high": 0.5, "log": True},
    "max_depth": {"kind": "int", "low": 2, "high": 5},
    "subsample": {"kind": "float", "low": 0.5, "high": 1.0, "step": 0.1},
    "grow_policy": {"kind": "choice", "of": ["depthwise", "lossguide"]},
}
TUNING: Mapping[str, Any] = {
    "trials": 6,
    "space": SPACE,
    "folds": {"count": 2},
    "sampler": {"kind": "tpe", "startup_trials": 3},
    "pruner": {"kind": "median", "startup_trials": 2, "warmup_rounds": 5},
    "report_rounds": 5,
}


def tuned(usecase: UseCase, **said: Any) -> UseCase:
    """The use case with a search; ``said`` goes over :data:`TUNING`."""
    document = usecase.config.document()
    document["training"]["tuning"] = {**TUNING, **said}
    document["training"]["model"] |= {"rounds": 30, "early_stopping_rounds": 6}
    return UseCase(usecase.folder, UseCaseConfig.model_validate(document))


def write_tuning(folder: Path, **said: Any) -> None:
    """Add a search to the ``usecase.yaml`` of a folder."""
    file = folder / "usecase.yaml"
    document = yaml.safe_load(file.read_text())
    document["training"]["tuning"] = {**TUNING, **said}
    file.write_text(yaml.safe_dump(document, sort_keys=False))
