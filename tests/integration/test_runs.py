"""The loop on a synthetic use case: every record that a run leaves, and that a repeat adds none."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from laurel.adapters.records import find_bundle
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import parse_instant
from laurel.domain.config import PREDICTIONS
from laurel.domain.partition import partitions
from laurel.errors import NotFound, Refused
from laurel.runs.summary import summarise
from support.runs import AS_OFS, DATASETS, SCORED, Home

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_checkout")]


def bundle_of(home: Home, number: int) -> Bundle:
    found = find_bundle(home.site.store, "toy", "train", home.trained[number].run)
    assert found is not None
    return found


def output(home: Home, bundle: Bundle, folder: str, name: str) -> bytes:
    """A file inside an output directory of a bundle, from the data plane."""
    plane = home.site.plane
    names = plane.names(bundle.outputs[f"data/toy/{folder}"]["md5"])
    return plane.ensure(names[name]).read_bytes()


@pytest.mark.parametrize(
    ("dataset", "first", "count"),
    [("climate", "2024-01-01", 60), ("returns", "2024-01-02", 59), ("visits", "2024-01-01", 60)],
)
def test_catalog_holds_each_day_of_the_range_once(
    prepared: Home, dataset: str, first: str, count: int
) -> None:
    """Labels of the first day arrive a day later: a partition before that is not published."""
    state = prepared.site.catalog(prepared.usecase, dataset).read()
    days = [p.key for p in partitions(parse_instant(first), parse_instant("2024-03-01"))]

    assert list(state.revisions) == days
    assert len(days) == state.nfiles == count
    assert {len(revisions) for revisions in state.revisions.values()} == {1}
    assert state.tree is not None
    assert [*prepared.site.plane.names(state.tree)] == [f"{day}.parquet" for day in days]


def test_a_history_is_known_as_it_would_have_been(prepared: Home) -> None:
    state = prepared.site.catalog(prepared.usecase, "visits").read()

    assert state.revision("2024-01-20", parse_instant("2024-01-20T23:59:59")) is None
    known = state.revision("2024-01-20", parse_instant("2024-01-21"))
    assert known is not None
    assert known.known_at == parse_instant("2024-01-21") < known.published_at


def test_ingesting_again_publishes_nothing(copied: Home) -> None:
    before = copied.keys("catalog/")

    made = copied.ingest("visits")

    assert not made
    assert (made.published, made.unchanged) == ((), 60)
    assert copied.keys("catalog/") == before


def test_every_byte_that_a_bundle_names_is_at_the_remote(prepared: Home) -> None:
    plane = prepared.site.plane
    for number in range(len(AS_OFS)):
        bundle = bundle_of(prepared, number)
        named = [output["md5"] for output in bundle.outputs.values()]
        inside = [
            md5 for tree in named if tree.endswith(".dir") for md5 in plane.names(tree).values()
        ]
        read = [line["md5"] for lines in bundle.inputs["datasets"].values() for line in lines]

        assert len(inside) >= 8
        assert len(read) > 100
        assert plane.missing([*named, *inside, *read]) == ()


def test_first_challenger_is_promoted_for_want_of_a_champion(prepared: Home) -> None:
    entry = prepared.site.ledger(prepared.usecase).read().history[0]

    assert entry.event == "promoted"
    assert entry.model_version == prepared.trained[0].model_version
    assert entry.reasons[0] == "there is no champion yet: the absolute thresholds decide"
    assert entry.bundle == bundle_of(prepared, 0).digest
    assert entry.effective_from == parse_instant("2024-02-13")
    assert [*entry.heads] == [*(f"catalog/toy/{name}" for name in DATASETS), "run_records/toy"]


def test_second_challenger_meets_the_champion_on_the_same_rows(prepared: Home) -> None:
    champion, bundle = prepared.trained[0].model_version, bundle_of(prepared, 1)
    evidence = json.loads(output(prepared, bundle, "evidence", "evidence.json"))
    file = prepared.folder / "scores.parquet"
    file.write_bytes(output(prepared, bundle, "evidence", "scores.parquet"))
    scores = pd.read_parquet(file)

    assert bundle_of(prepared, 0).inputs["champion"] is None
    assert bundle.inputs["champion"] == evidence["champion"] == champion
    assert scores[["challenger", "champion"]].notna().all(axis=None)
    assert not scores["challenger"].equals(scores["champion"])


def test_who_reigned_when_is_the_fold_of_the_ledger(prepared: Home) -> None:
    state = prepared.site.ledger(prepared.usecase).read()
    first, second = (trained.model_version for trained in prepared.trained)
    moments = ("2024-02-12T23:59:59", "2024-02-13", "2024-02-19T23:59:59", "2024-02-20")
    reigning = [state.champion_as_of(parse_instant(moment)) for moment in moments]

    assert [entry and entry.model_version for entry in reigning] == [None, first, first, second]
    assert [reign.entry.model_version for reign in state.reigns()] == [first, second]


def test_training_and_deciding_again_find_what_is_there(copied: Home) -> None:
    before = copied.keys()

    again = copied.train(AS_OFS[0])
    decided = copied.decide(again.run)

    assert again.repeated
    assert decided.repeated
    assert decided.entry.number == 1
    assert (again.run, again.bundle) == (copied.trained[0].run, copied.trained[0].bundle)
    assert copied.keys() == before


def test_deciding_about_an_unknown_run_is_an_error(prepared: Home) -> None:
    with pytest.raises(NotFound, match="no bundle") as raised:
        prepared.decide("0123456789abcdef")

    assert raised.value.usecase == "toy"


@pytest.mark.parametrize(("day", "number"), [*zip(SCORED, (0, 0, 1, 1), strict=True)])
def test_predictions_come_from_the_champion_of_the_cutoff(
    prepared: Home, day: str, number: int
) -> None:
    table, rows = prepared.predictions(day), prepared.source("visits", day)

    assert [*table] == ["visit_id", "at", "score", "decision", "model_version", "partition"]
    assert sorted(table["visit_id"]) == sorted(rows["visit_id"])
    assert table["score"].between(0, 1).all()
    assert table["score"].nunique() > 20
    assert (table["decision"] == (table["score"] >= 0.5)).all()
    assert set(table["model_version"]) == {prepared.trained[number].model_version}
    assert set(table["partition"]) == {day}


def test_the_day_before_the_first_champion_is_refused(copied: Home) -> None:
    before = copied.keys()

    with pytest.raises(Refused, match="no champion") as raised:
        copied.score("2024-02-12")

    assert (raised.value.usecase, raised.value.partition) == ("toy", "2024-02-12")
    assert copied.keys() == before


def test_the_day_before_the_second_champion_is_scored_by_the_first(copied: Home) -> None:
    assert copied.score("2024-02-19").model_version == copied.trained[0].model_version


def test_scoring_again_writes_nothing(copied: Home) -> None:
    before = copied.keys()

    again = [copied.score(day) for day in SCORED]

    assert [made.changed for made in again] == [False] * 4
    assert copied.keys() == before


def test_a_score_bundle_names_model_inputs_and_predictions(prepared: Home) -> None:
    newest = prepared.site.catalog(prepared.usecase, PREDICTIONS).read().corrected(SCORED[0])
    assert newest is not None
    bundle = find_bundle(prepared.site.store, "toy", "score", newest.run)
    assert bundle is not None

    assert bundle.model_version == prepared.trained[0].model_version
    assert bundle.inputs["bundle"] == prepared.trained[0].bundle
    assert bundle.outputs[f"predictions/{SCORED[0]}.parquet"]["md5"] == newest.md5
    known = [line[0] for line in bundle.inputs["past"]["returns"]]
    assert max(known) == "2024-02-12", "labels that arrive on the day itself are not known yet"


def test_a_report_is_a_document_a_page_and_a_pointer(prepared: Home) -> None:
    pointers = prepared.keys("reports/toy/")
    assert [key.split("/")[2] for key in pointers] == [*SCORED]
    store = prepared.site.store
    pointer = json.loads(store.read(pointers[-1]))
    folder = pointer["page"].removesuffix("/report.html")
    document = json.loads(store.read(f"{folder}/report.json"))

    assert pointer["partition"] == document["partition"] == SCORED[-1]
    assert pointer["sentence"] == document["verdict"]
    page = store.read(pointer["page"]).decode()
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")
    assert prepared.trained[1].model_version in page


def test_monitoring_again_writes_nothing(copied: Home) -> None:
    before = copied.keys()

    again = [copied.monitor(day) for day in SCORED]

    assert copied.keys() == before
    assert all(made.page in before for made in again)


def test_a_summary_tells_what_the_records_say(prepared: Home) -> None:
    found = summarise(prepared.site.store, prepared.usecase)

    assert [(data.name, data.partitions) for data in found.data] == [
        ("climate", 60),
        ("returns", 59),
        ("visits", 60),
        (PREDICTIONS, 4),
    ]
    assert [decision.event for decision in found.decisions] == ["promoted", "promoted"]
    assert found.champion is not None
    assert found.champion.model_version == prepared.trained[1].model_version
    assert found.metrics["auc"] > 0.65
    assert found.scored == 4 * 80
    assert found.reports[0].partition == SCORED[-1]


def test_every_journal_and_every_object_that_it_names_is_whole(prepared: Home) -> None:
    prepared.audit()


def test_nothing_is_left_in_the_workspaces(prepared: Home) -> None:
    assert [*(prepared.settings.home / "workspaces").iterdir()] == []
