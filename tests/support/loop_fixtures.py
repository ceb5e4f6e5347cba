"""Fixtures of the loop through Airflow: one stack for a session, and each step of the way.

    pytest_plugins = ["support.loop_fixtures"]  # running, first, …

Each fixture takes the loop a step further and holds what stood in the records then, so that tests
of it may run in any order. The stack runs from a committed copy of this source tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from laurel.domain.config.sink import S3Sink
from laurel.domain.partition import Partition
from laurel.local.environment import DATABASE_USER
from laurel.local.layout import layout
from laurel.runs.inputs import choose_inputs
from laurel.runs.scored import score_run
from laurel.runs.shadow import shadow_dataset
from support.asked import write_asked
from support.grouping import group_of
from support.listening import hook, mailbox
from support.loop import (
    CORRECTED,
    DAILY,
    HISTORY,
    KINDS,
    NIGHTS,
    POISONED,
    SCORINGS,
    SHARDED,
    SHIFTED,
    TRAININGS,
    Again,
    Alarmed,
    First,
    Restated,
    Rolled,
    Running,
    Served,
    Shadowed,
    watch,
)
from support.runs import Home, open_home
from support.servers import S3Server
from support.stack import running_stack

_OPEN = ExitStack()
"""The stack, while it is up."""


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the stack after the last test of its group: idle it takes a seventh of a core."""
    groups = [group_of(each.nodeid) if each else "" for each in (item, nextitem)]
    if groups[0] == "loop" != groups[1]:
        _OPEN.close()


@pytest.fixture(scope="session")
def running(source_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The stack, with the DAGs of ``toy`` switched on."""
    include, dags = source_checkout / "include", source_checkout / "dags"
    home = open_home(tmp_path_factory.mktemp("loop"), PYTHONPATH=str(include))
    write_asked(home.folder / "cases")
    watch(home)
    environ = {
        name: text
        for name, text in home.environ.items()
        if name.startswith("LAUREL_") or name == "PYTHONPATH"
    }
    environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(dags)
    with _OPEN:
        mails, posts = _OPEN.enter_context(mailbox()), _OPEN.enter_context(hook())
        environ["AIRFLOW_CONN_SMTP_OPS"] = mails.connection
        environ["AIRFLOW_CONN_HOOK"] = posts.connection(extra={"path": "/alarms"})
        stack = _OPEN.enter_context(running_stack(home.folder / "home", environ))
        for kind in KINDS:
            stack.switch_on(f"toy_{kind}")
        yield Running(home, stack, mails, posts)


@pytest.fixture(scope="session")
def first(running: Running) -> Iterator[First]:
    """From nothing to two champions, predictions and reports."""
    (load,) = running.ended(running.trigger("ingest", start=HISTORY[0], end=HISTORY[1]))
    poison = _poison(running.home)
    daily = running.start("ingest", DAILY)
    nameless = running.trigger("train")
    trainings = running.start("train", TRAININGS, max_active_runs=2)
    killed = running.kill_in_training(trainings)
    days = running.ended(daily)
    refused = running.tasks(days[-1])
    poisoned = running.records()
    reasons = running.api.log(days[-1], refused["ingest_visits"])
    links = running.about(days[-1], "ingest_visits", "links")["extra_links"]
    poison.unlink()
    mended = running.ended(running.start("ingest", DAILY, reprocess="failed"))
    running.ended(lambda: trainings()[:1])
    reproduction = running.reproduce(running.records().ledger.history[0].model_version)
    trained = running.ended(trainings)
    order = (
        running.moment(trained[0], "decide", "end_date"),
        running.moment(trained[1], "train", "start_date"),
    )
    scored = running.ended(running.start("score", SCORINGS))
    nights = running.ended(running.start("monitor", NIGHTS))
    yield First(
        load=load,
        days=days,
        mended=mended,
        nameless=running.ended(nameless)[0],
        trainings=trained,
        killed=killed,
        retried=running.tasks(trained[0]),
        order=order,
        scorings=scored,
        nights=nights,
        poisoned=poisoned,
        reasons=reasons,
        poisoned_links=links,
        refused=refused,
        done=running.records(),
        reproduction=reproduction,
    )
    if reproduction.poll() is None:
        reproduction.kill()
    reproduction.communicate()


@pytest.fixture(scope="session")
def reproduced(first: First) -> tuple[int, str]:
    """The exit code and the words of the reproduction of the first training."""
    said, _ = first.reproduction.communicate(timeout=900)
    return first.reproduction.returncode, said


@pytest.fixture(scope="session")
def again(running: Running, first: First) -> Again:
    """Everything once more, all at once."""
    runs = running.ended(
        running.start("ingest", DAILY, reprocess="completed"),
        running.start("train", TRAININGS, reprocess="completed", max_active_runs=1),
        running.start("score", SCORINGS, reprocess="completed"),
        running.start("monitor", NIGHTS, reprocess="completed"),
    )
    return Again(runs, running.records())


@pytest.fixture(scope="session")
def rolled(running: Running, first: First, again: Again) -> Rolled:
    """The crown back to the first champion, from the day on which the second one's reign began."""
    target = first.done.ledger.history[0].model_version or ""
    (run,) = running.ended(
        running.trigger(
            "rollback",
            target=target,
            reason="the second one was trained on wrong prices",
            effective_from="2024-02-20T00:00:00Z",
        )
    )
    return Rolled(run, target, running.records())


@pytest.fixture(scope="session")
def restated(running: Running, rolled: Rolled) -> Restated:
    """A day is corrected at its source, ingested again, and what rested on it recomputed."""
    frame = running.home.source("visits", CORRECTED)
    frame["amount"] *= 1.5
    frame.to_parquet(running.home.override("visits", CORRECTED))
    (corrected,) = running.ended(running.trigger("ingest", start=CORRECTED, end=CORRECTED))
    (run,) = running.ended(running.trigger("restate", dataset="visits", start=CORRECTED))
    return Restated(corrected, run, running.records())


@pytest.fixture(scope="session")
def alarmed(running: Running, restated: Restated) -> Alarmed:
    """A day unlike any in training is scored, and monitored by hand: twice, as if retried."""
    frame = running.home.source("visits", SHIFTED)
    frame["amount"] = frame["amount"] * 3 + 100
    frame.to_parquet(running.home.override("visits", SHIFTED))
    running.ended(running.trigger("ingest", start=SHIFTED, end=SHIFTED))
    running.ended(running.start("score", (SHIFTED, SHIFTED)))
    (night,) = running.ended(running.trigger("monitor", partition=SHIFTED))
    (training,) = running.ended(lambda: running.alarm_trainings())
    (again,) = running.ended(running.trigger("monitor", partition=SHIFTED))
    return Alarmed(night, training, again, running.records())


@pytest.fixture(scope="session")
def served(
    running: Running,
    alarmed: Alarmed,
    seaweedfs: S3Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Served:
    """A day in shards, one of which fails until its place in the store is free; then to sinks.

    The model whose reign was rolled back scores it in shadow.
    """
    home, day = running.home, Partition.of(SHARDED)
    single, shadowed = (home.copy(tmp_path_factory.mktemp(name)) for name in ("single", "shadowed"))
    single.score(SHARDED)
    version = str(alarmed.done.ledger.history[1].model_version)
    for each in (shadowed, home):
        _scoring(each, shadow={"challengers": [version], "partitions": 28})
    shadowed.score(SHARDED)
    bucket = S3Sink(kind="s3", path=seaweedfs.fresh_url(), endpoint=seaweedfs.endpoint)
    _connect_sinks(running, seaweedfs)
    _serve(home, bucket)
    run = score_run(home.usecase, choose_inputs(home.site, home.usecase, partition=day))
    obstacle = home.folder / f"store/dvc/staging/score/toy/{run}/{30:012}-{60:012}"
    obstacle.parent.mkdir(parents=True)
    obstacle.write_text("no folder can be made here")
    running.redraw("score", task="score_shard")
    find = running.trigger("score", partition=SHARDED)
    running.until_shards(find, {0: "success", 1: "up_for_retry", 2: "success"})
    obstacle.unlink()
    (made,) = running.ended(find)
    (night,) = running.ended(running.trigger("monitor", partition=SHARDED))
    said, alone = (
        each.site.catalog(each.usecase, shadow_dataset(version)).read().revisions[SHARDED][-1]
        for each in (home, shadowed)
    )
    return Served(
        made,
        running.shards(made),
        running.tasks(made),
        single.predictions_of(SHARDED)[-1],
        running.records(),
        bucket,
        Shadowed(version, said, alone, night),
    )


def _connect_sinks(running: Running, server: S3Server) -> None:
    """The PostgreSQL of the stack itself as a warehouse, and a bucket of another server."""
    running.connect(
        "dwh",
        conn_type="postgres",
        host=str(layout(running.stack.settings).sockets),
        login=DATABASE_USER,
        schema="postgres",
    )
    running.connect("lake", conn_type="aws", login=server.access_key, password=server.secret_key)


def _serve(home: Home, bucket: S3Sink) -> None:
    """Let the use case score in shards and deliver."""
    sinks = {
        "warehouse": {"kind": "postgres", "connection": "dwh", "table": "toy_scored"},
        "lake": {**bucket.model_dump(mode="json", exclude_none=True), "connection": "lake"},
    }
    _scoring(home, shards={"rows": 30}, sinks=sinks)


def _scoring(home: Home, **said: Any) -> None:
    """Add to what the use case says of its scoring."""
    file = home.usecase.folder / "usecase.yaml"
    document = yaml.safe_load(file.read_text())
    document["scoring"].update(said)
    file.write_text(yaml.safe_dump(document, sort_keys=False))


def _poison(home: Home) -> Path:
    """Let the source give a day with one amount that cannot be."""
    frame = home.source("visits", POISONED)
    frame.loc[7, "amount"] = -5.0
    file = home.override("visits", POISONED)
    frame.to_parquet(file)
    return file
