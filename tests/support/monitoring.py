"""A small world of flights to monitor: features, scores and labels, seeded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.config import UseCaseConfig
from laurel.domain.partition import Partition
from laurel.domain.profile import Counts, bin_counts, build_profile
from laurel.domain.report import ChampionFacts
from laurel.stages.monitor import MonitorInput
from laurel.stages.seen import Part, Seen, see
from laurel.usecase import UseCase

CARRIERS = ("UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX", "FL", "AS", "F9")
SHARES = np.array([0.17, 0.16, 0.16, 0.14, 0.1, 0.08, 0.06, 0.05, 0.04, 0.02, 0.01, 0.007, 0.003])
TODAY = Partition.of("2013-07-01")
VERSION = "flights-20130601-3fa9c1"
DAYS = 28
IMPORTANCE = {
    "hour": 0.34,
    "late_share_7d": 0.29,
    "wind": 0.18,
    "carrier": 0.09,
    "distance": 0.06,
    "weekday": 0.04,
    "origin": 0.0,
}


def make_usecase(**monitoring: Any) -> UseCase:
    """A use case whose monitoring says what the test needs."""
    columns = {
        "time": {"type": "timestamp"},
        "key": {"type": "string"},
        "origin": {"type": "string"},
    }
    label = {"came": {"type": "timestamp"}, "key": {"type": "string"}, "late": {"type": "bool"}}
    rows = {"role": "rows", "time": "time", "key": ["key"], "suite": "raw", "columns": columns}
    document = {
        "name": "flights",
        "title": "Late arrivals of flights from New York",
        "owner": "network planning",
        "start": "2013-01-01",
        "datasets": {
            "flights": rows,
            "labels": {
                **rows,
                "role": "labels",
                "time": "came",
                "suite": "labels",
                "columns": label,
            },
            "weather": {**rows, "role": "context", "suite": "weather"},
        },
        "label": {"column": "late"},
        "training": {
            "schedule": "0 0 * * 1",
            "start": "2013-04-01",
            "train_days": 60,
            "validation_days": 7,
            "holdout_days": 7,
            "suite": "frame",
        },
        "gate": {"slices": ["origin"]},
        "scoring": {"suite": "predictions"},
        "monitoring": {"performance": [{"kind": "at_least", "metric": "auc", "value": 0.65}]}
        | monitoring,
    }
    return UseCase(folder=Path("flights"), config=UseCaseConfig.model_validate(document))


def make_rows(rows: int, *, seed: int, weekday: int | None = None) -> pd.DataFrame:
    """Features of some flights, with a ``score`` and a ``label`` drawn from it."""
    rng = np.random.default_rng(seed)
    days = rng.integers(0, 7, rows) if weekday is None else np.full(rows, weekday)
    frame = pd.DataFrame(
        {
            "hour": rng.choice(np.arange(5, 24), rows).astype("float32"),
            "weekday": days.astype("int8"),
            "distance": rng.lognormal(6.8, 0.6, rows).astype("float32"),
            "wind": rng.gamma(4.0, 2.6, rows).astype("float32"),
            "late_share_7d": rng.beta(4, 14, rows).astype("float32"),
            "carrier": pd.Categorical(rng.choice(CARRIERS, rows, p=SHARES / SHARES.sum())),
            "origin": pd.Categorical(rng.choice(["EWR", "JFK", "LGA"], rows)),
        }
    )
    frame.loc[rng.random(rows) < 0.03, "wind"] = np.nan
    risk = 0.09 * (frame["hour"] - 14) + 0.05 * (frame["wind"].fillna(10) - 10)
    risk = risk + 5 * (frame["late_share_7d"] - 0.22) - 1.5
    score = 1 / (1 + np.exp(-risk.to_numpy(dtype=float)))
    frame["score"] = score
    frame["label"] = (rng.random(rows) < score).astype(float)
    return frame


def features_of(frame: pd.DataFrame) -> pd.DataFrame:
    """The feature columns alone."""
    return frame.drop(columns=["score", "label"])


def scores_of(frame: pd.DataFrame) -> NDArray[np.float64]:
    """The scores alone."""
    return frame["score"].to_numpy(dtype=float)


def make_profile(rows: int = 20_000) -> Counts:
    """What the champion saw in training."""
    frame = make_rows(rows, seed=1)
    return build_profile(features_of(frame), scores_of(frame), importance=IMPORTANCE)


def make_champion(profile: Counts | None = None) -> ChampionFacts:
    """The champion that scored everything here."""
    return ChampionFacts(
        model_version=VERSION,
        as_of=datetime(2013, 6, 1, tzinfo=UTC),
        since=datetime(2013, 6, 2, tzinfo=UTC),
        holdout={
            "auc": 0.712,
            "average_precision": 0.421,
            "log_loss": 0.476,
            "brier": 0.153,
            "calibration_error": 0.012,
        },
        profile=make_profile() if profile is None else profile,
    )


def make_days(days: int = DAYS, *, rows: int = 900) -> dict[str, pd.DataFrame]:
    """The days before today, each with its own weekday."""
    found = {}
    for back in range(days, 0, -1):
        day = TODAY.shifted(-back)
        found[day.key] = make_rows(rows, seed=100 + back, weekday=day.day.weekday())
    return found


def make_trailing(days: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The published predictions of some days, joined with their labels."""
    parts: Iterable[pd.DataFrame] = (
        frame[["score", "label", "origin"]].assign(partition=key, model_version=VERSION)
        for key, frame in days.items()
    )
    empty = pd.DataFrame(columns=["score", "label", "origin", "partition", "model_version"])
    return pd.concat([*parts]) if days else empty


def make_seen(today: pd.DataFrame, profile: Counts, **changes: Any) -> Seen:
    """What is seen of a night's rows; ``changes`` are of the one part that they come in."""
    decided = {"score": today["score"], "decision": today["score"] >= 0.5}
    part = Part(features_of(today), pd.DataFrame(decided))
    return see(
        make_usecase(),
        [replace(part, **changes)],
        profile=profile,
        rows=len(today),
        partition=TODAY,
    )


def make_input(
    today: pd.DataFrame | None = None,
    *,
    days: dict[str, pd.DataFrame] | None = None,
    profile: Counts | None = None,
    part: Mapping[str, Any] | None = None,
    **changes: Any,
) -> MonitorInput:
    """Everything a report is made of; a calm night when nothing is said.

    part: what is said otherwise of the night's own rows.
    """
    today = make_rows(900, seed=7, weekday=TODAY.day.weekday()) if today is None else today
    days = make_days() if days is None else days
    champion = make_champion(profile)
    given = MonitorInput(
        partition=TODAY,
        champion=champion,
        seen=make_seen(today, champion.profile, **(part or {})),
        trailing=make_trailing(days),
        trailing_counts={
            key: bin_counts(champion.profile, features_of(frame), scores_of(frame))
            for key, frame in days.items()
        },
        newest={"flights": TODAY, "labels": TODAY.shifted(-1), "weather": TODAY},
    )
    return replace(given, **changes)
