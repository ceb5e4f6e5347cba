"""Time: nothing later is read, what is due is waited for, and the past stays as it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from laurel.adapters.records import find_bundle, write_bundle
from laurel.domain.canonical import parse_instant
from laurel.domain.partition import Partition
from laurel.errors import Pending, Refused
from laurel.runs import rollback
from laurel.runs.decide import decline
from laurel.runs.score import inputs_ready
from laurel.runs.train import inputs_ready as training_ready
from support.asked import account
from support.runs import AS_OFS, SCORED, Home, restate

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_checkout")]

EVER = datetime(2100, 1, 1, tzinfo=UTC)


def roll_back(home: Home, number: int, *, to: str) -> tuple[str, ...]:
    """Give the crown to the challenger of that number from a day on; the days scored again."""
    target = home.trained[number].model_version
    rollback.roll_back(
        home.site,
        home.usecase,
        target=target,
        reason="tested",
        by="a person",
        effective_from=parse_instant(to),
    )
    return rollback.rescore(home.site, home.usecase).partitions


def hashes(home: Home, day: str) -> list[str]:
    """The content of each revision of a day's predictions."""
    return [revision.content_hash for revision in home.predictions_of(day)]


@pytest.mark.parametrize("number", [0, 1])
def test_a_training_reads_only_what_was_known_at_as_of(prepared: Home, number: int) -> None:
    """All 60 days were published before: those that are known later are left out."""
    bundle = find_bundle(prepared.site.store, "toy", "train", prepared.trained[number].run)
    assert bundle is not None
    datasets = bundle.inputs["datasets"]

    known = [parse_instant(line["known_at"]) for lines in datasets.values() for line in lines]
    assert max(known) == AS_OFS[number]
    eve = (AS_OFS[number] - timedelta(days=1)).date().isoformat()
    assert datasets["returns"][-1]["partition"] == eve
    assert all(line["partition"] <= eve for lines in datasets.values() for line in lines)


def test_a_restated_partition_is_revision_2_and_revision_1_stays(copied: Home) -> None:
    """What read revision 1 finds its own bundle again, and revision 1 is still to be had."""
    before = copied.site.catalog(copied.usecase, "visits").read()
    restate(
        copied, "visits", "2024-01-20", copied.source("visits", "2024-01-20").assign(amount=1.0)
    )
    state = copied.site.catalog(copied.usecase, "visits").read()
    first, second = state.revisions["2024-01-20"]

    assert first == before.revisions["2024-01-20"][0]
    assert state.revision("2024-01-20", AS_OFS[1]) == first
    assert state.revision("2024-01-20", EVER) == state.corrected("2024-01-20") == second
    assert second.known_at == second.published_at > first.known_at
    assert state.nfiles == 60
    assert set(copied.table(second.md5)["amount"]) == {1.0}
    assert copied.table(first.md5)["amount"].nunique() > 20
    assert copied.train(AS_OFS[0]).repeated
    assert copied.train(AS_OFS[1]).repeated


def test_a_restatement_does_not_change_what_was_scored(copied: Home) -> None:
    day = SCORED[2]
    restate(copied, "visits", day, copied.source("visits", day).assign(amount=1.0))

    assert not copied.score(day).changed
    assert len(hashes(copied, day)) == 1


def test_scoring_waits_for_a_decision_that_is_due(copied: Home) -> None:
    day = Partition.of("2024-02-27")
    with pytest.raises(Pending) as raised:
        inputs_ready(copied.site, copied.usecase, partition=day)

    assert raised.value.partition == day.key
    assert raised.value.expected == "a decision for as_of 2024-02-26T00:00:00Z"
    inputs_ready(copied.site, copied.usecase, partition=Partition.of("2024-02-26"))


def test_a_declined_training_lets_scoring_go_on_with_the_champion(copied: Home) -> None:
    made = decline(
        copied.site,
        copied.usecase,
        as_of=parse_instant("2024-02-26"),
        by="a person",
        reason="the frame is broken",
    )

    assert made.entry.event == "declined"
    assert copied.score("2024-02-27").model_version == copied.trained[1].model_version


@pytest.mark.parametrize("day", ["2024-03-01", "2024-03-02"])
def test_scoring_and_monitoring_wait_for_a_partition_that_is_missing(
    prepared: Home, day: str
) -> None:
    with pytest.raises(Pending, match="not published yet") as raised:
        prepared.score(day)
    assert (raised.value.dataset, raised.value.partition) == ("visits", day)

    with pytest.raises(Pending, match="no predictions yet"):
        prepared.monitor(day)


def test_training_waits_and_names_the_first_partition_that_is_missing(fresh: Home) -> None:
    fresh.ingest("climate", last="2024-01-30")

    with pytest.raises(Pending) as raised:
        training_ready(fresh.site, fresh.usecase, as_of=AS_OFS[0])

    assert (raised.value.dataset, raised.value.partition) == ("climate", "2024-01-31")
    assert raised.value.found == "30 of 41 known at 2024-02-12T00:00:00Z"
    assert fresh.keys("runs/toy/train/") == []


def test_an_older_as_of_is_refused_after_a_newer_one(copied: Home) -> None:
    site = copied.site
    newer = find_bundle(site.store, "toy", "train", copied.trained[0].run)
    assert newer is not None
    changed = {
        "id": "0123456789abcdef",
        "as_of": parse_instant("2024-02-05"),
        "model_version": "toy-20240205-01234567",
    }
    write_bundle(site.store, newer.model_copy(update=changed))
    before, keys = copied.ledger(), copied.keys("ledger/")

    with pytest.raises(Refused, match="too late"):
        copied.decide("0123456789abcdef")

    assert copied.ledger() == before
    assert copied.keys("ledger/") == keys


def test_a_rollback_scores_again_what_it_changes_and_only_that(copied: Home) -> None:
    changed = roll_back(copied, 0, to="2024-02-20")

    assert changed == SCORED[2:]
    assert [len(hashes(copied, day)) for day in SCORED] == [1, 1, 2, 2]
    first = copied.trained[0].model_version
    for day in SCORED:
        assert set(copied.predictions(day)["model_version"]) == {first}


def test_a_drill_of_a_rollback_says_when_the_last_prediction_was_right(
    copied: Home, record_property: Callable[[str, object], None]
) -> None:
    """One command; how long it takes is told and kept with the test's results, never asserted."""
    target = str(copied.trained[0].model_version)
    words = (target, "--reason", "drill", "--effective-from", "2024-02-20")
    done = copied.laurel("rollback", "toy", *words)

    assert done.returncode == 0, done.stderr
    said = re.search(r"the last was right ([0-9.]+) s after the decision", done.stdout)
    assert said is not None, done.stdout
    record_property("seconds from the decision to corrected predictions", float(said[1]))
    entry = copied.site.ledger(copied.usecase).read().history[-1]
    assert (entry.event, entry.decided_by) == ("rolled_back", account())
    for day in SCORED:
        reigning = copied.site.ledger(copied.usecase).read().champion_as_of(parse_instant(day))
        assert reigning is not None
        assert set(copied.predictions(day)["model_version"]) == {reigning.model_version}
    assert copied.predictions_of(SCORED[3])[-1].published_at > entry.decided_at


def test_a_rollback_that_does_not_reach_back_scores_nothing_again(copied: Home) -> None:
    before = copied.keys("catalog/toy/predictions/")

    assert roll_back(copied, 0, to="2024-02-22") == ()
    assert copied.keys("catalog/toy/predictions/") == before
    assert copied.score("2024-02-22").model_version == copied.trained[0].model_version


def test_rolling_back_and_forth_ends_with_the_same_predictions(copied: Home) -> None:
    day = SCORED[3]
    (original,) = hashes(copied, day)
    roll_back(copied, 0, to="2024-02-20")
    roll_back(copied, 1, to="2024-02-20")

    first, second, third = hashes(copied, day)
    assert first == third == original
    assert second != original
    assert set(copied.predictions(day)["model_version"]) == {copied.trained[1].model_version}
    assert not copied.score(day).changed
    copied.audit()


def test_a_rollback_to_a_model_that_never_passed_is_refused(copied: Home) -> None:
    before = copied.ledger()

    with pytest.raises(Refused):
        rollback.roll_back(
            copied.site,
            copied.usecase,
            target="toy-20240212-00000000",
            reason="tested",
            by="a person",
            effective_from=parse_instant("2024-02-20"),
        )

    assert copied.ledger() == before
