"""Challengers in shadow and as a canary, over whole runs of the toy use case."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from laurel.domain.canonical import parse_instant
from support.runs import Home, keep, kept_home, running_from
from support.sharing import made_once

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_checkout")]

AS_OF = parse_instant("2024-02-26")
DAYS = ("2024-02-27", "2024-02-28", "2024-02-29")
GATE = """\
  shadow:
    partitions: 2
    changed_at_most: 0.5
    rank_correlation_at_least: 0.3
    minimum_rows: 50
"""


def say(home: Home, *, gate: str = "", scoring: str = "") -> None:
    """Add to what the use case says of its gate and its scoring."""
    file = home.usecase.folder / "usecase.yaml"
    text = file.read_text()
    text = text.replace("gate:\n", f"gate:\n{gate}", 1)
    file.write_text(text.replace("scoring:\n", f"scoring:\n{scoring}", 1))


@pytest.fixture(scope="session")
def third(prepared: Home, source_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The prepared home with a third training that the gate lets through, not yet decided."""

    def make(folder: Path) -> None:
        with running_from(source_checkout):
            home = prepared.copy(folder)
            home.train(AS_OF)
            keep(home)

    made = made_once(tmp_path_factory, "third", make)
    own = tmp_path_factory.mktemp("third") / "home"
    with running_from(source_checkout):
        return kept_home(shutil.copytree(made, own))


@pytest.fixture
def home(third: Home, own_checkout: Path, tmp_path: Path) -> Home:
    """A copy of it for this test alone."""
    return third.copy(tmp_path)


def test_a_challenger_stands_its_time_in_shadow_and_then_reigns(home: Home) -> None:
    say(home, gate=GATE)
    before = home.trained[1].model_version
    decided = home.decide(home.trained[-1].run)
    challenger = decided.entry.model_version or ""
    assert "scores 2 partition(s) in shadow, 2024-02-27 to 2024-02-28" in decided.sentence()
    assert not decided.waits

    scored = [home.score(day) for day in DAYS]

    assert [each.model_version for each in scored] == [before, before, challenger]
    assert [each.shadows for each in scored] == [(f"{challenger} in shadow",)] * 2 + [()]
    last = home.site.ledger(home.usecase).read().history[-1]
    assert (last.event, last.decided_by, last.model_version) == ("promoted", "gate", challenger)
    assert last.effective_from == parse_instant(DAYS[2])
    assert last.reasons[0] == "it scored 2 partitions in shadow"
    assert home.decide(home.trained[-1].run).entry == last
