"""Mechanical checks of the tests: what makes one fail now and then has no place in them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.grouping import LONGEST_FIRST, group_of

TESTS = Path(__file__).resolve().parents[1]
FILES = sorted(TESTS.rglob("*.py"))

MAY_FORK = {
    "support/forking.py": "in an interpreter of its own, which tests what survives a fork",
    "support/killing.py": "in an interpreter that started no thread of Python",
    "support/killing_score.py": "as above: what starts threads is done in a child",
    "support/killing_train.py": "as above",
}
MAY_DRAW = {
    "integration/test_faults.py": "the moments of kills, at any of which all has to hold",
    "unit/test_checks.py": "a generator of its own, called random",
    "unit/test_check_files.py": "a generator of its own, called random",
    "unit/test_gx_parts.py": "a generator of its own, called random",
    "unit/test_gate.py": "what Hypothesis draws, called random",
}
DRAWS = {"random", "choice", "randrange", "randint", "shuffle", "uniform", "sample"}
CLOCKS = {"monotonic", "perf_counter", "time"}
PATIENCE = 300
"""Seconds that a mark allows at least: a machine may be busy with other things."""


def names(file: Path) -> str:
    return file.relative_to(TESTS).as_posix()


def called(node: ast.AST) -> str:
    """The last name of what a call calls: ``fork`` in ``os.fork()``."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def forks(node: ast.AST) -> bool:
    """By itself, or by a pool that is not told to start fresh interpreters."""
    if called(node) in ("fork", "forkpty"):
        return True
    given = {each.arg for each in node.keywords} if isinstance(node, ast.Call) else set()
    if called(node) == "ProcessPoolExecutor":
        return "mp_context" not in given
    if called(node) == "get_context" and isinstance(node, ast.Call):
        return any(getattr(each, "value", "") in ("fork", "forkserver") for each in node.args)
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "multiprocessing"
        and any(alias.name in ("Pool", "Process") for alias in node.names)
    )


def asserts_how_long_it_took(node: ast.AST) -> bool:
    """``assert time.monotonic() - started < 5``: a busy machine takes longer."""
    return isinstance(node, ast.Assert) and any(
        isinstance(part, ast.BinOp)
        and isinstance(part.op, ast.Sub)
        and any(called(side) in CLOCKS for side in (part.left, part.right))
        for part in ast.walk(node.test)
    )


def is_in_a_hurry(node: ast.AST) -> bool:
    """A deadline of Hypothesis, or a mark that allows a test a few seconds."""
    if not isinstance(node, ast.Call):
        return False
    if called(node) == "timeout" and node.args and isinstance(node.args[0], ast.Constant):
        return node.args[0].value < PATIENCE
    hypothesis = {each.arg: each.value for each in node.keywords} if _is_rules(node) else {}
    deadline = hypothesis.get("deadline")
    return deadline is not None and getattr(deadline, "value", deadline) is not None


def _is_rules(node: ast.Call) -> bool:
    return any(each.arg in ("max_examples", "derandomize") for each in node.keywords) or (
        called(node) in ("settings", "rules", "examples")
    )


def draws_without_a_seed(node: ast.AST) -> bool:
    """``random.random()`` and its like, or a generator without a seed."""
    if called(node) == "default_rng" and isinstance(node, ast.Call):
        return not node.args
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "random"
        and node.attr in DRAWS
    )


def found(which: Callable[[ast.AST], bool]) -> Iterator[str]:
    """Where it is done: file and line."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_bytes())):
            if which(node):
                yield f"{names(file)}:{getattr(node, 'lineno', 0)}"


def elsewhere(which: Callable[[ast.AST], bool], allowed: dict[str, str]) -> list[str]:
    return [place for place in found(which) if place.partition(":")[0] not in allowed]


def test_nothing_forks_a_process_that_has_threads() -> None:
    assert elsewhere(forks, MAY_FORK) == []


def test_no_test_fails_since_a_machine_is_slow() -> None:
    assert elsewhere(asserts_how_long_it_took, {}) == []
    assert elsewhere(is_in_a_hurry, {}) == []


def test_chance_has_a_seed() -> None:
    assert elsewhere(draws_without_a_seed, MAY_DRAW) == []


@pytest.mark.parametrize(
    ("which", "code"),
    [
        (forks, "os.fork()"),
        (forks, "ProcessPoolExecutor(4)"),
        (forks, "from multiprocessing import Process"),
        (forks, "get_context('fork')"),
        (asserts_how_long_it_took, "assert time.monotonic() - started < 5"),
        (asserts_how_long_it_took, "assert 0 < perf_counter() - began < 5"),
        (is_in_a_hurry, "settings(deadline=200)"),
        (is_in_a_hurry, "pytest.mark.timeout(60)"),
        (draws_without_a_seed, "random.random()"),
        (draws_without_a_seed, "np.random.default_rng()"),
    ],
)
def test_a_check_finds_what_it_looks_for(which: Callable[[ast.AST], bool], code: str) -> None:
    assert any(map(which, ast.walk(ast.parse(code))))


@pytest.mark.parametrize(
    ("which", "code"),
    [
        (forks, "ProcessPoolExecutor(4, mp_context=SPAWN)"),
        (asserts_how_long_it_took, "assert time.monotonic() < deadline"),
        (is_in_a_hurry, "settings(deadline=None)"),
        (is_in_a_hurry, "pytest.mark.timeout(1500)"),
        (draws_without_a_seed, "random.Random(7)"),
    ],
)
def test_a_check_lets_pass_what_is_sound(which: Callable[[ast.AST], bool], code: str) -> None:
    assert not any(map(which, ast.walk(ast.parse(code))))


def test_every_group_that_comes_first_is_there() -> None:
    groups = {group_of(f"tests/{names(file)}::test") for file in FILES}
    assert set(LONGEST_FIRST) <= groups
