"""Shards of a partition: put together they are the bytes of one pass; guards see the whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laurel.adapters.tables import read_table, write_table
from laurel.domain.shard import MOST, Shard, cut_shards, read_shard
from laurel.errors import DataError
from laurel.runs.shards import plan_shards
from laurel.stages.predictions import (
    Written,
    expect_contract,
    manifest,
    write_predictions,
)
from laurel.stages.score import Scorer
from laurel.stages.shadow import Challenger, WrittenShadow, in_words
from laurel.stages.shards import (
    TOLD,
    Ready,
    Told,
    add_told,
    cut_shard,
    put_shadow_together,
    put_together,
    score_piece,
    score_shard,
    shadow_file,
)
from laurel.stages.tally import REFUSED
from support.trained import DAY, VERSION, Trained, trained

__all__ = ["trained"]

TOTAL = 80


@given(
    total=st.integers(1, 10**8), rows=st.integers(1, 10**7), group=st.sampled_from([10, 131_072])
)
def test_shards_are_all_rows_once_in_their_order(total: int, rows: int, group: int) -> None:
    shards = cut_shards(total, rows=rows, group=group)
    assert (shards[0].first, shards[-1].stop, len(shards) <= MOST) == (0, total, True)
    assert all(one.stop == other.first for one, other in pairwise(shards))
    assert {read_shard(shard.name, total=total) for shard in shards} == set(shards)
    assert [shard.name for shard in shards] == sorted(shard.name for shard in shards)
    sizes = {shard.rows for shard in shards[:-1]}
    assert len(sizes) <= 1
    assert all(size <= group or size % group == 0 for size in sizes)


@pytest.mark.parametrize("name", ["", "1-2", f"{2:012}-{2:012}", f"{0:012}-{81:012}"])
def test_what_is_no_shard_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="no shard"):
        read_shard(name, total=TOTAL)


def shards_of(trained: Trained, ends: list[int], folder: Path, **changed: Any) -> Written:
    """The predictions of shards that end at these rows, put together."""
    whole = replace(trained.given, **changed)
    bounds = [0, *ends, TOTAL]
    made = []
    for first, stop in pairwise(bounds):
        own = folder / f"{first}"
        own.mkdir(parents=True)
        piece = cut_shard(whole, Shard(first, stop, TOTAL), own / "rows.parquet")
        made.append(
            score_shard(
                trained.usecase, piece, model=trained.model, version=VERSION, folder=own / "out"
            )
        )
    config = trained.usecase.config
    told = [Told.of(files["told.json"].read_bytes()) for files in made]
    added = add_told(told, config, partition=DAY, rows=TOTAL)
    return put_together(iter(made), added, config, folder / "whole" / "a.parquet")


def expect_same(trained: Trained, found: Written, wanted: Written) -> None:
    config = trained.usecase.config
    assert found.path.read_bytes() == wanted.path.read_bytes()
    assert found.facts == wanted.facts
    assert found.counts == wanted.counts
    said = (manifest(config, each, model_version=VERSION) for each in (found, wanted))
    assert next(said) == next(said)
    pd.testing.assert_frame_equal(found.sample, wanted.sample, check_exact=True)


@pytest.mark.parametrize("order", ["canonical", "shuffled"])
@pytest.mark.parametrize("ends", [[40], [1, 2, 79], [13, 66]])
def test_any_split_gives_the_bytes_of_one_pass(
    trained: Trained, tmp_path: Path, ends: list[int], order: str
) -> None:
    rows = trained.given.rows()
    rows.loc[[2, 50, 77], "coupon"] = ["new-1", "new-2", "new-1"]
    if order == "shuffled":
        rows = rows.sample(frac=1, random_state=5).reset_index(drop=True)
    file = tmp_path / "rows.parquet"
    write_table(rows, file)
    whole = trained.written(tmp_path / "one" / "a.parquet", file=file)
    assert whole.unseen == {"coupon": {"new-1": 2, "new-2": 1}}
    expect_same(trained, shards_of(trained, ends, tmp_path / "many", file=file), whole)


def test_the_sample_of_shards_is_that_of_every_so_manieth_row_of_the_whole(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("laurel.stages.tally.CANDIDATES", 12)
    whole = trained.written(tmp_path / "one" / "a.parquet", batch=7)
    assert len(whole.sample) == -(-TOTAL // 6)
    expect_same(trained, shards_of(trained, [5, 34], tmp_path / "many"), whole)


def ready(trained: Trained) -> Ready:
    return Ready(
        config=trained.usecase.config,
        given=replace(trained.given, file=Path()),
        model={file.name: file.read_bytes() for file in trained.model.iterdir() if file.is_file()},
        version=VERSION,
        challengers={},
    )


def test_a_shard_that_travels_is_scored_as_one_that_stays(trained: Trained, tmp_path: Path) -> None:
    shard = Shard(20, 50, TOTAL)
    given_here = cut_shard(trained.given, shard, tmp_path / "rows.parquet")
    here = score_shard(
        trained.usecase, given_here, model=trained.model, version=VERSION, folder=tmp_path / "out"
    )
    piece = score_piece(ready(trained), shard, given_here.file.read_bytes())
    assert piece.error is None
    assert piece.files == {name: file.read_bytes() for name, file in here.items()}


# --- challengers in shadow

OTHER, BROKEN, GONE = (f"toy-2024021{n}-1a2b3c4d" for n in (3, 4, 5))


def beside(trained: Trained, folder: Path) -> dict[str, Path]:
    """One that scores, and one whose feature code fails where an amount is -7."""
    code = """

_own = featurize


def featurize(rows, context):
    if (rows["amount"] == -7.0).any():
        raise ValueError("no such amount")
    return _own(rows, context)
"""
    return {OTHER: trained.model, BROKEN: trained.with_features(code, folder / "broken").model}


def test_challengers_say_in_shards_what_they_say_in_one_pass(
    trained: Trained, tmp_path: Path
) -> None:
    rows = trained.given.rows()
    rows.loc[60, "amount"] = -7.0
    write_table(rows, tmp_path / "rows.parquet")
    whole = replace(trained.given, file=tmp_path / "rows.parquet")
    models = beside(trained, tmp_path)
    scorer = Scorer(trained.usecase, whole, model=trained.model)
    alone = Challenger(
        OTHER,
        Scorer(trained.usecase, whole, model=trained.model, beside=scorer),
        tmp_path / "one" / "shadow.parquet",
    )
    write_predictions(scorer, tmp_path / "one" / "a.parquet", model_version=VERSION, beside=[alone])
    wanted = alone.written()

    made = []
    for first, stop in ((0, 30), (30, TOTAL)):
        own = tmp_path / f"{first}"
        own.mkdir()
        shard = Shard(first, stop, TOTAL)
        piece = cut_shard(whole, shard, own / "rows.parquet")
        travelled = replace(
            ready(trained),
            challengers={
                name: {each.name: each.read_bytes() for each in model.iterdir() if each.is_file()}
                for name, model in models.items()
            },
        )
        files = score_piece(travelled, shard, piece.file.read_bytes()).files
        (own / "shadow.parquet").write_bytes(files[shadow_file(OTHER)])
        made.append((Told.of(files[TOLD]), own / "shadow.parquet", shadow_file(BROKEN) in files))
    told = [each for each, _, _ in made]
    assert [there for _, _, there in made] == [True, False]

    def together(version: str) -> WrittenShadow | None:
        paths = (path for _, path, _ in made)
        config = trained.usecase.config
        return put_shadow_together(version, told, paths, config, tmp_path / "many" / "a.parquet")

    found = together(OTHER)
    assert found is not None
    assert (found.facts, found.decisions, found.shares) == (wanted.facts, wanted.decisions, True)
    assert found.path.read_bytes() == wanted.path.read_bytes()
    failed = together(BROKEN)
    assert failed is not None
    assert failed.facts is None
    assert failed.fault is not None
    assert in_words(failed.fault) == "ValueError: no such amount"
    assert not failed.passing
    assert together(GONE) is None, "it scores the partition by itself"


# --- guards


def test_rows_of_a_shard_that_cannot_be_scored_come_back_with_the_error(
    trained: Trained, tmp_path: Path
) -> None:
    rows = trained.given.rows()
    rows.loc[[3, 50], "amount"] = np.inf
    write_table(rows.iloc[40:], tmp_path / "rows.parquet")
    piece = score_piece(
        ready(trained), Shard(40, TOTAL, TOTAL), (tmp_path / "rows.parquet").read_bytes()
    )
    assert piece.error is not None
    assert piece.error.found == "amount in 1 row(s)"
    (tmp_path / REFUSED).write_bytes(piece.files[REFUSED])
    assert read_table(tmp_path / REFUSED)["visit_id"].tolist() == [rows["visit_id"][50]]


def test_features_that_look_at_the_rows_beside_are_refused_in_the_smallest_shard(
    trained: Trained, tmp_path: Path
) -> None:
    code = """

_own = featurize


def featurize(rows, context):
    features = _own(rows, context)
    features["amount"] = rows["amount"].rank().astype("float32")
    return features
"""
    looking = trained.with_features(code, tmp_path / "model")
    with pytest.raises(DataError, match="depend on the other rows"):
        shards_of(looking, [40], tmp_path / "many")


def test_shards_whose_features_have_other_types_are_not_put_together(
    trained: Trained, tmp_path: Path
) -> None:
    code = """

_own = featurize


def featurize(rows, context):
    features = _own(rows, context)
    return features.assign(more=1.0) if (rows["amount"] == -7.0).any() else features
"""
    changing = trained.with_features(code, tmp_path / "model")
    rows = trained.given.rows()
    rows.loc[40:, "amount"] = -7.0
    write_table(rows, tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="other columns"):
        shards_of(changing, [40], tmp_path / "many", file=tmp_path / "rows.parquet")


def test_categories_never_seen_are_a_share_of_the_whole_partition(
    trained: Trained, tmp_path: Path
) -> None:
    """A fifth of one shard, a tenth of all rows."""
    rows = trained.given.rows()
    rows.loc[rows.index[:8], "coupon"] = "new"
    write_table(rows, tmp_path / "rows.parquet")
    file = tmp_path / "rows.parquet"
    allowed = trained.saying(unseen={"refuse_above": 0.15})
    assert shards_of(allowed, [40], tmp_path / "a", file=file).unseen["coupon"]["new"] == 8
    tight = trained.saying(unseen={"refuse_above": 0.09})
    with pytest.raises(DataError, match="never saw") as caught:
        shards_of(tight, [40], tmp_path / "b", file=file)
    assert caught.value.found == "coupon: 10.00%, 'new'"


def test_a_key_in_two_shards_is_refused(trained: Trained, tmp_path: Path) -> None:
    rows = trained.given.rows()
    rows.loc[4, "visit_id"] = rows.loc[60, "visit_id"]
    write_table(rows, tmp_path / "rows.parquet")
    twice = shards_of(trained, [40], tmp_path / "many", file=tmp_path / "rows.parquet")
    config = trained.usecase.config
    with pytest.raises(DataError, match="occur more than once"):
        expect_contract(twice, config, partition=DAY, rows=TOTAL, folder=tmp_path)


@pytest.mark.parametrize(("canary", "shards"), [(None, 3), (object(), 0)])
def test_a_partition_of_which_a_canary_answers_keys_is_scored_in_one_pass(
    trained: Trained, monkeypatch: pytest.MonkeyPatch, canary: object, shards: int
) -> None:
    inputs = SimpleNamespace(canary=canary, rows=SimpleNamespace(rows=TOTAL))
    for name, made in {
        "await_inputs": inputs,
        "score_run": "1a2b3c4d",
        "is_published": False,
        "write_plan": None,
    }.items():
        monkeypatch.setattr(f"laurel.runs.shards.{name}", lambda *_, made=made, **__: made)
    site: Any = None
    assert len(plan_shards(site, trained.usecase, partition=DAY, rows=30).shards) == shards
