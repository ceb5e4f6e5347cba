"""What a rival has to know of a use case, in a folder of plain files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from laurel.adapters.xgboost import CELLS_PER_THREAD
from laurel.usecase import UseCase


def lay_plan(usecase: UseCase, folder: Path, *, days: Mapping[str, Any]) -> None:
    """Write ``plan.json`` and ``features.py`` beside the files of the datasets."""
    config, model = usecase.config, usecase.config.training.model
    document = {
        "rows": config.rows_name,
        "labels": config.labels_name,
        "context": config.context_names,
        "key": config.rows.key,
        "label": config.label.column,
        "horizon_hours": config.scoring.horizon_hours,
        "days": days,
        "params": {**model.params, "seed": model.seed},
        "rounds": model.rounds,
        "early_stopping_rounds": model.early_stopping_rounds,
        "resamples": config.gate.resamples,
        "slices": config.gate.slices,
        "minimum_rows": config.gate.minimum_rows,
        "cells_per_thread": CELLS_PER_THREAD,
    }
    (folder / "plan.json").write_text(json.dumps(document, indent=2))
    shutil.copyfile(usecase.features_file(), folder / "features.py")
