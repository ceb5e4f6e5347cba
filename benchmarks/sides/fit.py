"""Fits of one frame in one warm process: Laurel's, and ``xgboost.train`` by itself.

    python -m sides.fit WORKSPACE USECASE RUNS

The workspace has its inputs laid; the frame is made first, outside what is measured.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import xgboost
from pairs import Sample, interleave, write_samples

from laurel.adapters.frames import FramePart
from laurel.adapters.xgboost import fit
from laurel.adapters.xgboost.encoding import describe, to_matrix
from laurel.adapters.xgboost.fitting import grow, parameters
from laurel.adapters.xgboost.threads import threads_for, threads_for_cells
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
    found = {
        "same matrix": _pairs(_same_matrix(usecase, train, validation), runs),
        "with matrices": _pairs(_with_matrices(usecase, train, validation), runs),
    }
    print(json.dumps(found))


Job = Callable[[], int]
"""What is timed: it returns the number of rounds."""


def _pairs(sides: dict[str, Callable[[], Job]], runs: int) -> dict[str, Any]:
    """Samples of both sides in turn, and their rounds; each side makes its job outside the time."""
    rounds: dict[str, int] = {}

    def timed(name: str) -> Sample:
        job = sides[name]()
        wall, cpu = perf_counter(), process_time()
        rounds[name] = job()
        return Sample(seconds=perf_counter() - wall, cpu_seconds=process_time() - cpu)

    samples = interleave({name: partial(timed, name) for name in sides}, runs=runs)
    return {"samples": write_samples(samples), "rounds": rounds}


def _same_matrix(usecase: UseCase, train: Part, validation: Part) -> dict[str, Callable[[], Job]]:
    """Trees alone: both get new matrices of the same values, made outside the time."""
    config, objective = usecase.config.training.model, find_objective(usecase.config.label)
    features = describe(train.features)
    params = parameters(config, objective, features, threads=threads_for(train.features))

    def matrices() -> list[xgboost.DMatrix]:
        parts = (train, validation)
        return [to_matrix(part.features, features, labels=part.labels) for part in parts]

    def ours() -> Job:
        made = matrices()
        return lambda: int(grow(made, params, config, objective=objective).num_boosted_rounds())

    return {"laurel's fit": ours, "xgboost.train": lambda: partial(_bare, usecase, matrices())}


def _with_matrices(usecase: UseCase, train: Part, validation: Part) -> dict[str, Callable[[], Job]]:
    """From a frame, whose text the rival has as categories: turning it into them is not fitting."""
    config, objective = usecase.config.training.model, find_objective(usecase.config.label)
    tables = [part.features.copy() for part in (train, validation)]
    for column in tables[0].select_dtypes("str"):
        levels = sorted(tables[0][column].dropna().unique())
        for table in tables:
            table[column] = table[column].astype("category").cat.set_categories(levels)

    def ours() -> int:
        model = fit(train, validation, config, objective=objective)
        return int(model.booster.num_boosted_rounds())

    def bare() -> int:
        matrices = [
            xgboost.DMatrix(table, part.labels, enable_categorical=True)
            for table, part in zip(tables, (train, validation), strict=True)
        ]
        return _bare(usecase, matrices)

    return {"laurel's fit": lambda: ours, "xgboost.train": lambda: bare}


def _bare(usecase: UseCase, matrices: list[xgboost.DMatrix]) -> int:
    config = usecase.config.training.model
    threads = threads_for_cells(matrices[0].num_row() * matrices[0].num_col())
    learned = {"objective": "binary:logistic", "eval_metric": "logloss", "tree_method": "hist"}
    booster = xgboost.train(
        {**config.params, **learned, "nthread": threads, "seed": config.seed},
        matrices[0],
        num_boost_round=config.rounds,
        evals=[(matrices[1], "validation")],
        early_stopping_rounds=config.early_stopping_rounds,
        verbose_eval=False,
    )
    return int(booster.best_iteration) + 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
