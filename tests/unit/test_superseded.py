"""Trailing features over histories with corrections: a training day has what live scoring had.

Random revisions of rows, labels and context, some without rows that were there before, some with
rows that were not. The oracle scores each day by itself from the revisions that were the newest
known at its cutoff; it knows of no window, no snapshot and no ``known_until``.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from laurel.adapters import tables
from laurel.adapters.documents import write_json
from laurel.adapters.engine.memory import MemoryEngine
from laurel.adapters.frames import read_frame
from laurel.adapters.records import Catalog
from laurel.adapters.tables import write_table
from laurel.domain.canonical import instant
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.config import UseCaseConfig
from laurel.domain.featureset import Featurizer
from laurel.domain.history import cutoff_of, stamp
from laurel.domain.partition import Partition
from laurel.domain.uses import read_use
from laurel.domain.window import SPLITS
from laurel.errors import IntegrityError
from laurel.stages import assemble as assembling
from laurel.stages.assemble import assemble
from laurel.stages.featurize import featurize, load_featurizer
from laurel.stages.score import Given, live_features
from laurel.stages.snapshot import Snapshot, snapshot
from laurel.usecase import UseCase, load_usecase
from support.synthetic import USECASE_YAML

FIRST, DAYS = date(2024, 1, 1), 18
AS_OF = Partition(FIRST).shifted(DAYS).start
DATASETS = ("climate", "returns", "visits")
SHOPS = ("east", "north", "south")
FEATURES = '''\
"""Features that change with any row of the past, its order, and when it was known."""
import numpy as np
import pandas as pd


def told(frame, names):
    order = np.arange(1, len(frame) + 1)
    said = {f"rows": len(frame)}
    for name in names:
        values = frame[name].to_numpy(dtype="float64", na_value=0.5)
        said[name] = float((values * order).sum())
    hours = (frame["known_at"] - pd.Timestamp("2024-01-01", tz="UTC")) / pd.Timedelta(hours=1)
    return {**said, "known": float((hours.to_numpy() * order).sum())}


def featurize(rows, context):
    features = pd.DataFrame({"amount": rows["amount"]}, index=rows.index)
    tables = {"history": ["amount", "returned"], "climate": ["level"]}
    for table, names in tables.items():
        for name, value in told(context[table], names).items():
            features[f"{table}_{name}"] = value
    for shop in ("east", "north", "south"):
        own = context["history"][context["history"]["shop"] == shop]
        features[f"{shop}_rate"] = float(own["returned"].mean()) if len(own) else np.nan
    return features
'''

Change = tuple[str, int, int, int]
"""A dataset, a day, so many hours after it ended another revision was known, and how it differs."""

changes = st.lists(
    st.tuples(
        st.sampled_from(DATASETS),
        st.integers(3, DAYS - 3),
        st.integers(0, 24 * 7),
        st.integers(0, 999),
    ),
    max_size=14,
)


@dataclass(frozen=True)
class World:
    """Every revision there is, and the bytes of each."""

    usecase: UseCase
    folder: Path
    states: Mapping[str, CatalogState]
    frames: Mapping[str, pd.DataFrame]
    """By md5."""

    def chosen(self, as_of: datetime = AS_OF) -> Snapshot:
        catalogs = {name: cast("Catalog", Told(state)) for name, state in self.states.items()}
        return snapshot(self.usecase, catalogs, as_of=as_of)

    def lay(self, chosen: Snapshot, folder: Path) -> Path:
        data = folder / "data" / self.usecase.name
        for name in self.states:
            (data / "inputs" / name).mkdir(parents=True)
            for file, ref in chosen.files(name).items():
                shutil.copy(self.folder / f"{ref.md5}.parquet", data / "inputs" / name / file)
        write_json(chosen.document(), data / "window.json")
        return data

    def frame(self, chosen: Snapshot, folder: Path) -> pd.DataFrame:
        data = self.lay(chosen, folder)
        assemble(self.usecase, folder)
        featurize(self.usecase, folder)
        return read_frame(data)


@dataclass(frozen=True)
class Told:
    state: CatalogState

    def read(self) -> CatalogState:
        return self.state


@pytest.fixture(scope="module", autouse=True)
def small_files() -> Iterator[None]:
    """Files of few partitions, so that there are several of each table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables.parts, "PART_ROWS", 11)
        patch.setattr(assembling, "PART_ROWS", 11)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("superseded")
    for name in ("usecase/toy", "bytes"):
        (made / name).mkdir(parents=True)
    (made / "usecase/toy/features.py").write_text(FEATURES)
    (made / "usecase/toy/usecase.yaml").write_text(USECASE_YAML)
    return made


def configured(folder: Path, *, horizon: int, history: int) -> UseCase:
    document = yaml.safe_load(USECASE_YAML)
    document["features"]["history_days"] = history
    document["scoring"]["horizon_hours"] = horizon
    document["training"] |= {"train_days": 4, "validation_days": 1, "holdout_days": 3}
    document["training"]["start"] = "2024-01-08"
    config = UseCaseConfig.model_validate(document)
    return replace(load_usecase(folder / "usecase/toy"), config=config)


def base(dataset: str, day: Partition) -> pd.DataFrame:
    """Four visits a day; their labels the day after, one of them a day late; a climate by shop."""
    if dataset == "visits":
        at = [pd.Timestamp(day.start + timedelta(hours=6 * n)).as_unit("us") for n in range(4)]
        shops = [SHOPS[(day.day.day + n) % 3] for n in range(4)]
        return pd.DataFrame(
            {
                "visit_id": pd.Series([f"{day.key}/{n}" for n in range(4)], dtype="str"),
                "at": at,
                "shop": pd.Series(shops, dtype="str"),
                "amount": [float(day.day.day * 10 + n) for n in range(4)],
                "items": np.array([1, 2, 3, 4], dtype="int64"),
                "coupon": pd.Series([None, "spring", None, "vip"], dtype="str"),
            }
        )
    if dataset == "climate":
        observed = pd.Timestamp(day.start + timedelta(hours=12)).as_unit("us")
        return pd.DataFrame(
            {
                "shop": pd.Series(SHOPS, dtype="str"),
                "observed": [observed] * 3,
                "level": [day.day.day + n / 8 for n in range(3)],
            }
        )
    ids = [f"{day.shifted(-1).key}/{n}" for n in range(3)] + [f"{day.shifted(-2).key}/3"]
    return labels(ids, day, [float((day.day.day + n) % 2) for n in range(4)])


def labels(ids: Sequence[str], day: Partition, returned: Sequence[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "visit_id": pd.Series(ids, dtype="str"),
            "arrived": [pd.Timestamp(day.start + timedelta(hours=1)).as_unit("us")] * len(ids),
            "refund": np.full(len(ids), 1.5),
            "returned": np.array(returned, dtype="float64"),
        }
    )


def restated(dataset: str, day: Partition, salt: int) -> pd.DataFrame:
    """As before, but for some values; without some rows; of visits and labels, with another."""
    draw, frame = np.random.default_rng(salt), base(dataset, day)
    if dataset == "visits":
        frame["amount"] += draw.integers(0, 3, len(frame)) / 4
        one = frame.iloc[[int(draw.integers(4))]].assign(visit_id=f"{day.key}/{salt % 3 + 4}")
    elif dataset == "returns":
        turned = draw.integers(0, 2, len(frame)) == 1
        frame["returned"] = np.where(turned, 1 - frame["returned"], frame["returned"])
        about = day.shifted(-int(draw.integers(1, 5)))
        one = labels([f"{about.key}/{int(draw.integers(5))}"], day, [float(salt % 2)])
        one = one[~one["visit_id"].isin(frame["visit_id"])]
    else:
        frame["level"] += draw.integers(0, 3, len(frame)) / 4
        one = frame.iloc[:0]
    kept = frame[draw.random(len(frame)) < 0.8]
    whole = pd.concat([kept, one], ignore_index=True) if len(kept) else frame
    order = {"visits": ["at", "visit_id"], "returns": ["arrived", "visit_id"]}
    by = order.get(dataset, ["observed", "shop"])
    return whole.sort_values(by, kind="stable", ignore_index=True)


def world(folder: Path, usecase: UseCase, said: Sequence[Change]) -> World:
    """Every day known when it ended, and each change as one more revision of its day."""
    told: list[tuple[str, int, int, int | None]] = [
        (name, n, 0, None) for name in usecase.config.datasets for n in range(DAYS)
    ]
    found: dict[str, dict[str, tuple[Revision, ...]]] = {name: {} for name in DATASETS}
    frames = {}
    for name, n, hours, salt in [*told, *said]:
        day = Partition(FIRST).shifted(n)
        frame, data, md5, content = _kept(name, day, salt)
        (folder / "bytes" / f"{md5}.parquet").write_bytes(data)
        frames[md5] = frame
        before = found[name].get(day.key, ())
        one = Revision(
            partition=day.key,
            revision=len(before) + 1,
            md5=md5,
            content_hash=content,
            size=len(data),
            rows=len(frame),
            fingerprint="",
            suite="",
            outcome="passed",
            known_at=day.end + timedelta(hours=hours),
            published_at=AS_OF,
            tree="",
            run="",
        )
        found[name][day.key] = (*before, one)
    states = {name: CatalogState(revisions) for name, revisions in found.items()}
    return World(usecase, folder / "bytes", states, frames)


@cache
def _kept(dataset: str, day: Partition, salt: int | None) -> tuple[pd.DataFrame, bytes, str, str]:
    """The rows of a revision, their bytes, the md5 of these, and a digest of the rows."""
    frame = base(dataset, day) if salt is None else restated(dataset, day, salt)
    with TemporaryDirectory() as aside:
        file = Path(aside) / "frame.parquet"
        facts = write_table(frame, file, durable=False)
        data = file.read_bytes()
    return frame, data, hashlib.md5(data, usedforsecurity=False).hexdigest(), facts.content_hash


def newest(revisions: Sequence[Revision], moment: datetime) -> Revision | None:
    """The oracle's rule: of all that were known, that of the highest number."""
    known = [each for each in revisions if each.known_at <= moment]
    return max(known, key=lambda each: each.revision, default=None)


def met(world: World, day: date) -> dict[str, list[Revision]]:
    """What scoring a day looks back on: by the days before it, and what was known at its cutoff."""
    config = world.usecase.config
    cutoff = cutoff_of(Partition(day), config)
    before = [Partition(day).shifted(-n) for n in range(config.features.history_days, 0, -1)]
    found: dict[str, list[Revision]] = {}
    for name, state in world.states.items():
        there = [state.revisions.get(each.key, ()) for each in before]
        found[name] = [one for each in there if (one := newest(each, cutoff)) is not None]
    return found


def live(world: World, day: date, own: pd.DataFrame) -> pd.DataFrame:
    """What live scoring computed of these rows of a day."""
    config, past = world.usecase.config, {}
    for name, revisions in met(world, day).items():
        spec = config.datasets[name]
        parts = [
            stamp(world.frames[each.md5], partition=each.partition, known_at=instant(each.known_at))
            for each in revisions
        ]
        empty = stamp(base(name, Partition(day)).iloc[:0], partition="", known_at=instant(AS_OF))
        past[spec.role] = pd.concat([empty, *parts], ignore_index=True) if parts else empty
    given = Given(
        partition=Partition(day),
        file=Path("none"),
        past_rows=past["rows"].drop(columns="known_at"),
        labels=past["labels"].drop(columns="partition"),
        context={"climate": past["context"]},
    )
    featurizer = _featurizer(world.usecase.features_file())
    return live_features(given, featurizer, config=config).of(own)


@cache
def _featurizer(file: Path) -> Featurizer:
    return load_featurizer(file, usecase="toy")


def check_equal_to_live(world: World, frame: pd.DataFrame, chosen: Snapshot) -> None:
    """Of every day to learn from or to judge on, bit for bit."""
    rows = {each.partition: world.frames[each.md5] for each in chosen.revisions["visits"]}
    seen = 0
    for split in SPLITS:
        for day in getattr(chosen.window, split):
            mine = frame[frame["partition"] == day.key].reset_index(drop=True)
            whole = rows[day.key].reset_index(drop=True)
            found = live(world, day.day, whole).assign(visit_id=whole["visit_id"])
            expected = found.set_index("visit_id").loc[mine["visit_id"]].reset_index()
            names = [name for name in expected.columns if name != "visit_id"]
            pd.testing.assert_frame_equal(mine[names], expected[names], check_exact=True)
            seen += len(mine)
    assert seen == len(frame) > 0


LATER = [
    ("climate", 9, 60, 1),
    ("returns", 10, 30, 2),
    ("visits", 9, 100, 3),
    ("returns", 9, 54, 4),
]
"""Corrections of the past of days that were scored before and after each was known."""


@settings(deadline=None, max_examples=8)
@given(changes, st.sampled_from((0, 6, 30)), st.sampled_from((1, 4)))
@example(LATER, 0, 4)
@example([*LATER, ("visits", 9, 20, 5), ("returns", 10, 90, 6), ("climate", 9, 30, 7)], 6, 4)
def test_features_of_a_training_day_are_those_that_live_scoring_computed_that_day(
    folder: Path, said: list[Change], horizon: int, history: int
) -> None:
    made = world(folder, configured(folder, horizon=horizon, history=history), said)
    chosen = made.chosen()
    with TemporaryDirectory() as work:
        check_equal_to_live(made, made.frame(chosen, Path(work)), chosen)


def test_without_superseded_revisions_features_of_earlier_days_would_be_others(
    folder: Path, tmp_path: Path
) -> None:
    made = world(folder, configured(folder, horizon=0, history=4), LATER)
    chosen = made.chosen()
    assert {name: len(lines) for name, lines in chosen.superseded.items()} == {
        "climate": 1,
        "returns": 2,
        "visits": 1,
    }
    frame = made.frame(replace(chosen, superseded={}), tmp_path)
    with pytest.raises(AssertionError):
        check_equal_to_live(made, frame, chosen)


def test_revisions_travel_to_workers_and_give_the_same_frame(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Engines that send calls to other processes pickle them."""
    made = world(folder, configured(folder, horizon=6, history=4), LATER)
    chosen = made.chosen()
    here = made.frame(chosen, tmp_path / "here")

    def sent(_engine: Any, function: Any, calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        for call in calls:
            yield pickle.loads(pickle.dumps(function(*pickle.loads(pickle.dumps(call)))))  # noqa: S301

    monkeypatch.setattr(MemoryEngine, "each", sent)
    there = made.frame(chosen, tmp_path / "there")
    pd.testing.assert_frame_equal(here, there, check_exact=True)


def test_a_snapshot_without_corrections_is_as_one_that_knows_of_none(
    folder: Path, tmp_path: Path
) -> None:
    made = world(folder, configured(folder, horizon=0, history=4), [])
    chosen = made.chosen()
    assert "superseded" not in chosen.document()
    assert next(iter(chosen.files("visits"))) == "2024-01-05.parquet"
    data = made.lay(chosen, tmp_path)
    (data / "snapshot" / "superseded").mkdir(parents=True)
    assemble(made.usecase, tmp_path)
    found = {path.name for path in (data / "snapshot").iterdir()}
    assert found == {"rows", "returns", "climate", "counts.json"}


def test_a_superseded_revision_is_a_use_of_it_and_its_file_must_be_there(
    folder: Path, tmp_path: Path
) -> None:
    made = world(folder, configured(folder, horizon=0, history=4), LATER)
    chosen = made.chosen()
    inputs = {**chosen.read(), "champion": None}
    document = {"id": "1", "kind": "train", "as_of": "2024-01-21T00:00:00Z", "inputs": inputs}
    use = read_use(document, rows="visits")
    assert {("2024-01-10", 1), ("2024-01-10", 2)} <= set(use.lines("visits"))
    assert use.reads("visits", {"2024-01-10": (1,)}) == ("2024-01-10", 1)

    data = made.lay(chosen, tmp_path)
    (data / "inputs/visits/2024-01-10.r1.parquet").unlink()
    with pytest.raises(IntegrityError, match=re.escape("besides: 2024-01-10.r1.parquet")):
        assemble(made.usecase, tmp_path)


@settings(deadline=None, max_examples=30)
@given(changes, st.sampled_from((0, 6, 30)), st.sampled_from((0, 1, 4)))
@example([*LATER, ("visits", 9, 20, 5), ("visits", 9, 10, 8)], 0, 4)
def test_a_snapshot_holds_just_the_revisions_that_some_day_of_it_meets(
    folder: Path, said: list[Change], horizon: int, history: int
) -> None:
    made = world(folder, configured(folder, horizon=horizon, history=history), said)
    chosen = made.chosen()
    expected = {
        (name, each.partition, each.revision)
        for name, lines in chosen.revisions.items()
        for each in (newest(made.states[name].revisions[line.partition], AS_OF) for line in lines)
        if each is not None
    }
    inside = {(name, partition) for name, partition, _ in expected}
    for split in SPLITS:
        for day in getattr(chosen.window, split):
            expected |= {
                (name, each.partition, each.revision)
                for name, lines in met(made, day.day).items()
                for each in lines
                if (name, each.partition) in inside
            }
    document = chosen.document()
    found = [
        (name, line["partition"], line["revision"])
        for part in ("datasets", "superseded")
        for name, lines in document.get(part, {}).items()
        for line in lines
    ]
    assert sorted(found) == sorted(expected)
    for name in made.states:
        read = {(one["partition"], one["revision"]) for one in _lines(document, name)}
        assert len(chosen.files(name)) == len(read)
    if history == 0:
        assert "superseded" not in document


def _lines(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [*document["datasets"][name], *document.get("superseded", {}).get(name, ())]
