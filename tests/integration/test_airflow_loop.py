"""The whole loop through Airflow's own scheduler: records, order, sameness, bad input, rollback."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import boto3
import pandas as pd
import psycopg
import pytest

from laurel.adapters.quarantine import list_quarantine
from laurel.adapters.records import find_bundle
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import parse_instant
from laurel.domain.config import PREDICTIONS
from laurel.domain.partition import Partition, partitions
from laurel.local.environment import DATABASE_USER
from laurel.local.layout import layout
from laurel.local.runs import Run
from support.loop import (
    AS_OFS,
    CORRECTED,
    DAILY,
    HISTORY,
    NIGHTS,
    POISONED,
    SCORINGS,
    SHARDED,
    SHIFTED,
    TRAININGS,
    Again,
    Alarmed,
    First,
    Records,
    Restated,
    Rolled,
    Running,
    Served,
    at,
)
from support.runs import DATASETS
from support.servers import S3Server

pytest_plugins = ["support.loop_fixtures"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

LAG = timedelta(days=1)


def days(first: str, last: str) -> list[str]:
    return [day.key for day in partitions(at(first), Partition.of(last).end)]


def expected_days(dataset: str, last: str) -> list[str]:
    """Labels of the first day's rows arrive a day later."""
    return days(HISTORY[0], last)[1 if dataset == "returns" else 0 :]


def bundle(running: Running, run: str | None, kind: str = "train") -> Bundle:
    found = find_bundle(running.home.site.store, "toy", kind, run or "")
    assert found is not None
    return found


def versions(running: Running, records: Records, day: str) -> set[str]:
    """Which models made the newest predictions of a day."""
    (*_, newest) = records.catalogs[PREDICTIONS].revisions[day]
    return set(running.home.table(newest.md5)["model_version"])


def values(running: Running, run: Run) -> Iterator[tuple[str, Any]]:
    """What the tasks of a run handed on, by key."""
    for task in running.tasks(run):
        for entry in running.about(run, task, "xcomEntries")["xcom_entries"]:
            yield entry["key"], running.about(run, task, f"xcomEntries/{entry['key']}")["value"]


def scalars(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(each, str | int | float | bool | None) for each in value.values())
    return isinstance(value, str | int | float | bool | None)


def test_a_long_history_is_one_run(running: Running, first: First) -> None:
    assert (first.load.state, first.load.kind) == ("success", "manual")
    for dataset in DATASETS:
        state = first.poisoned.catalogs[dataset]
        loaded = expected_days(dataset, HISTORY[1])
        assert list(state.revisions)[: len(loaded)] == loaded
        assert len({state.revisions[day][0].run for day in loaded}) == 1


def test_backfills_run_what_was_asked_and_all_is_well(first: First) -> None:
    assert [run.logical_date for run in first.trainings] == [at(day) for day in TRAININGS]
    assert [run.logical_date for run in first.scorings] == [at(day) for day in days(*SCORINGS)]
    assert [run.logical_date for run in first.nights] == [at(day) for day in days(*NIGHTS)]
    runs = [*first.mended, *first.trainings, *first.scorings, *first.nights]
    assert {(run.state, run.kind) for run in runs} == {("success", "backfill")}


@pytest.mark.parametrize("dataset", DATASETS)
def test_catalogs_hold_each_day_once_known_at_its_end(first: First, dataset: str) -> None:
    state = first.done.catalogs[dataset]
    expected = expected_days(dataset, DAILY[1])

    assert sorted(state.revisions) == expected, "days ingested side by side land in either order"
    assert {len(revisions) for revisions in state.revisions.values()} == {1}
    assert all(r.known_at == Partition.of(r.partition).end for r in state.newest())
    assert state.nfiles == len(expected)


def test_the_ledger_tells_who_reigns_from_when_and_why(first: First) -> None:
    one, two = first.done.ledger.history

    assert (one.event, two.event) == ("promoted", "promoted")
    assert (one.as_of, two.as_of) == AS_OFS
    assert (one.effective_from, two.effective_from) == (AS_OFS[0] + LAG, AS_OFS[1] + LAG)
    assert {one.decided_by, two.decided_by} == {"gate"}
    assert any("there is no champion yet" in reason for reason in one.reasons)
    assert not any("there is no champion yet" in reason for reason in two.reasons)


def test_a_challenger_meets_the_champion_of_the_earlier_decision(
    running: Running, first: First
) -> None:
    one, two = first.done.ledger.history

    assert bundle(running, one.run).inputs["champion"] is None
    assert bundle(running, two.run).inputs["champion"] == one.model_version
    decided, began = first.order
    assert decided <= began, "both runs were active: the second one waited"


def test_each_day_is_scored_by_the_champion_of_its_cutoff(running: Running, first: First) -> None:
    one, two = (entry.model_version for entry in first.done.ledger.history)
    for day, expected in zip(days(*SCORINGS), (one, two), strict=True):
        reigning = first.done.ledger.champion_as_of(at(day))

        assert reigning is not None
        assert reigning.model_version == expected
        assert versions(running, first.done, day) == {expected}
        (published,) = first.done.catalogs[PREDICTIONS].revisions[day]
        assert published.rows == 80


def test_a_backfilled_night_has_a_report_that_says_so(running: Running, first: First) -> None:
    store = running.home.site.store
    (key,) = first.done.under(f"reports/toy/{NIGHTS[0]}/")
    report = json.loads(store.read(key))

    assert report["backfilled"] is True
    champion = first.done.ledger.champion_as_of(at(NIGHTS[0]))
    assert champion is not None
    assert str(champion.model_version) in store.read(report["page"]).decode()


def test_asset_events_carry_lineage(running: Running, first: First, rolled: Rolled) -> None:
    events: dict[str, list[dict[str, Any]]] = {}
    for event in running.api.pages("/assets/events", "asset_events"):
        if event["name"].startswith("toy."):
            events.setdefault(event["name"], []).append(event["extra"])

    names = {*DATASETS, PREDICTIONS, "champion", "report"}
    assert set(events) == {f"toy.{name}" for name in names}
    one, two = first.done.ledger.history
    made = {(e.get("event"), e.get("model_version"), e.get("run")) for e in events["toy.champion"]}
    assert {(entry.event, entry.model_version, entry.run) for entry in (one, two)} < made
    assert ("rolled_back", rolled.target, None) in made
    scored = {(e.get("partition"), e.get("model_version")) for e in events["toy.predictions"]}
    assert {(SCORINGS[0], one.model_version), (SCORINGS[1], two.model_version)} <= scored
    loaded = next(e for e in events["toy.visits"] if e["published"] == 52)
    assert (loaded["first"], loaded["last"]) == HISTORY
    assert loaded["run"] == first.done.catalogs["visits"].revisions[HISTORY[0]][0].run


def test_tasks_hand_on_small_references_only(running: Running, first: First) -> None:
    runs = [first.load, first.trainings[0], first.scorings[0], first.nights[0]]
    handed = [pair for run in runs for pair in values(running, run)]

    assert sum(key == "return_value" for key, _ in handed) == 3 + 2 + 1 + 2
    for key, value in handed:
        assert len(json.dumps(value)) < 2048, key
        assert scalars(value), key


def test_links_lead_to_pages_also_from_tasks_that_were_repeated(
    running: Running, first: First, again: Again
) -> None:
    wanted: Sequence[tuple[Run, str, set[str]]] = (
        (first.load, "ingest_visits", {"Data Docs"}),
        (first.trainings[0], "train", {"Decision", "Model card", "Data Docs"}),
        (first.trainings[0], "decide", {"Decision"}),
        (first.scorings[0], "score", {"Data Docs"}),
        (first.nights[0], "monitor", {"Report"}),
    )
    for run, task, names in wanted:
        links = running.about(run, task, "links")["extra_links"]
        there = {name: link for name, link in links.items() if link}
        assert set(there) == names, task
        for link in there.values():
            assert running.page(link).status_code == 200, link


def test_a_poisoned_partition_is_red_at_once_and_the_others_are_not(first: First) -> None:
    good, bad = first.days

    assert (good.state, bad.state) == ("success", "failed")
    assert {(name, task.state) for name, task in first.refused.items()} == {
        ("ingest_visits", "failed"),
        ("ingest_returns", "success"),
        ("ingest_climate", "success"),
    }
    assert first.refused["ingest_visits"].tries == 1, "a verdict is not retried"


def test_a_poisoned_partition_is_in_quarantine_with_its_reasons(
    running: Running, first: First
) -> None:
    said = "\n".join(first.reasons)
    assert "in quarantine, nothing of them was published" in said
    assert "use case toy, dataset visits, partition 2024-02-23" in said
    assert "amount" in said

    (held,) = list_quarantine(running.home.site.store, "toy")
    assert (held.dataset, held.partition) == ("visits", POISONED)
    assert "amount" in "\n".join(held.reasons)
    link = first.poisoned_links["Data Docs"]
    assert link is not None
    assert POISONED in link
    assert "amount" in running.page(link).text


def test_nothing_of_a_poisoned_partition_is_visible_until_the_source_is_mended(
    first: First,
) -> None:
    assert POISONED not in first.poisoned.catalogs["visits"].revisions
    assert POISONED in first.poisoned.catalogs["climate"].revisions

    assert [run.logical_date for run in first.mended] == [at(POISONED)]
    assert first.done.catalogs["visits"].revisions[POISONED][0].rows == 80


def test_a_training_by_hand_has_to_say_what_it_may_know(running: Running, first: First) -> None:
    tasks = running.tasks(first.nameless)
    said = "\n".join(running.api.log(first.nameless, tasks["await_inputs"]))

    assert first.nameless.state == "failed"
    assert (tasks["await_inputs"].state, tasks["await_inputs"].tries) == ("failed", 1)
    assert tasks["train"].state == "upstream_failed"
    assert "a training run triggered by hand has to say what it may know" in said
    assert "hint: fill in as_of in the form" in said


def test_the_same_backfills_again_add_nothing_and_lose_nothing(first: First, again: Again) -> None:
    assert {run.state for run in again.runs} == {"success"}
    assert len(again.runs) == 2 + 2 + 2 + 1
    assert again.done.same == first.done.same
    appended = ("catalog/", "ledger/", "reports/", "quarantine/")
    assert again.done.under(*appended) == first.done.under(*appended)
    bundles = [key for key in first.done.keys if key.endswith("/bundle.json")]
    assert bundles == [key for key in again.done.keys if key.endswith("/bundle.json")]
    assert len(bundles) == 2 + 2 + 1
    assert set(first.done.keys) <= set(again.done.keys)


def test_every_record_is_whole_in_the_end(running: Running, rolled: Rolled) -> None:
    running.home.audit()


def test_a_rollback_is_one_entry_with_its_person_and_scores_again_what_it_changes(
    running: Running, first: First, rolled: Rolled
) -> None:
    assert rolled.run.state == "success"
    *before, entry = rolled.done.ledger.history

    assert tuple(before) == first.done.ledger.history
    assert (entry.event, entry.model_version) == ("rolled_back", rolled.target)
    assert entry.decided_by == "admin"
    assert entry.effective_from == parse_instant("2024-02-20")
    assert entry.reasons == ("the second one was trained on wrong prices",)
    kept, again = (rolled.done.catalogs[PREDICTIONS].revisions[day] for day in days(*SCORINGS))
    assert (len(kept), len(again)) == (1, 2)
    assert versions(running, rolled.done, SCORINGS[1]) == {rolled.target}
    assert running.home.table(again[0].md5)["model_version"].unique().tolist() == [
        before[1].model_version
    ]


def test_a_training_killed_in_its_middle_is_retried_by_airflow_to_the_bytes_of_an_undisturbed_one(
    running: Running, first: First, reproduced: tuple[int, str]
) -> None:
    """The reproduction is the undisturbed one: every stage again, in another folder."""
    code, said = reproduced
    one = first.done.ledger.history[0]

    train, decide = (first.retried[name] for name in ("train", "decide"))
    assert (train.state, train.tries) == ("success", 2)
    assert (decide.state, decide.tries) == ("success", 1)
    assert running.moment(first.trainings[0], "train", "start_date") > first.killed
    trained = [key for key in first.done.under("runs/toy/train/") if key.endswith("/bundle.json")]
    assert f"runs/toy/train/{one.run}/bundle.json" in trained
    assert len(trained) == len(TRAININGS)
    assert code == 0, said
    model = bundle(running, one.run).outputs["data/toy/model"]["md5"]
    assert f"data/toy/model  {model}  identical" in said


def test_a_run_of_airflow_is_reproduced_byte_for_byte(
    running: Running, first: First, reproduced: tuple[int, str]
) -> None:
    code, said = reproduced
    one = first.done.ledger.history[0]

    assert code == 0, said
    assert f"{one.model_version} (run {one.run}): reproduced: identical bytes" in said
    outputs = bundle(running, one.run).outputs
    assert said.count(" identical\n") + said.endswith(" identical") == len(outputs)
    assert "data/toy/model" in said


def test_a_correction_is_a_revision_and_what_rested_on_the_old_one_is_restated_beside_it(
    running: Running, rolled: Rolled, restated: Restated
) -> None:
    said = "\n".join(
        running.api.log(restated.corrected, running.tasks(restated.corrected)["ingest_visits"])
    )
    assert "restated 1" in said
    assert f"laurel impact toy visits {CORRECTED}" in said
    assert len(restated.done.catalogs["visits"].revisions[CORRECTED]) == 2

    assert restated.run.state == "success"
    assert restated.done.ledger == rolled.done.ledger
    assert restated.done.catalogs[PREDICTIONS] == rolled.done.catalogs[PREDICTIONS]
    links = running.about(restated.run, "restate", "links")["extra_links"]
    page = running.page(links["Restatement"]).text
    assert f"visits of {CORRECTED}" in page
    assert "as corrected" in page
    home = running.home
    corrected = home.site.catalog(home.usecase, "predictions_corrected").read()
    assert set(corrected.revisions) == set(days(*SCORINGS))


def test_a_backfilled_night_tells_nobody_and_asks_for_nothing(
    running: Running, first: First
) -> None:
    tasks = running.tasks(first.nights[0])
    said = "\n".join(running.api.log(first.nights[0], tasks["tell"]))

    assert {name: task.state for name, task in tasks.items()} == {
        "await_predictions": "success",
        "monitor": "success",
        "tell": "success",
        "retrain": "skipped",
    }
    assert "nothing new to tell" in said


def test_an_alarm_is_told_once_by_mail_and_webhook(running: Running, alarmed: Alarmed) -> None:
    assert (alarmed.night.state, alarmed.again.state) == ("success", "success")

    (mail,) = running.mails.mails
    (post,) = running.posts.posts
    assert mail["To"] == "ops@example.org"
    assert mail["Subject"].startswith(f"[laurel] toy {SHIFTED}: ")
    assert "confirmed critical" in mail["Subject"]
    assert running.posts.paths == ["/alarms"]
    assert (post["partition"], post["backfilled"]) == (SHIFTED, False)
    assert "drift/amount" in {alarm["check"] for alarm in post["alarms"]}
    assert running.page(post["link"].removeprefix(running.api.url)).status_code == 200


def test_a_confirmed_alarm_asks_for_one_training_with_its_reason(
    running: Running, alarmed: Alarmed
) -> None:
    training = alarmed.training
    retried = running.tasks(alarmed.again)["retrain"]

    assert running.alarm_trainings() == [training]
    assert (training.run_id, training.state) == (f"alarm_{SHIFTED}", "success")
    assert training.conf["as_of"] == "2024-02-25T00:00:00Z"
    assert "amount has drifted" in training.conf["reason"]
    assert training.conf["asked_by"] == alarmed.night.run_id
    assert retried.state == "skipped"
    decided = alarmed.done.ledger.decision(parse_instant("2024-02-25"))
    assert decided is not None, "what was asked for is decided"


def test_the_event_of_a_report_carries_verdict_and_alarms(
    running: Running, alarmed: Alarmed
) -> None:
    extras = [
        event["extra"]
        for event in running.api.pages("/assets/events", "asset_events")
        if event["name"] == "toy.report"
    ]
    told = [extra for extra in extras if extra["partition"] == SHIFTED]

    assert len(told) == 2
    assert all("drift/amount confirmed critical" in extra["open"] for extra in told)
    assert all("amount has drifted" in extra["verdict"] for extra in told)
    assert {extra["backfilled"] for extra in extras} == {True, False}


def test_a_shard_that_fails_is_retried_alone_and_the_day_has_the_bytes_of_one_pass(
    running: Running, served: Served
) -> None:
    assert served.run.state == "success"
    tries = {place: (task.state, task.tries) for place, task in served.shards.items()}
    assert tries == {0: ("success", 1), 1: ("success", 2), 2: ("success", 1)}
    assert {name: served.tasks[name].tries for name in ("plan", "publish")} == {
        "plan": 1,
        "publish": 1,
    }
    (made,) = served.done.catalogs[PREDICTIONS].revisions[SHARDED]
    assert (made.run, made.md5, made.rows) == (served.single.run, served.single.md5, 80)
    assert served.done.under("dvc/staging/") == []
    links = running.about(served.run, "publish", "links")["extra_links"]
    assert running.page(links["Data Docs"]).status_code == 200


def test_a_challenger_scores_in_shadow_beside_the_shards_and_the_night_compares_both(
    running: Running, served: Served
) -> None:
    shadow = served.shadow
    assert (shadow.made.run, shadow.made.md5, shadow.made.rows) == (
        shadow.single.run,
        shadow.single.md5,
        80,
    )
    assert shadow.night.state == "success"
    (report,) = (
        json.loads(running.home.site.store.read(key))
        for key in served.done.under(f"reports/toy/{SHARDED}/")
    )
    page = json.loads(running.home.site.store.read(report["page"].replace(".html", ".json")))
    (compared,) = page["shadows"]
    assert (compared["model_version"], compared["rows"]) == (shadow.version, 80)
    assert versions(running, served.done, SHARDED).isdisjoint({shadow.version})
    served_keys = running.home.predictions(SHARDED)["visit_id"]
    assert len(served_keys) == 80, "consumers see the champion's rows alone"


def test_predictions_are_delivered_to_a_table_and_a_bucket_by_tasks_of_their_own(
    running: Running, served: Served, seaweedfs: S3Server
) -> None:
    published = running.home.predictions(SHARDED)
    assert {name: served.tasks[name].state for name in ("deliver_lake", "deliver_warehouse")} == {
        "deliver_lake": "success",
        "deliver_warehouse": "success",
    }
    door = {"host": str(layout(running.stack.settings).sockets), "user": DATABASE_USER}
    with psycopg.connect(**door, dbname="postgres") as opened:
        rows = opened.execute(
            "SELECT visit_id, score, partition FROM toy_scored ORDER BY visit_id"
        ).fetchall()
    wanted = published.sort_values("visit_id")
    assert rows == [*wanted[["visit_id", "score", "partition"]].itertuples(index=False, name=None)]
    name, _, prefix = served.bucket.path.removeprefix("s3://").partition("/")
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=seaweedfs.endpoint,
        aws_access_key_id=seaweedfs.access_key,
        aws_secret_access_key=seaweedfs.secret_key,
        region_name="us-east-1",
    )
    key = f"{prefix}/partition={SHARDED}/predictions.parquet"
    data = client.get_object(Bucket=name, Key=key)["Body"].read()
    delivered = pd.read_parquet(io.BytesIO(data))
    pd.testing.assert_frame_equal(
        delivered, published.drop(columns="partition"), check_dtype=False, check_exact=True
    )
