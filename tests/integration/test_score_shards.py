"""Scoring in shards: workers share the store alone, what failed is repeated alone, equal bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
import yaml

from laurel.adapters.quarantine import list_quarantine
from laurel.adapters.records import find_bundle
from laurel.domain.canonical import parse_instant
from laurel.domain.partition import Partition
from laurel.errors import Refused, ValidationFailed
from laurel.runs.inputs import COUNTS, NIGHT_SAMPLE
from laurel.runs.rollback import roll_back
from laurel.runs.score import score
from laurel.runs.scored import Scored
from laurel.runs.shadow import shadow_dataset
from laurel.runs.shard_plan import Plan, Planned, keep_shard
from laurel.runs.shards import plan_shards, publish_shards, score_shard
from support.cluster import running_cluster
from support.runs import Home, open_home, publish_rows
from support.servers import S3Server, use_credentials

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_checkout")]

OPEN = "2024-02-22"
"""A day of 80 rows that is not scored yet."""
ROWS = 30
NAMES = tuple(f"{first:012d}-{stop:012d}" for first, stop in ((0, 30), (30, 60), (60, 80)))


@dataclass(frozen=True)
class Made:
    """All that a scoring leaves for others."""

    revision: tuple[Any, ...]
    files: dict[str, str]
    counts: bytes
    sample: bytes


def made(home: Home, day: str) -> Made:
    line = home.predictions_of(day)[-1]
    bundle = find_bundle(home.site.store, "toy", "score", line.run)
    assert bundle is not None
    return Made(
        (line.run, line.md5, line.content_hash, line.rows, bundle.outputs, bundle.inputs),
        dict(bundle.files),
        *(home.site.store.read(f"{bundle.prefix}/{name}") for name in (COUNTS, NIGHT_SAMPLE)),
    )


def plan(home: Home, day: str = OPEN) -> Planned:
    return plan_shards(home.site, home.usecase, partition=Partition.of(day), rows=ROWS)


def shard(home: Home, planned: Planned, name: str, day: str = OPEN) -> bool:
    """Score one; whether that was needed."""
    told = score_shard(
        home.site, home.usecase, partition=Partition.of(day), run=planned.run, shard=name
    )
    return bool(told["changed"])


def publish(home: Home, planned: Planned, day: str = OPEN) -> Scored:
    return publish_shards(
        home.site,
        home.usecase,
        partition=Partition.of(day),
        run=planned.run,
        shards=planned.shards,
    )


def staged(home: Home) -> list[str]:
    return home.keys("dvc/staging")


def on_server(home: Home, server: S3Server) -> str:
    """The store of a home, copied to a server; where it is there."""
    url = server.fresh_url()
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    client = boto3.client("s3", endpoint_url=server.endpoint)
    root = home.folder / "store"
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        key = f"{prefix}/{file.relative_to(root)}"
        if "/." not in key:
            client.upload_file(str(file), bucket, key)
    return url


def worker(home: Home, name: str, server: S3Server, url: str) -> Home:
    """A machine with a home and a cache of its own."""
    return open_home(
        home.folder,
        fresh=False,
        LAUREL_HOME=str(home.folder / name),
        LAUREL_STORE=url,
        **server.env,
    )


def test_workers_that_share_the_store_alone_give_the_bytes_of_one_pass(
    copied: Home, seaweedfs: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_credentials(seaweedfs, monkeypatch)
    url = on_server(copied, seaweedfs)
    planner, one, two, last = (
        worker(copied, name, seaweedfs, url) for name in ("planner", "one", "two", "last")
    )
    planned = plan(planner)
    assert planned.shards == NAMES
    with pytest.raises(Refused, match="a shard of the scoring is missing"):
        publish(last, planned)
    assert [shard(two, planned, NAMES[2]), shard(one, planned, NAMES[0])] == [True, True]
    with pytest.raises(Refused, match="missing") as caught:
        publish(last, planned)
    assert NAMES[1] in str(caught.value.found)
    again = [shard(one, planned, name) for name in NAMES]
    assert again == [False, True, False], "what was there is not scored again"
    published = publish(last, planned)
    assert published.changed
    assert staged(last) == []
    copied.score(OPEN)
    assert made(last, OPEN) == made(copied, OPEN)
    (cost,) = last.keys(f"runs/toy/score/{planned.run}/observed/")
    assert json.loads(last.site.store.read(cost))["shards"] == len(NAMES)
    # tasks that are cleared afterwards
    assert not publish(last, planned).changed
    assert not shard(two, planned, NAMES[1])
    assert plan(planner).shards == ()
    assert staged(last) == []


def test_a_scoring_that_was_killed_goes_on_with_the_shard_that_it_was_at(
    copied: Home, tmp_path: Path
) -> None:
    single = copied.copy(tmp_path / "single")
    words = ("score", "toy", OPEN, "--shards", str(ROWS))
    assert copied.killed_before(f"{NAMES[1]}/done.json", *words)
    assert copied.predictions_of(OPEN) == ()
    (first,) = (key for key in staged(copied) if key.endswith("done.json"))
    assert NAMES[0] in first
    before = (copied.folder / "store" / first).stat().st_ino

    assert copied.killed_before("toy/predictions/entries", *words), "all shards, but not published"
    assert (copied.folder / "store" / first).stat().st_ino == before, "not written again"
    assert sum(key.endswith("done.json") for key in staged(copied)) == len(NAMES)

    ended = copied.laurel(*words)
    assert (ended.returncode, "published 80 predictions" in ended.stdout) == (0, True), ended.stderr
    assert list((copied.folder / "store/dvc/staging").iterdir()) == []
    single.score(OPEN)
    assert made(copied, OPEN) == made(single, OPEN)
    copied.audit()


def test_a_damaged_shard_is_not_published_and_scored_again_by_its_own_task(copied: Home) -> None:
    planned = plan(copied)
    for name in NAMES:
        shard(copied, planned, name)
    (file,) = (copied.folder / "store/dvc/staging").rglob(f"{NAMES[1]}/predictions.parquet")
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-9] + b"123456789")
    with pytest.raises(Refused, match="missing") as caught:
        publish(copied, planned)
    assert f"{NAMES[1]}: predictions.parquet is damaged" in str(caught.value.found)
    assert [shard(copied, planned, name) for name in NAMES] == [False, True, False]
    assert publish(copied, planned).rows == 80


def test_shards_end_with_the_champion_of_their_plan_and_say_that_another_reigns(
    copied: Home,
) -> None:
    first, second = (
        entry.model_version or "" for entry in copied.site.ledger(copied.usecase).read().history
    )
    planned = plan(copied)
    shard(copied, planned, NAMES[0])
    reign(copied, first)
    for name in NAMES[1:]:
        shard(copied, planned, name)
    published = publish(copied, planned)
    assert (published.model_version, published.overtaken_by) == (second, first)
    assert set(copied.predictions(OPEN)["model_version"]) == {second}


def test_a_challenger_in_shadow_goes_along_with_shards(
    copied: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (made.model_version or "" for made in copied.trained)
    say(copied, shadow={"challengers": [second]})
    reign(copied, first)
    single = copied.copy(tmp_path / "single")
    assert single.score(OPEN).shadows == (f"{second} in shadow",)

    def again(*_: object) -> None:
        raise AssertionError("the partition was read once more for the challenger")

    monkeypatch.setattr("laurel.runs.shadow._alone", again)
    planned = plan(copied)
    for name in NAMES:
        shard(copied, planned, name)
    assert publish(copied, planned).shadows == (f"{second} in shadow",)
    assert made(copied, OPEN) == made(single, OPEN)
    dataset = shadow_dataset(second)
    found, wanted = (
        home.site.catalog(home.usecase, dataset).read().revisions[OPEN] for home in (copied, single)
    )
    assert [(one.md5, one.run, one.rows) for one in found] == [
        (one.md5, one.run, one.rows) for one in wanted
    ]


def say(home: Home, **scoring: Any) -> None:
    """Let the use case say this of its scoring besides."""
    file = home.usecase.folder / "usecase.yaml"
    said = yaml.safe_load(file.read_text())
    said["scoring"] |= scoring
    file.write_text(yaml.safe_dump(said, sort_keys=False))


def reign(home: Home, version: str) -> None:
    """Give the crown back from 20 February on."""
    roll_back(
        home.site,
        home.usecase,
        target=version,
        reason="a test of what is on its way",
        by="test",
        effective_from=parse_instant("2024-02-20"),
    )


def test_shards_by_other_rules_than_those_of_the_plan_are_refused(copied: Home) -> None:
    planned = plan(copied)
    shard(copied, planned, NAMES[0])
    file = copied.usecase.folder / "usecase.yaml"
    text = file.read_text()
    file.write_text(text.replace("threshold: 0.5", "threshold: 0.6"))
    with pytest.raises(Refused, match="another one by now"):
        shard(copied, planned, NAMES[1])
    with pytest.raises(Refused, match="another one by now"):
        publish(copied, planned)


def infinite(home: Home, places: Sequence[int]) -> None:
    """Let amounts of the open day be infinite in these rows."""
    rows = home.source("visits", OPEN)
    rows.loc[list(places), "amount"] = np.inf
    publish_rows(home, "visits", OPEN, rows)


def test_rows_that_cannot_be_scored_are_held_by_the_shard_that_has_them(copied: Home) -> None:
    infinite(copied, [3, 70])
    planned = plan(copied)
    for name in (NAMES[0], NAMES[2]):
        with pytest.raises(ValidationFailed, match="infinite"):
            shard(copied, planned, name)
    assert shard(copied, planned, NAMES[1])
    held = list_quarantine(copied.site.store, "toy")
    assert [(one.dataset, one.partition, one.rows) for one in held] == [
        ("predictions", OPEN, 1)
    ] * 2
    rows = [copied.table(one.files["input.parquet"].md5) for one in held]
    wanted = {copied.source("visits", OPEN)["visit_id"][place] for place in (3, 70)}
    assert {row["visit_id"].item() for row in rows} == wanted
    assert copied.predictions_of(OPEN) == ()


def test_a_key_in_two_shards_is_found_when_they_are_put_together(copied: Home) -> None:
    rows = copied.source("visits", OPEN)
    rows.loc[4, "visit_id"] = rows.loc[75, "visit_id"]
    publish_rows(copied, "visits", OPEN, rows)
    with pytest.raises(ValidationFailed, match="occur more than once"):
        score(copied.site, copied.usecase, partition=Partition.of(OPEN), shard_rows=ROWS)
    (held,) = list_quarantine(copied.site.store, "toy")
    assert (held.dataset, held.rows, list(held.files)) == ("predictions", 80, ["input.parquet"])
    assert copied.predictions_of(OPEN) == ()


# --- on Dask


def on_dask(home: Home, engine: dict[str, Any]) -> Home:
    """Let the use case score in shards on a Dask cluster."""
    say(home, shards={"rows": 7}, engine=engine)
    return home


def test_shards_on_a_cluster_outlive_a_worker_and_give_the_bytes_of_one_pass(
    copied: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = copied.copy(tmp_path / "single")
    single.score(OPEN)
    with running_cluster(tmp_path, workers=2) as cluster:
        engine = {"kind": "dask", "address": cluster.address, "workers": 2, "wait_seconds": 120}
        staged_once: list[str] = []

        def keep(plan: Plan, name: str, *given: Any, **named: Any) -> None:
            keep_shard(plan, name, *given, **named)
            staged_once.append(name)
            if len(staged_once) == 2:
                cluster.workers[1].kill()
                cluster.workers[1].wait()

        monkeypatch.setattr("laurel.runs.sharded.keep_shard", keep)
        published = on_dask(copied, engine).score(OPEN)
    assert cluster.workers[1].poll() is not None
    assert published.changed
    assert len(staged_once) == len(set(staged_once)) == 12
    assert made(copied, OPEN) == made(single, OPEN)


def test_what_a_local_cluster_refuses_is_held(copied: Home) -> None:
    infinite(copied, [40])
    on_dask(copied, {"kind": "dask", "workers": 1})
    with pytest.raises(ValidationFailed, match="infinite"):
        copied.score(OPEN)
    (held,) = list_quarantine(copied.site.store, "toy")
    assert (held.rows, list(held.files)) == (1, ["input.parquet"])
