"""The sides of ``benchmarks/streaming.py``, each in a process of its own; prints JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd
import xgboost

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from bare.score import matrix
from bare.tables import load_featurize

from laurel.adapters.documents import write_json
from laurel.adapters.tables import TableWriter, conform, read_table, write_table
from laurel.adapters.xgboost import (
    ABOUT,
    FEATURES,
    MODEL,
    PROFILE,
    Block,
    fit,
    load_model,
    model_bytes,
)
from laurel.adapters.xgboost.forest import flatten
from laurel.domain.config import Model as ModelConfig
from laurel.domain.featureset import PartitionFeatures
from laurel.domain.history import HISTORY, KNOWN_AT, PARTITION, Past, cutoff_of, join_labels
from laurel.domain.objective import find_objective
from laurel.domain.part import to_part
from laurel.domain.partition import Partition
from laurel.domain.profile import build_profile
from laurel.settings import load_settings, share_cores
from laurel.stages.featurize import load_featurizer
from laurel.stages.predictions import write_predictions
from laurel.stages.score import Given, Scorer
from laurel.stages.shadow import Challenger
from laurel.usecase import UseCase, get_usecase
from support.peak import peak
from support.sample import read_days

DAYS, BEFORE = 60, 100
"""Days that the model learns from, and all that are read; the last is scored."""
CHUNK = 131_072
IN_MEMORY = 5_000_000
"""Rows beyond which the rivals, which hold all of them, are not asked."""
TURNS = 5
"""Of each way through the trees."""
TABLES = ("past_rows", "labels", "weather")


def flights() -> UseCase:
    """The use case as shipped."""
    return get_usecase("flights", load_settings({}))


def prepare(folder: Path, rows: int, rounds: int) -> dict[str, float]:
    """Lay rows, the past, features of the rows, and a model of so many trees."""
    usecase = flights()
    config = usecase.config
    day = Partition.at(config.first_instant).shifted(BEFORE)
    tables = {name: read_days(usecase, name, BEFORE, day) for name in config.datasets}
    every, labels = tables["flights"].drop(columns=KNOWN_AT), tables["labels"]
    for name, table in zip(
        TABLES, (every, labels.drop(columns=PARTITION), tables["weather"]), strict=True
    ):
        write_table(
            table[table[PARTITION] < day.key] if name == "past_rows" else table,
            folder / f"{name}.parquet",
        )
    (folder / "day").write_text(day.key)
    own = every[every[PARTITION] == day.key][list(config.rows.columns)]
    plain = conform(own, config.rows, usecase="flights", name="flights", partition=day.key)
    _repeat(plain, rows, folder / "rows.parquet")
    past = _past(usecase, folder)
    featurizer = load_featurizer(usecase.features_file(), usecase=usecase.name)
    parts = []
    for number in range(1, DAYS + 1):
        then = day.shifted(-number - 1)
        given = every[every[PARTITION] == then.key].reset_index(drop=True)
        made = _features(usecase, featurizer, past, then).of(given)
        known = join_labels(given, labels.drop(columns=[PARTITION, KNOWN_AT]), config, how="left")
        parts.append(
            made.assign(label=known[config.label.column].to_numpy("float64", na_value=np.nan))
        )
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[frame["label"].notna()].reset_index(drop=True)
    _model(usecase, frame, folder / "model", rounds=rounds)
    if rows > IN_MEMORY:
        return {}
    with TableWriter(folder / "features.parquet") as writer:
        features = _features(usecase, featurizer, past, day)
        for part in range(0, rows, CHUNK):
            chosen = plain.iloc[np.arange(part, min(rows, part + CHUNK)) % len(plain)]
            writer.write(features.of(chosen.reset_index(drop=True)))
        writer.finish()
    return {}


def _model(usecase: UseCase, frame: pd.DataFrame, folder: Path, *, rounds: int) -> None:
    config, objective = usecase.config, find_objective(usecase.config.label)
    part = to_part(frame.assign(partition="2013-01-01"), config)
    learned = ModelConfig(
        params={"max_depth": 6, "eta": 0.08, "min_child_weight": 20, "colsample_bytree": 0.5},
        rounds=rounds,
        early_stopping_rounds=rounds,
    )
    # as many trees as asked for: the last round is kept, whichever was best
    whole = learned.model_copy(update={"early_stopping_rounds": rounds})
    model = fit(part, part, whole, objective=objective)
    folder.mkdir()
    (folder / MODEL).write_bytes(model_bytes(model))
    (folder / FEATURES).write_bytes(usecase.features_file().read_bytes())
    about = {
        "usecase": usecase.name,
        "label": config.label.column,
        **objective.document(),
        "intercept": None,
        "features": [each.document() for each in model.features],
        "history_days": config.features.history_days,
        "calibration": None,
        "trees": model.booster.num_boosted_rounds(),
    }
    write_json(about, folder / ABOUT)
    profile = build_profile(part.features, model.predict(part.features), objective=objective)
    write_json(profile, folder / PROFILE)


def _repeat(day: pd.DataFrame, rows: int, file: Path) -> None:
    """The flights of a day again and again, each a moment later, under keys of their own."""
    start = day["sched_dep"].dt.floor("D").min()
    step = pd.Timedelta(days=1) / rows
    with TableWriter(file) as writer:
        for first in range(0, rows, CHUNK):
            number = np.arange(first, min(rows, first + CHUNK))
            part = day.iloc[number % len(day)].reset_index(drop=True)
            moments = start + pd.to_timedelta(number * step.value, unit="ns").floor("us")
            part["sched_dep"] = pd.Series(moments).astype(day["sched_dep"].dtype)
            part["flight_id"] = pd.Series([f"2013-04-12-{n:010d}-EWR" for n in number], dtype="str")
            writer.write(part)
        writer.finish()


def _past(usecase: UseCase, folder: Path) -> Past:
    given = _given(folder)
    history = join_labels(given.past_rows, given.labels, usecase.config, how="inner")
    return Past({HISTORY: history, **given.context}, usecase.config)


def _features(usecase: UseCase, featurizer: Any, past: Past, day: Partition) -> PartitionFeatures:
    cutoff = cutoff_of(day, usecase.config)
    return PartitionFeatures(featurizer, past, config=usecase.config, partition=day, cutoff=cutoff)


def _given(folder: Path) -> Given:
    past_rows, labels, weather = (read_table(folder / f"{name}.parquet") for name in TABLES)
    return Given(
        partition=Partition.of((folder / "day").read_text()),
        file=folder / "rows.parquet",
        past_rows=past_rows,
        labels=labels,
        context={"weather": weather},
    )


def laurel(folder: Path) -> Callable[[], object]:
    """Laurel's own stage."""
    scorer = Scorer(flights(), _given(folder), model=folder / "model")
    return lambda: write_predictions(scorer, folder / "laurel.parquet", model_version="flights-1")


def shadow(folder: Path) -> Callable[[], object]:
    """Laurel's stage with a challenger in shadow: another version with the same feature code."""
    usecase, given = flights(), _given(folder)
    scorer = Scorer(usecase, given, model=folder / "model")
    other = Scorer(usecase, given, model=folder / "model", beside=scorer)

    def loop() -> None:
        challenger = Challenger("flights-2", other, folder / "shadow" / "laurel.parquet")
        path = folder / "laurel.parquet"
        write_predictions(scorer, path, model_version="flights-1", beside=[challenger])
        assert challenger.written().facts is not None

    return loop


def twice(folder: Path) -> Callable[[], object]:
    """Two passes of Laurel's stage, one for each version."""
    usecase, given = flights(), _given(folder)
    scorers = [Scorer(usecase, given, model=folder / "model") for _ in range(2)]

    def loop() -> None:
        for number, scorer in enumerate(scorers, start=1):
            path = folder / f"pass-{number}.parquet"
            write_predictions(scorer, path, model_version=f"flights-{number}")

    return loop


def bare(folder: Path) -> Callable[[], object]:
    """Read, features, predict, write: all rows at once, as one would write it down."""
    given, usecase = _given(folder), flights()
    seen = _past(usecase, folder).at(
        cutoff_of(given.partition, usecase.config), day=given.partition.day
    )
    featurize = load_featurize(folder / "model" / FEATURES)
    booster, about = _booster(folder)
    cutoff = pd.Timestamp(cutoff_of(given.partition, usecase.config)).as_unit("us")

    def loop() -> None:
        rows = pd.read_parquet(folder / "rows.parquet")
        features = featurize(rows.assign(cutoff=cutoff), seen)
        scores = booster.predict(matrix(about, features))
        rows[["flight_id", "sched_dep"]].assign(score=scores).to_parquet(
            folder / "bare.parquet", index=False
        )

    return loop


def plain(folder: Path) -> Callable[[], object]:
    """Read features that are there already, predict, write."""
    booster, about = _booster(folder)

    def loop() -> None:
        features = pd.read_parquet(folder / "features.parquet")
        scores = booster.predict(matrix(about, features))
        pd.DataFrame({"score": scores}).to_parquet(folder / "plain.parquet", index=False)

    return loop


def _booster(folder: Path) -> tuple[xgboost.Booster, dict[str, Any]]:
    about: dict[str, Any] = json.loads((folder / "model" / ABOUT).read_text())
    booster = xgboost.Booster({"nthread": load_settings().share})
    booster.load_model(folder / "model" / MODEL)
    return booster, about


def trees(folder: Path) -> dict[str, list[float]]:
    """CPU µs a row of the trees alone, in turn, for rows that are encoded and shuffled."""
    model = load_model(folder / "model")
    features = read_table(folder / "features.parquet").sample(frac=1, random_state=1)
    block = model.block(features)
    begun = process_time()
    compiled = replace(model, forest=flatten(model.booster))
    compiled.scores(Block(block.values[:1]))
    found = {"compiling, CPU s": [process_time() - begun]}
    sides = {
        "compiled": lambda: compiled.scores(block),
        "inplace_predict": lambda: model.scores(block),
        "DMatrix and predict": lambda: model.booster.predict(
            xgboost.DMatrix(
                block.values,
                feature_names=model.booster.feature_names,
                feature_types=model.booster.feature_types,
                enable_categorical=True,
            )
        ),
    }
    said = {name: side() for name, side in sides.items()}
    assert len({scores.tobytes() for scores in said.values()}) == 1, "not the same bits"
    for _ in range(TURNS):
        for name, side in sides.items():
            wall, begun = perf_counter(), process_time()
            side()
            for kind, spent in (("CPU", process_time() - begun), ("wall", perf_counter() - wall)):
                found.setdefault(f"{name}, {kind} µs/row", []).append(1e6 * spent / len(features))
    return found


def compare(folder: Path) -> dict[str, float]:
    """The largest difference of a score between Laurel and the bare loop."""
    ours, theirs = (
        read_table(folder / f"{side}.parquet", ["flight_id", "score"]).sort_values("flight_id")
        for side in ("laurel", "bare")
    )
    assert ours["flight_id"].tolist() == theirs["flight_id"].tolist()
    return {
        "difference": float(np.abs(ours["score"].to_numpy() - theirs["score"].to_numpy()).max())
    }


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Do it once, with the memory before and at its most."""
    begun, wall, cpu = peak(), perf_counter(), process_time()
    work()
    seconds, spent = perf_counter() - wall, process_time() - cpu
    return {"seconds": seconds, "cpu": spent, "begun": begun, "peak": peak()}


if __name__ == "__main__":
    share_cores(load_settings())
    side, place = sys.argv[1], Path(sys.argv[2])
    if side == "prepare":
        found = prepare(place, *map(int, sys.argv[3:]))
    elif side == "compare":
        found = compare(place)
    elif side == "trees":
        found = trees(place)
    else:
        sides = {
            "laurel": laurel,
            "shadow": shadow,
            "twice": twice,
            "bare": bare,
            "plain": plain,
        }
        found = timed(sides[side](place))
    print(json.dumps(found))
