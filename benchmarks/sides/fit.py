"""Fits of one frame in one warm process: Laurel's, and ``xgboost.train`` by itself.

    python -m sides.fit WORKSPACE USECASE RUNS

The workspace has its inputs laid; the frame is made first, outside what is measured.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import xgboost
from pairs import Sample, interleave, write_samples

from laurel.adapters.frames import FramePart
from laurel.adapters.xgboost import fit
from laurel.adapters.xgboost.threads import threads_for
from laurel.domain.featureset import Part
from laurel.domain.objective import find_objective
from laurel.settings import load_settings
from laurel.stages.assemble import assemble
from laurel.stages.featurize import featurize
from laurel.stages.validate import validate
from laurel.usecase import UseCase, get_usecase


def main(folder: Path, name: str, runs: int) -> None:
    """Make the frame, fit in turn, and print the samples and the rounds of both."""
    settings = load_settings()
    usecase = get_usecase(name, settings)
    assemble(usecase, folder)
    validate(usecase, folder, settings)
    featurize(usecase, folder)
    data = folder / "data" / name
    train, validation = (
        FramePart(data, part, usecase.config).whole() for part in ("train", "validation")
    )
    rounds: dict[str, int] = {}
    ours, bare = _ours(usecase, train, validation), _bare(usecase, train, validation)
    sides = {
        "laurel's fit": _timed(ours, "laurel", rounds),
        "xgboost.train": _timed(bare, "bare", rounds),
    }
    samples = interleave(sides, runs=runs)
    print(json.dumps({"samples": write_samples(samples), "rounds": rounds}))


def _timed(work: Callable[[], int], name: str, rounds: dict[str, int]) -> Callable[[], Sample]:
    def side() -> Sample:
        wall, cpu = perf_counter(), process_time()
        rounds[name] = work()
        return Sample(seconds=perf_counter() - wall, cpu_seconds=process_time() - cpu)

    return side


def _ours(usecase: UseCase, train: Part, validation: Part) -> Callable[[], int]:
    config, objective = usecase.config.training.model, find_objective(usecase.config.label)

    def work() -> int:
        model = fit(train, validation, config, objective=objective)
        return int(model.booster.num_boosted_rounds())

    return work


def _bare(usecase: UseCase, train: Part, validation: Part) -> Callable[[], int]:
    """With categories made beforehand: turning text into them is not fitting."""
    config = usecase.config.training.model
    tables = [part.features.copy() for part in (train, validation)]
    for column in tables[0].select_dtypes("str"):
        levels = sorted(tables[0][column].dropna().unique())
        for table in tables:
            table[column] = table[column].astype("category").cat.set_categories(levels)
    learned = {"objective": "binary:logistic", "eval_metric": "logloss", "tree_method": "hist"}
    learned |= {"nthread": threads_for(train.features), "seed": config.seed}

    def work() -> int:
        matrices = [
            xgboost.DMatrix(table, part.labels, enable_categorical=True)
            for table, part in zip(tables, (train, validation), strict=True)
        ]
        booster = xgboost.train(
            {**config.params, **learned},
            matrices[0],
            num_boost_round=config.rounds,
            evals=[(matrices[1], "validation")],
            early_stopping_rounds=config.early_stopping_rounds,
            verbose_eval=False,
        )
        return int(booster.best_iteration) + 1

    return work


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
