"""A tiny complete use case, ``toy``: visits to three shops, and whether they end in a return.

Some 80 visits a day for 60 days, with a real signal in the amount, the shop and the day before's
climate. Everything follows from the day alone, so reading a day twice gives the same rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from laurel.adapters.documents import write_json
from laurel.adapters.tables import conform, write_table
from laurel.domain.canonical import instant, parse_instant
from laurel.domain.partition import Partition
from laurel.domain.schema.suite import synced
from laurel.domain.window import TrainingWindow, plan
from laurel.usecase import UseCase, load_usecase

NAME = "toy"
START, END = date(2024, 1, 1), date(2024, 2, 29)
AS_OF = parse_instant("2024-02-12")
"""Hold-out 4 to 10 February, validation 29 January to 2 February, train 8 to 28 January."""

USECASE_YAML = """\
name: toy
title: Visits that end in a return
description: Synthetic; only for tests.
owner: tests
tags: [synthetic]
start: 2024-01-01
end: 2024-02-29
source:
  options: {rows_per_day: "80"}
datasets:
  visits:
    role: rows
    time: at
    key: [visit_id]
    suite: toy.raw
    columns:
      visit_id: {type: string, personal: indirect, description: Number of the visit}
      at: {type: timestamp, description: When it began}
      shop: {type: string, allowed: [east, north, south], description: Where it was}
      amount: {type: float64, unit: euro, description: What was paid}
      items: {type: int64, unit: none, minimum: 1, maximum: 5, description: Things bought}
      coupon: {type: string, nullable: true, description: "Kind of coupon, null without one"}
  returns:
    role: labels
    time: arrived
    key: [visit_id]
    suite: toy.labels
    columns:
      visit_id: {type: string, personal: indirect, description: As in visits}
      arrived: {type: timestamp, description: When this became known}
      refund: {type: float64, nullable: true, unit: euro, description: What was paid back}
      returned:
        type: float64
        nullable: true
        unit: none
        allowed: [0, 1]
        description: 1 when something came back; null where a visit was cancelled
  climate:
    role: context
    time: observed
    key: [shop, observed]
    suite: toy.context
    columns:
      shop: {type: string, allowed: [east, north, south], description: Where it was measured}
      observed: {type: timestamp, description: When it was measured}
      level: {type: float64, unit: none, description: How the day is there}
label:
  column: returned
  delay_days: 1
features:
  history_days: 7
training:
  schedule: "0 0 * * 1"
  start: 2024-02-05
  train_days: 21
  validation_days: 5
  holdout_days: 7
  decision_lag_days: 1
  suite: toy.frame
  model:
    params: {eta: 0.2, max_depth: 3, subsample: 0.8}
    rounds: 60
    early_stopping_rounds: 10
    seed: 7
gate:
  thresholds:
    - {kind: at_least, metric: auc, value: 0.65}
    - {kind: not_worse, metric: auc, margin: 0.03}
  slices: [shop]
  minimum_rows: 150
  refresh_after_days: 0
  resamples: 200
scoring:
  schedule: "0 0 * * *"
  horizon_hours: 0
  threshold: 0.5
  suite: toy.predictions
  deadline_hours: 24
monitoring:
  reference_days: 7
  performance:
    - {kind: at_least, metric: auc, value: 0.6}
  minimum_rows: 100
"""

SOURCE_PY = '''\
"""Visits, returns and climate, made from the day alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

SHOPS, SHARES, TILT = ("east", "north", "south"), (0.15, 0.5, 0.35), (0.9, -0.7, 0.2)
DELAY = timedelta(days=1)


def read(
    dataset: str, start: datetime, end: datetime, options: Mapping[str, str]
) -> pd.DataFrame:
    """The rows of a dataset whose time lies in ``[start, end)``."""
    lag = DELAY if dataset == "returns" else timedelta(0)
    first, last = start - lag, end - lag - timedelta(microseconds=1)
    days = pd.date_range(first.date(), last.date(), tz="UTC", unit="us")
    make = {"visits": _visits, "returns": _returns, "climate": _climate}[dataset]
    frame = pd.concat([make(day, int(options["rows_per_day"])) for day in days], ignore_index=True)
    time = {"visits": "at", "returns": "arrived", "climate": "observed"}[dataset]
    inside = (frame[time] >= pd.Timestamp(start)) & (frame[time] < pd.Timestamp(end))
    return frame[inside].reset_index(drop=True)


def fingerprint(dataset: str, options: Mapping[str, str]) -> str:
    """SHA-256 of what the rows follow from."""
    return hashlib.sha256(f"{dataset} {sorted(options.items())}".encode()).hexdigest()


def _visits(day: pd.Timestamp, count: int) -> pd.DataFrame:
    return _day(day, count)[["visit_id", "at", "shop", "amount", "items", "coupon"]]


def _returns(day: pd.Timestamp, count: int) -> pd.DataFrame:
    rows = _day(day, count)
    rows["arrived"] = rows["at"] + DELAY
    return rows[["visit_id", "arrived", "refund", "returned"]]


def _climate(day: pd.Timestamp, _count: int) -> pd.DataFrame:
    level = np.random.default_rng(_seed(day) + 1).normal(size=len(SHOPS)).round(3)
    observed = pd.Series(day + timedelta(hours=12), index=range(len(SHOPS)))
    shops = pd.Series(SHOPS, dtype="str")
    return pd.DataFrame({"shop": shops, "observed": observed, "level": level})


def _day(day: pd.Timestamp, count: int) -> pd.DataFrame:
    draw = np.random.default_rng(_seed(day))
    shop = draw.choice(len(SHOPS), size=count, p=SHARES)
    amount = draw.gamma(2.0, 20.0, size=count).round(2)
    items = draw.integers(1, 6, size=count)
    before = _climate(day - timedelta(days=1), count)["level"].to_numpy()
    tilt = -1.2 + np.array(TILT)[shop] + 0.04 * (amount - 40) + 0.6 * before[shop]
    returned = (draw.random(count) < 1 / (1 + np.exp(-tilt))).astype("float64")
    cancelled = draw.random(count) < 0.02
    coupon = pd.Series(draw.choice(["none", "spring", "vip"], size=count), dtype="str")
    seconds = np.sort(draw.integers(0, 86_400, size=count))
    return pd.DataFrame(
        {
            "visit_id": pd.Series([f"{day:%Y%m%d}-{n:04}" for n in range(count)], dtype="str"),
            "at": day + pd.to_timedelta(seconds, unit="s"),
            "shop": pd.Series(np.array(SHOPS)[shop], dtype="str"),
            "amount": amount,
            "items": items,
            "coupon": coupon.mask(coupon == "none"),
            "refund": np.where(cancelled, np.nan, returned * amount),
            "returned": np.where(cancelled, np.nan, returned),
        }
    )


def _seed(day: pd.Timestamp) -> int:
    return int(day.strftime("%Y%m%d")) * 10
'''

FEATURES_PY = '''\
"""What is known of a visit at the cutoff."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd


def featurize(rows: pd.DataFrame, context: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Features of ``rows``, same index and order."""
    features = pd.DataFrame(index=rows.index)
    features["amount"] = rows["amount"].astype("float32")
    features["items"] = rows["items"].astype("float32")
    features["hour"] = rows["at"].dt.hour.astype("float32")
    features["shop"] = rows["shop"].astype("category")
    features["coupon"] = rows["coupon"].astype("category")
    features["climate"] = _last_level(rows, context["climate"])
    features["shop_rate"] = _rate(rows, context["history"])
    return features


def _last_level(rows: pd.DataFrame, climate: pd.DataFrame) -> np.ndarray:
    result = np.full(len(rows), np.nan, dtype="float32")
    for cutoff in rows["cutoff"].unique():
        known = climate[climate["known_at"] <= cutoff].sort_values("observed")
        last = known.drop_duplicates("shop", keep="last").set_index("shop")["level"]
        own = (rows["cutoff"] == cutoff).to_numpy()
        result[own] = rows["shop"][own].map(last).to_numpy(dtype="float32")
    return result


def _rate(rows: pd.DataFrame, history: pd.DataFrame) -> np.ndarray:
    result = np.full(len(rows), np.nan, dtype="float32")
    for cutoff in rows["cutoff"].unique():
        recent = history["at"] >= cutoff - pd.Timedelta(days=7)
        known = history[(history["known_at"] <= cutoff) & recent]
        rate = known.groupby("shop")["returned"].mean()
        own = (rows["cutoff"] == cutoff).to_numpy()
        result[own] = rows["shop"][own].map(rate).to_numpy(dtype="float32")
    return result
'''


def write_toy(folder: Path) -> tuple[Path, Path]:
    """Write the use case and its suites; returns the folders for LAUREL_USECASES and
    LAUREL_EXPECTATIONS."""
    usecase, suites = folder / "usecases" / NAME, folder / "expectations" / NAME
    usecase.mkdir(parents=True, exist_ok=True)
    suites.mkdir(parents=True, exist_ok=True)
    (usecase / "usecase.yaml").write_text(USECASE_YAML)
    (usecase / "source.py").write_text(SOURCE_PY)
    (usecase / "features.py").write_text(FEATURES_PY)
    write_suites(load_usecase(usecase), suites, SUITES)
    return usecase.parent, suites.parent


def write_suites(
    usecase: UseCase, folder: Path, suites: Mapping[str, list[dict[str, Any]]]
) -> None:
    """Write suites, each with what the contract of its dataset says."""
    contracts = {dataset.suite: dataset for dataset in usecase.config.datasets.values()}
    for name, expectations in suites.items():
        document = _suite(name, expectations)
        if dataset := contracts.get(document["name"]):
            document = synced(document, dataset)
        (folder / f"{name}.json").write_text(json.dumps(document, indent=2))


def load_toy(folder: Path) -> UseCase:
    """Write the use case into a folder and load it."""
    return load_usecase(write_toy(folder)[0] / NAME)


def lay_window(
    usecase: UseCase, folder: Path, *, as_of: datetime = AS_OF, champion: Path | None = None
) -> TrainingWindow:
    """Lay ``window.json``, inputs and champion of a training run, read from the source itself.

    champion: the ``model`` folder of another run; the note then calls it ``toy-champion``.
    """
    window = plan(usecase.config, as_of)
    data = folder / "data" / usecase.name
    datasets = {
        name: [_lay(usecase, data / "inputs" / name, name, p) for p in window.partitions(spec.role)]
        for name, spec in sorted(usecase.config.datasets.items())
    }
    write_json({**window.document(), "datasets": datasets}, data / "window.json")
    reigning = data / "inputs" / "champion"
    version = None if champion is None else "toy-champion"
    write_json({"model_version": version}, reigning / "champion.json")
    for file in sorted(champion.iterdir()) if champion else ():
        (reigning / file.name).write_bytes(file.read_bytes())
    return window


def _lay(usecase: UseCase, folder: Path, name: str, partition: Partition) -> dict[str, Any]:
    dataset = usecase.config.datasets[name]
    raw = usecase.source().read(name, partition.start, partition.end, usecase.config.source.options)
    frame = conform(raw, dataset, usecase=usecase.name, name=name)
    file = folder / f"{partition.key}.parquet"
    facts = write_table(frame, file)
    return {
        "partition": partition.key,
        "revision": 1,
        "known_at": instant(partition.end),
        "md5": hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest(),
        "rows": facts.rows,
    }


def _expect(kind: str, severity: str = "critical", **kwargs: object) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity, "meta": {}}


def _suite(name: str, expectations: list[dict[str, Any]]) -> dict[str, Any]:
    suite = f"{NAME}.{name}"
    return {
        "name": suite,
        "id": str(uuid5(NAMESPACE_URL, suite)),
        "expectations": [
            {"id": str(uuid5(NAMESPACE_URL, f"{suite}/{place}")), **expectation}
            for place, expectation in enumerate(expectations)
        ],
        "meta": {"great_expectations_version": "1.24.1"},
        "notes": None,
    }


_SHOPS = ["east", "north", "south"]
_AMOUNT = _expect("column_values_to_be_between", column="amount", min_value=0, max_value=2000)
SUITES: Mapping[str, list[dict[str, Any]]] = {
    "raw": [
        _expect("table_row_count_to_be_between", min_value=40, max_value=400),
        _AMOUNT,
        _expect("column_values_to_not_be_null", "warning", column="coupon", mostly=0.3),
    ],
    "labels": [_expect("table_row_count_to_be_between", min_value=40, max_value=400)],
    "context": [_expect("column_values_to_be_between", column="level", min_value=-8, max_value=8)],
    "frame": [
        _expect("table_row_count_to_be_between", min_value=500),
        _AMOUNT,
        _expect("column_values_to_be_unique", column="visit_id"),
        _expect("column_values_to_be_in_set", column="shop", value_set=_SHOPS),
        _expect("column_values_to_be_between", column="items", min_value=1, max_value=5),
        _expect("column_mean_to_be_between", column="returned", min_value=0.1, max_value=0.7),
        _expect("column_values_to_not_be_null", "warning", column="returned", mostly=0.9),
    ],
    "predictions": [
        _expect("column_values_to_be_unique", column="visit_id"),
        _expect("column_values_to_not_be_null", column="score"),
        _expect("column_values_to_be_between", column="score", min_value=0, max_value=1),
    ],
}
