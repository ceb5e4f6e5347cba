"""Mechanical checks of the source: length, shells, pickles, clocks, the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = sorted(
    file for folder in ("include", "plugins", "dags") for file in (ROOT / folder).rglob("*.py")
)
LAUREL = ROOT / "include" / "laurel"

MAX_LINES = 300
MAX_DAG_LINES = 70

CLOCKS = {
    ("datetime", "now"),
    ("datetime", "today"),
    ("datetime", "utcnow"),
    ("date", "today"),
    ("Timestamp", "now"),
    ("Timestamp", "today"),
    ("Timestamp", "utcnow"),
    ("pendulum", "now"),
    ("timezone", "utcnow"),
    ("time", "time"),
    ("time", "time_ns"),
}
MAY_ASK_THE_TIME = {
    "adapters/sources/files.py": "whether a file changed so lately that its time tells nothing",
    "adapters/sources/web.py": "as above, of a file on a server; how long it asks to wait",
    "stages/publish.py": "published_at, recorded with a revision",
    "runs/decide.py": "decided_at, recorded with a decision",
    "runs/deliver.py": "delivered_at, recorded with a delivery",
    "runs/probation.py": "decided_at, recorded with a decision",
    "runs/rollback.py": "how long after its decision a rollback is done, told and not recorded",
    "runs/approve.py": "how long an answer is still waited for",
    "runs/refusals.py": "since when rows are held, recorded with them",
    "adapters/records/ledger.py": "decided_at, where the caller gives none",
    "adapters/dvc/remote.py": "how old an object is that a run relies on",
    "runs/proof/statement.py": "signed_at, recorded with a signature",
    "runs/calibrate.py": "at, recorded with what was learned",
    "runs/acknowledge.py": "at, recorded with a person's word",
    "runs/tell.py": "at, recorded with what was told and asked for",
    "runs/gc.py": "what is too young to be dropped; when something was",
    "local/readiness.py": "how long a process of the embedded stack has been starting",
}

MAY_READ_THE_ENVIRONMENT = {
    "settings.py": "the one place for settings",
    "adapters/store/s3.py": "the credentials that a client was made with",
    "adapters/warm.py": "the PATH of the commands of stages, and what their process inherits",
    "runs/reproduce.py": "the PYTHONPATH and the threads of the commands that DVC starts",
    "local/environment.py": "what the processes of the embedded stack inherit",
}


def names(path: Path) -> str:
    return str(path.relative_to(LAUREL if path.is_relative_to(LAUREL) else ROOT))


def nodes(file: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(file.read_bytes()))


def owner(node: ast.Attribute) -> str:
    """The last name before an attribute: ``Timestamp`` in ``pd.Timestamp.now``."""
    value = node.value
    return value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")


def asks_the_time(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "time" and any(alias.name == "time" for alias in node.names)
    return isinstance(node, ast.Attribute) and (owner(node), node.attr) in CLOCKS


def reads_the_environment(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and any(
            each.name in ("environ", "getenv") for each in node.names
        )
    return isinstance(node, ast.Attribute) and (owner(node), node.attr) in {
        ("os", "environ"),
        ("os", "getenv"),
    }


def test_clock_check_sees_each_way_to_ask() -> None:
    ways = (
        "datetime.now(UTC)",
        "datetime.datetime.utcnow()",
        "pd.Timestamp.now()",
        "time.time()",
        "from time import time",
    )

    assert all(any(map(asks_the_time, ast.walk(ast.parse(way)))) for way in ways)
    assert not any(map(asks_the_time, ast.walk(ast.parse("time.monotonic(); frame.time"))))


def test_no_source_file_is_longer_than_a_reader_can_hold() -> None:
    long = {names(file): count for file in SOURCE if (count := lines(file)) > MAX_LINES}

    assert long == {}


def test_dag_files_only_draw() -> None:
    long = {file.name: lines(file) for file in (ROOT / "dags").glob("*.py")}

    assert long
    assert {name: count for name, count in long.items() if count > MAX_DAG_LINES} == {}


def lines(file: Path) -> int:
    return len(file.read_text().splitlines())


def test_only_recorded_observations_ask_the_time() -> None:
    asking = {names(file) for file in SOURCE if any(map(asks_the_time, nodes(file)))}

    assert asking <= set(MAY_ASK_THE_TIME)


def test_the_environment_is_read_in_named_places() -> None:
    reading = {names(file) for file in SOURCE if any(map(reads_the_environment, nodes(file)))}

    assert reading <= set(MAY_READ_THE_ENVIRONMENT)


@pytest.mark.parametrize("allowed", [MAY_ASK_THE_TIME, MAY_READ_THE_ENVIRONMENT])
def test_exceptions_name_files_that_exist(allowed: dict[str, str]) -> None:
    assert [name for name in allowed if not (LAUREL / name).is_file()] == []


def test_nothing_is_given_to_a_shell() -> None:
    guilty = {
        names(file)
        for file in SOURCE
        for node in nodes(file)
        if (isinstance(node, ast.keyword) and node.arg == "shell")
        or (isinstance(node, ast.Attribute) and (owner(node), node.attr) == ("os", "system"))
    }

    assert guilty == set()


def test_nothing_is_pickled() -> None:
    forbidden = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
    guilty = {
        (names(file), name)
        for file in SOURCE
        for node in nodes(file)
        for name in modules(node)
        if name.split(".")[0] in forbidden
    }

    assert guilty == set()


def modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
