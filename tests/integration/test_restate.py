"""A correction on the prepared toy: who used what it replaces, and what it would have changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from laurel.adapters.records import find_bundle
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import parse_instant
from laurel.domain.catalog import Revision
from laurel.domain.config import PREDICTIONS
from laurel.domain.partition import Partition
from laurel.errors import NotFound, Refused
from laurel.runs.answers import fetch_predictions
from laurel.runs.impact import impact
from laurel.runs.restate import CORRECTED, Restated, plan_restatement
from laurel.runs.restate import restate as again
from laurel.runs.restate_plan import Plan
from laurel.runs.summary import summarise
from support.runs import AS_OFS, DATASETS, SCORED, Home, open_home, restate, running_from

pytestmark = pytest.mark.slow

KINDS = ("train", "score", "monitor")
KNOWN = ("catalog/", "ledger/", "reports/", *(f"runs/toy/{kind}/" for kind in KINDS))
LIES = ("2024-02-12", "2024-02-17")
"""Labels that arrive on these days are wrong at first: of hold-out days of one training alone."""
CONTEXT = "2024-02-20"
"""A day of context that one scored partition looks back on, and no training."""


def turned(home: Home, day: str) -> pd.DataFrame:
    """The labels of a day the other way round."""
    frame = home.source("returns", day)
    return frame.assign(returned=1 - frame["returned"])


def correct(home: Home) -> None:
    """Let the source give other labels for the days of the lie."""
    for day in days():
        restate(home, "returns", day, turned(home, day))


def days() -> list[str]:
    first, last = (Partition.of(day) for day in LIES)
    return [first.shifted(n).key for n in range((last.day - first.day).days + 1)]


def plan(home: Home, dataset: str, first: str, last: str | None = None, **words: Any) -> Plan:
    count = (Partition.of(last or first).day - Partition.of(first).day).days + 1
    partitions = [Partition.of(first).shifted(n) for n in range(count)]
    return plan_restatement(
        home.site, home.usecase, dataset=dataset, partitions=partitions, **words
    )


def known_bytes(home: Home) -> dict[str, bytes]:
    """All that was known: catalogs but that of corrected predictions, ledger, runs, reports."""
    keys = [key for key in home.keys("") if key.startswith(KNOWN) and CORRECTED not in key]
    return {key: home.site.store.read(key) for key in keys}


@dataclass
class Made:
    """A home whose labels were corrected, and the restatement of that."""

    home: Home
    before: dict[str, bytes]
    answers: dict[str, bytes]
    """The files of predictions as known, before the restatement."""
    restated: Restated
    document: dict[str, Any]


@pytest.fixture(scope="module")
def checkout(source_checkout: Path) -> Iterator[Path]:
    with running_from(source_checkout):
        yield source_checkout


@pytest.fixture(scope="module")
def made(prepared: Home, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    home = prepared.copy(tmp_path_factory.mktemp("restated"))
    correct(home)
    before, answers = known_bytes(home), as_known(home, "before")
    restated = again(home.site, home.usecase, plan=plan(home, "returns", *LIES))
    key = restated.page.replace(".html", ".json")
    return Made(home, before, answers, restated, json.loads(home.site.store.read(key)))


@pytest.fixture(scope="module")
def undisturbed(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose source never told the lie."""
    home = open_home(tmp_path_factory.mktemp("undisturbed"))
    for day in days():
        turned(home, day).to_parquet(home.override("returns", day))
    for dataset in DATASETS:
        home.ingest(dataset)
    for as_of in AS_OFS:
        home.decide(home.train(as_of).run)
    for day in SCORED[:2]:
        home.score(day)
    return home


def as_known(home: Home, name: str) -> dict[str, bytes]:
    """The predictions of every scored day as they were known at its end, as files."""
    found = {}
    for day in SCORED:
        file = home.folder / name / f"{day}.parquet"
        partition = Partition.of(day)
        fetch_predictions(
            home.site, home.usecase, partition=partition, as_of=partition.end, out=file
        )
        found[day] = file.read_bytes()
    return found


def corrected(home: Home, day: str) -> pd.DataFrame:
    file = home.folder / f"corrected-{day}.parquet"
    fetch_predictions(
        home.site, home.usecase, partition=Partition.of(day), as_corrected=True, out=file
    )
    return pd.read_parquet(file)


def test_what_was_known_is_the_same_to_the_byte(made: Made) -> None:
    assert known_bytes(made.home) == made.before
    assert as_known(made.home, "after") == made.answers


def test_a_decision_that_would_have_flipped_names_its_thresholds_and_who_would_have_reigned(
    made: Made,
) -> None:
    first, second = (trained.model_version for trained in made.home.trained)
    (training,) = made.document["trainings"]

    assert training["model_version"] == second
    assert (training["known"], training["corrected"]) == ("promote", "reject")
    assert made.restated.flipped == 1
    failed = [each for each in training["thresholds"] if each["corrected"] == "fail"]
    assert ("at_least", "auc", None) in {(e["kind"], e["metric"], e["slice"]) for e in failed}
    assert training["metrics"]["auc"]["known"] > 0.65 > training["metrics"]["auc"]["corrected"]
    assert made.document["reigns"] == [
        {"start": "2024-02-20T00:00:00Z", "end": None, "known": second, "corrected": first}
    ]
    state = made.home.site.ledger(made.home.usecase).read()
    assert [entry.event for entry in state.history] == ["promoted", "promoted"]


def test_corrected_predictions_are_those_of_a_run_that_was_never_told_the_lie(
    made: Made, undisturbed: Home
) -> None:
    for day in SCORED[:2]:
        found, expected = corrected(made.home, day), undisturbed.predictions(day)
        assert list(found["model_version"].unique()) == [made.home.trained[0].model_version]
        pd.testing.assert_frame_equal(
            found.drop(columns="model_version"), expected.drop(columns="model_version")
        )
    changed = {each["partition"]: each["changed"] for each in made.document["predictions"]["days"]}
    assert changed[SCORED[1]] > 0, "the lie reached the features of this day"


def test_a_training_made_again_is_that_of_a_run_that_was_never_told_the_lie(
    made: Made, undisturbed: Home
) -> None:
    (training,) = made.document["trainings"]
    twin = bundle(made.home, "restate", training["corrected_run"])
    own = bundle(undisturbed, "train", undisturbed.trained[1].run)
    assert twin.verdict is not None
    assert own.verdict is not None

    assert twin.verdict["metrics"] == own.verdict["metrics"]
    assert twin.verdict["outcome"] == own.verdict["outcome"] == "reject"
    names = [
        home.site.plane.names(model(each)) for home, each in ((made.home, twin), (undisturbed, own))
    ]
    assert names[0]["model.ubj"] == names[1]["model.ubj"]


def model(found: Bundle) -> str:
    return str(found.outputs["data/toy/model"]["md5"])


def bundle(home: Home, kind: Any, run: str) -> Bundle:
    found = find_bundle(home.site.store, "toy", kind, run)
    assert found is not None
    return found


def test_predictions_after_the_flip_come_from_the_champion_of_then_as_corrected(
    made: Made,
) -> None:
    (training,) = made.document["trainings"]
    for day in SCORED[2:]:
        found = corrected(made.home, day)
        assert list(found["model_version"].unique()) == [training["corrected_version"]]


def test_changes_of_predictions_are_those_between_both_answers(made: Made) -> None:
    told = {each["partition"]: each for each in made.document["predictions"]["days"]}
    for day in SCORED:
        both = made.home.predictions(day).merge(
            corrected(made.home, day), on="visit_id", suffixes=("", "_corrected")
        )
        gaps = (both["score"] - both["score_corrected"]).abs()
        assert told[day]["changed"] == int((gaps > 0).sum())
        assert told[day]["largest_change"] == pytest.approx(gaps.max())
        assert told[day]["flipped"] == int((both["decision"] != both["decision_corrected"]).sum())
    top = made.document["predictions"]["top"]
    assert len(top) == 20
    assert [row["change"] for row in top] == sorted((r["change"] for r in top), reverse=True)


def test_reports_are_compared_with_those_that_were_written(made: Made) -> None:
    reports = made.document["reports"]
    assert [each["partition"] for each in reports] == [*SCORED]
    store = made.home.site.store
    for each in reports:
        known = json.loads(store.read(f"runs/toy/monitor/{each['run']}/report.json"))
        assert each["known"] == known["verdict"]
        assert {n: m["known"] for n, m in each["metrics"].items()} == (
            known["realised"]["champion"]["metrics"]
        )
    assert reports[1]["metrics"]["auc"]["known"] != reports[1]["metrics"]["auc"]["corrected"]


def test_a_repeated_restatement_finds_its_own_and_adds_nothing(made: Made) -> None:
    before = made.home.keys()

    repeated = again(made.home.site, made.home.usecase, plan=plan(made.home, "returns", *LIES))

    assert repeated.repeated
    assert repeated.run == made.restated.run
    assert made.home.keys() == before


def test_an_earlier_bound_of_knowledge_does_not_follow_a_later_one(made: Made) -> None:
    state = made.home.site.catalog(made.home.usecase, "returns").read()
    earliest = state.revisions[LIES[0]][1].known_at
    early = plan(made.home, "returns", LIES[0], known_by=earliest)

    with pytest.raises(Refused, match="later moment"):
        again(made.home.site, made.home.usecase, plan=early)


def test_pages_list_the_restatement_and_its_page_needs_nothing_else(made: Made) -> None:
    (listed,) = summarise(made.home.site.store, made.home.usecase).restatements
    page = made.home.site.store.read(listed.page).decode()

    assert listed.page == made.restated.page
    assert listed.sentence == made.document["sentence"]
    assert listed.span == f"{LIES[0]} to {LIES[1]}"
    assert listed.sentence in page
    assert "the decision flips" in page
    assert "<script" not in page
    assert "nan" not in page


def test_the_command_line_gives_both_answers(made: Made) -> None:
    day = SCORED[1]
    known = made.home.laurel("predictions", "toy", day, "--as-of", "2024-02-15")
    other = made.home.laurel("predictions", "toy", day, "--as-corrected")
    listed = made.home.laurel("catalog", "toy", "predictions", "--as-of", "2024-02-15")

    assert known.returncode == other.returncode == listed.returncode == 0, known.stderr
    assert known.stdout.count("\n") == other.stdout.count("\n") == 81
    assert known.stdout != other.stdout
    assert "as published" in known.stderr
    assert "as corrected by" in other.stderr
    assert SCORED[1] in listed.stdout
    assert SCORED[2] not in listed.stdout


def test_predictions_of_a_day_that_was_not_known_yet_are_not_there(made: Made) -> None:
    with pytest.raises(NotFound):
        fetch_predictions(
            made.home.site,
            made.home.usecase,
            partition=Partition.of(SCORED[1]),
            as_of=parse_instant(SCORED[1]),
        )


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("day", ["2024-01-25", "2024-02-05", "2024-02-12", "2024-02-20"])
def test_impact_lists_exactly_the_runs_that_used_a_partition(
    prepared: Home, checkout: Path, dataset: str, day: str
) -> None:
    revision = prepared.site.catalog(prepared.usecase, dataset).read().corrected(day)
    assert revision is not None

    found = impact(prepared.site, prepared.usecase, dataset=dataset, partitions=[Partition.of(day)])

    assert {item.run for item in found.items if item.direct} == brute_force(prepared, revision)
    assert found.counts()["training"][0] == found.counts()["decision"][0]
    learned = {item.name for item in found.of("training")}
    scored = {item.run for item in found.of("predictions")}
    assert scored == {
        own.run
        for own in (prepared.predictions_of(each)[-1] for each in SCORED)
        if own.run in brute_force(prepared, revision)
        or bundle(prepared, "score", own.run).model_version in learned
    }


def brute_force(home: Home, revision: Revision) -> set[str]:
    """Every run whose bundle holds the revision's content hash anywhere among its inputs."""
    found = set()
    for key in home.keys("runs/toy/"):
        if key.endswith("/bundle.json") and key.split("/")[2] in KINDS:
            document = json.loads(home.site.store.read(key))
            if revision.content_hash in json.dumps(document["inputs"]):
                found.add(document["id"])
    return found


def test_runs_that_used_the_corrected_revision_are_not_among_them(copied: Home) -> None:
    frame = copied.source("climate", CONTEXT)
    restate(copied, "climate", CONTEXT, frame.assign(level=7.0))
    (own,) = {item.run for item in ask(copied).of("predictions")}

    rescored = copied.score(SCORED[3])

    assert rescored.changed is False, "what was corrected since was not known at the cutoff"
    assert {item.run for item in ask(copied).of("predictions")} == {own}
    assert ask(copied, revision=2).items == ()
    assert (
        "laurel restate toy climate 2024-02-20 --dry-run"
        in copied.laurel("impact", "toy", "climate", CONTEXT).stdout
    )


def ask(home: Home, **words: Any) -> Any:
    return impact(
        home.site,
        home.usecase,
        dataset="climate",
        partitions=[Partition.of(CONTEXT)],
        **words,
    )


def test_a_restatement_that_was_killed_ends_as_one_that_was_not(
    prepared: Home, own_checkout: Path, tmp_path: Path
) -> None:
    """Killed when its bundle is written, before the catalog names what it corrected."""
    homes = [prepared.copy(tmp_path / name) for name in ("killed", "whole")]
    for home in homes:
        frame = home.source("climate", CONTEXT)
        restate(home, "climate", CONTEXT, frame.assign(level=7.0))
    bound = max(
        home.site.catalog(home.usecase, "climate").read().revisions[CONTEXT][1].known_at
        for home in homes
    )
    words = ("restate", "toy", "climate", CONTEXT, "--known-by", bound.isoformat())

    assert homes[0].killed_before(f"catalog/toy/{CORRECTED}", *words)
    assert [key for key in homes[0].keys("runs/toy/restate/") if key.endswith("/bundle.json")]
    assert not homes[0].keys(f"catalog/toy/{CORRECTED}")
    for home in homes:
        done = home.laurel(*words)
        assert done.returncode == 0, done.stderr

    documents = [restatement(home) for home in homes]
    assert documents[0]["predictions"] == documents[1]["predictions"]
    assert documents[0]["reports"] == documents[1]["reports"]
    assert documents[0]["predictions"]["changed"] > 0
    states = [home.site.catalog(home.usecase, CORRECTED).read() for home in homes]
    contents = [{r.partition: r.content_hash for r in state.newest()} for state in states]
    assert contents[0] == contents[1]
    assert [*contents[0]] == [SCORED[3]]


def restatement(home: Home) -> dict[str, Any]:
    (key,) = (key for key in home.keys("runs/toy/restate") if key.endswith("/restatement.json"))
    found: dict[str, Any] = json.loads(home.site.store.read(key))
    return found


def test_a_partition_that_was_never_corrected_is_not_restated(prepared: Home) -> None:
    with pytest.raises(Refused, match="nothing was corrected"):
        plan(prepared, "visits", "2024-02-05")


def test_a_limit_keeps_the_newest_and_says_what_it_leaves_out(made: Made) -> None:
    limited = plan(made.home, "returns", *LIES, limit=1)

    assert [item.at for item in limited.predictions] == [SCORED[3]]
    assert [item.at for item in limited.reports] == [SCORED[3]]
    assert len(limited.trainings) == 1
    assert limited.left_out == 6
    assert "6 are left out" in limited.sentence()
    assert made.home.site.catalog(made.home.usecase, PREDICTIONS).read().nfiles == 4
