"""A model of the synthetic use case and a day to score with it, without a store."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from laurel.adapters.frames import read_frame
from laurel.adapters.tables import conform, write_table
from laurel.domain.config import Scoring
from laurel.domain.history import KNOWN_AT, PARTITION
from laurel.domain.partition import Partition
from laurel.stages.assemble import assemble
from laurel.stages.featurize import featurize
from laurel.stages.predictions import Written, write_predictions
from laurel.stages.score import Given, Scorer
from laurel.stages.train import train
from laurel.usecase import UseCase
from support.sample import read_days
from support.synthetic import lay_window, load_toy

DAY = Partition.of("2024-02-06")
VERSION = "toy-20240212-1a2b3c4d"


@dataclass(frozen=True)
class Trained:
    """The use case, what a day is scored from, and the model that a training made."""

    usecase: UseCase
    given: Given
    model: Path
    frame: pd.DataFrame
    """The training frame."""

    def scorer(self, **changed: Any) -> Scorer:
        return Scorer(self.usecase, replace(self.given, **changed), model=self.model)

    def written(self, path: Path, *, batch: int = 131_072, **changed: Any) -> Written:
        return write_predictions(self.scorer(**changed), path, model_version=VERSION, batch=batch)

    def saying(self, **scoring: Any) -> Trained:
        """With other rules of scoring."""
        config = self.usecase.config
        said = Scoring(**{**config.scoring.model_dump(), **scoring})
        changed = config.model_copy(update={"scoring": said})
        return replace(self, usecase=replace(self.usecase, config=changed))

    def with_features(self, code: str, folder: Path) -> Trained:
        """With other feature code in the model's folder."""
        shutil.copytree(self.model, folder)
        file = folder / "features.py"
        file.write_text(file.read_text() + code)
        return replace(self, model=folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("score")
    usecase = load_toy(folder)
    lay_window(usecase, folder)
    assemble(usecase, folder)
    featurize(usecase, folder)
    train(usecase, folder, threads=1)
    data = folder / "data" / usecase.name
    return Trained(usecase, _given(usecase, folder), data / "model", read_frame(data))


def _given(usecase: UseCase, folder: Path) -> Given:
    config = usecase.config
    tables = {name: read_days(usecase, name, 12, DAY) for name in config.datasets}
    every, labels = tables[config.rows_name], tables[config.labels_name]
    rows = every[every[PARTITION] == DAY.key][list(config.rows.columns)]
    file = folder / "rows.parquet"
    name = config.rows_name
    write_table(conform(rows, config.rows, usecase="toy", name=name), file)
    before = every[every[PARTITION] < DAY.key]
    return Given(
        partition=DAY,
        file=file,
        past_rows=before.drop(columns=KNOWN_AT).reset_index(drop=True),
        labels=labels.drop(columns=PARTITION),
        context={each: tables[each] for each in config.context_names},
    )
