"""``kill -9`` at any moment, another order, lies told later: a repeat ends with the same records.

All of it is done once more on S3, from a source that is read backwards, and compared with the
prepared home on a local folder.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from laurel.adapters.records import find_bundle
from laurel.domain.bundle import Bundle
from laurel.runs import scored as scoring
from laurel.stages.publish import publish
from support.runs import AS_OFS, DATASETS, SCORED, Home, open_home, restate, running_from
from support.servers import S3Server, use_credentials

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_checkout")]

ROUNDS = 3
LIES = "2024-01-20"
"""The day whose rows are restated after the fact; its labels arrive a day later."""


@dataclass
class Again:
    """The same as in the prepared home, done again under worse conditions."""

    home: Home
    killed: dict[str, list[bool]] = field(default_factory=dict)
    before_lies: dict[str, dict[str, list[str]]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def again(
    prepared: Home,
    seaweedfs: S3Server,
    source_checkout: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Again]:
    """On S3: ingest backwards in overlapping ranges and restate with lies, killed; train, killed;
    score backwards."""
    with running_from(source_checkout), pytest.MonkeyPatch.context() as patch:
        use_credentials(seaweedfs, patch)
        store = {"LAUREL_STORE": seaweedfs.fresh_url(), **seaweedfs.env}
        made = Again(open_home(tmp_path_factory.mktemp("again"), **store))
        ingest_again(made)
        tell_lies(made.home)
        train_again(made, seconds=prepared.seconds["train"])
        for day in reversed(SCORED):
            made.home.score(day)
        for day in reversed(SCORED):
            made.home.monitor(day)
        yield made


def ingest_again(made: Again) -> None:
    home = made.home
    home.ingest("visits", "2024-01-25", "2024-02-29")
    words = ("ingest", "toy", "visits", "--start", "2024-01-01", "--end", "2024-01-31")
    made.killed["ingest"] = until_done(home, words, seconds=2)
    for dataset in ("returns", "climate"):
        home.ingest(dataset, "2024-02-01", "2024-02-29")
        home.ingest(dataset, "2024-01-01", "2024-02-10")
    made.before_lies = home.catalogs()


def tell_lies(home: Home) -> None:
    """Restate days of every dataset after the fact."""
    visits, climate = home.source("visits", LIES), home.source("climate", LIES)
    restate(home, "visits", LIES, visits.assign(amount=1999.0, items=5))
    restate(home, "climate", LIES, climate.assign(level=7.0))
    returns = home.source("returns", "2024-01-21")
    restate(home, "returns", "2024-01-21", returns.assign(returned=1 - returns["returned"]))


def train_again(made: Again, *, seconds: float) -> None:
    home = made.home
    words = ("train", "toy", "--as-of", AS_OFS[0].isoformat())
    made.killed["train"] = until_done(home, words, seconds=seconds)
    for as_of in AS_OFS:
        home.decide(home.train(as_of).run)


def until_done(home: Home, words: Sequence[str], *, seconds: float) -> list[bool]:
    """Kill a command at random moments, several times; then let it end, and tell who was killed.

    seconds: how long the work takes about, once all is loaded; the moments are spread over it. The
    first comes early, so that it meets a running command however busy the machine was before.
    """
    killed = []
    for part in range(ROUNDS):
        share = (part + random.random()) / ROUNDS if part else random.random() / 10  # noqa: S311  no secret
        killed.append(home.killed(*words, after=share * seconds))
        home.audit(objects=())
    done = home.laurel(*words)
    assert done.returncode == 0, done.stderr
    return killed


def bundles(home: Home) -> list[Bundle]:
    found = [find_bundle(home.site.store, "toy", "train", made.run) for made in home.trained]
    return [bundle for bundle in found if bundle is not None]


def test_the_kills_met_running_commands(again: Again) -> None:
    assert sorted(again.killed) == ["ingest", "train"]
    assert all(killed[0] for killed in again.killed.values()), again.killed


def test_catalogs_are_the_same_in_whatever_order_they_were_filled(
    again: Again, prepared: Home
) -> None:
    assert again.before_lies == {**prepared.catalogs(), "predictions": {}}


def test_a_killed_training_found_its_own_bundle_when_it_was_repeated(again: Again) -> None:
    assert [made.repeated for made in again.home.trained] == [True, False]


def test_models_are_the_same_for_a_training_reads_nothing_told_later(
    again: Again, prepared: Home
) -> None:
    for dataset in DATASETS:
        state = again.home.site.catalog(again.home.usecase, dataset).read()
        day = "2024-01-21" if dataset == "returns" else LIES
        assert [revision.revision for revision in state.revisions[day]] == [1, 2]

    for found, expected in zip(bundles(again.home), bundles(prepared), strict=True):
        assert found.inputs == expected.inputs
        assert found.outputs == expected.outputs
        assert found == expected


def test_ledgers_and_predictions_are_the_same(again: Again, prepared: Home) -> None:
    assert again.home.ledger() == prepared.ledger()
    assert again.home.catalogs()["predictions"] == prepared.catalogs()["predictions"]
    assert again.home.predictions(SCORED[3]).equals(prepared.predictions(SCORED[3]))


def test_reports_rest_on_the_same_inputs(again: Again, prepared: Home) -> None:
    """Their runs have equal ids; the documents besides hold how long the scoring took."""
    assert again.home.keys("reports/") == prepared.keys("reports/")
    assert len(prepared.keys("reports/")) == len(SCORED)


def test_every_journal_on_s3_is_whole_and_so_is_the_dataset_that_was_killed(again: Again) -> None:
    again.home.audit(objects=("visits",))


def test_repeats_on_s3_write_nothing(again: Again) -> None:
    before = again.home.keys()

    again.home.score(SCORED[0])
    again.home.monitor(SCORED[0])

    assert again.home.keys() == before


def test_a_score_that_ended_between_bundle_and_catalog_is_completed(
    copied: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scoring, "publish", ended)
    with pytest.raises(KeyboardInterrupt):
        copied.score("2024-02-22")
    assert copied.predictions_of("2024-02-22") == ()
    monkeypatch.setattr(scoring, "publish", publish)

    assert copied.score("2024-02-22").changed
    assert len(copied.predictions_of("2024-02-22")) == 1
    copied.audit()


def test_a_training_that_ended_before_its_decision_is_decided_by_a_repeat(copied: Home) -> None:
    """The bundle comes first, then the entry: a bundle alone changes no champion."""
    made = copied.trained[1]
    (copied.folder / "store" / copied.keys("ledger/toy/entries/")[-1]).unlink()
    assert len(copied.ledger()) == 1

    again = copied.train(AS_OFS[1])
    decided = copied.decide(again.run)

    assert again.repeated
    assert not decided.repeated
    assert decided.entry.model_version == made.model_version
    assert len(copied.ledger()) == 2
