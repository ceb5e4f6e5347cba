"""Deliveries from the outside: the tasks that are drawn for sinks, and the command."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

import laurel.cli.runs
from laurel.domain.partition import Partition
from laurel.runs.deliver import Delivered
from laurel.runs.scored import Scored
from support.synthetic import NAME, write_toy

DAGS = Path(__file__).resolve().parents[2] / "dags"
SINKS = {
    "warehouse": {"kind": "postgres", "connection": "dwh", "table": "marts.visits"},
    "lake": {"kind": "s3", "path": "s3://lake/visits"},
}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy use case with two sinks, configured."""
    usecases, suites = write_toy(tmp_path)
    file = usecases / NAME / "usecase.yaml"
    document = yaml.safe_load(file.read_text())
    document["scoring"]["sinks"] = SINKS
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    monkeypatch.setenv("LAUREL_USECASES", str(usecases))
    monkeypatch.setenv("LAUREL_EXPECTATIONS", str(suites))


@pytest.mark.parametrize(
    ("kind", "after", "behind"),
    [("score", "score", False), ("rollback", "rescore", True), ("restate", "restate", True)],
)
@pytest.mark.usefixtures("toy")
def test_each_sink_has_a_task_of_its_own_after_publishing(
    kind: str, after: str, behind: bool
) -> None:
    drawn = runpy.run_path(str(DAGS / f"{kind}.py"))[after]
    dag = drawn.dag
    assert dag.dag_id == f"toy_{kind}"
    assert drawn.downstream_task_ids == {"deliver_lake", "deliver_warehouse"}
    for name in SINKS:
        task = dag.get_task(f"deliver_{name}")
        assert (task.sink, task.behind, task.retries) == (name, behind, 3)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Which sink was given which day by the command; only the warehouse is behind."""
    seen: list[tuple[str, str]] = []

    def deliver(*_: object, sink: str, partition: Partition) -> Delivered:
        seen.append((sink, partition.key))
        return Delivered(sink, "table x", partition.key, 2, 1234, changed=True)

    def behind(*_: object, sink: str) -> Any:
        return iter([Partition.of("2024-02-05")] if sink == "warehouse" else [])

    case = SimpleNamespace(config=SimpleNamespace(scoring=SimpleNamespace(sinks=SINKS)))
    monkeypatch.setattr(laurel.cli.runs, "open_case", lambda _: (None, case))
    monkeypatch.setattr("laurel.runs.deliver.deliver", deliver)
    monkeypatch.setattr("laurel.runs.deliver.behind", behind)
    return seen


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["2024-02-13"], [("lake", "2024-02-13"), ("warehouse", "2024-02-13")]),
        (["2024-02-13", "--sink", "lake"], [("lake", "2024-02-13")]),
        ([], [("warehouse", "2024-02-05")]),
    ],
)
def test_the_command_delivers_a_day_or_all_that_is_behind(
    asked: list[tuple[str, str]], words: list[str], expected: list[tuple[str, str]]
) -> None:
    app = typer.Typer()
    app.command()(laurel.cli.runs.deliver)
    done = CliRunner().invoke(app, ["toy", *words])

    assert done.exit_code == 0, done.output
    assert asked == expected
    said = [line for line in done.output.splitlines() if line.startswith("delivered")]
    assert len(said) == len(expected)
    assert "1,234 predictions" in done.output


@pytest.mark.parametrize(
    ("words", "delivered"), [([], ["lake", "warehouse"]), (["--no-deliver"], [])]
)
def test_a_partition_scored_by_a_command_is_delivered_as_one_scored_by_airflow(
    asked: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    delivered: list[str],
) -> None:
    made = Scored("1a2b3c4d", "2024-02-13", "toy-1", 1234, changed=True)
    monkeypatch.setattr("laurel.runs.score.inputs_ready", lambda *_, **__: None)
    monkeypatch.setattr("laurel.runs.score.score", lambda *_, **__: made)
    app = typer.Typer()
    app.command()(laurel.cli.runs.score)
    done = CliRunner().invoke(app, ["toy", "2024-02-13", *words])

    assert done.exit_code == 0, done.output
    assert asked == [(sink, "2024-02-13") for sink in delivered]


def test_what_a_rollback_by_a_command_scored_again_is_delivered(
    asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = SimpleNamespace(sentence=lambda: "done")
    monkeypatch.setattr("laurel.runs.rollback.roll_back", lambda *_, **__: said)
    monkeypatch.setattr("laurel.runs.rollback.rescore", lambda *_, **__: said)
    app = typer.Typer()
    app.command()(laurel.cli.runs.rollback)
    done = CliRunner().invoke(app, ["toy", "toy-1", "--reason", "a test"])

    assert done.exit_code == 0, done.output
    assert asked == [("warehouse", "2024-02-05")], "the only one that is behind"
