"""How far a training is, on a terminal and anywhere else."""

from __future__ import annotations

import io
import logging

import pytest
from rich.console import Console

from laurel.cli.progress import STAGES, stages_shown, trials_shown
from laurel.domain.search import Progress
from laurel.domain.trial import Point, Trial

TRIAL = Trial(3, {}, (Point(20, 12, (0.5,), ends=True),))
PROGRESS = Progress(TRIAL, TRIAL, 40, "log_loss")


def terminal() -> tuple[Console, io.StringIO]:
    drawn = io.StringIO()
    return Console(file=drawn, force_terminal=True, width=120), drawn


def test_anywhere_but_on_a_terminal_a_trial_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with trials_shown(Console(file=io.StringIO())) as told:
        told(PROGRESS)
    assert capsys.readouterr().out == f"{PROGRESS.sentence()}\n"


def test_on_a_terminal_a_search_is_a_bar_that_counts_its_trials() -> None:
    console, drawn = terminal()
    with trials_shown(console) as told:
        told(PROGRESS)
    assert "3/40" in drawn.getvalue()
    assert "best 0.5 in trial 3" in drawn.getvalue()


def test_on_a_terminal_a_training_shows_what_its_stages_print() -> None:
    # the last line is drawn for certain, one before it only if it stood long enough
    for line, words in (
        (PROGRESS.sentence(), "3/40"),
        ("stage toy_train: [not] markup", "stage toy_train: [not] markup"),
    ):
        console, drawn = terminal()
        with stages_shown(console):
            logging.getLogger(STAGES).info("stage toy_tune")
            logging.getLogger(STAGES).info(line)
        assert words in drawn.getvalue()
    assert logging.getLogger(STAGES).handlers == []


def test_anywhere_else_a_training_draws_nothing_and_leaves_logging_as_it_was() -> None:
    drawn = io.StringIO()
    level = logging.getLogger(STAGES).level
    with stages_shown(Console(file=drawn)):
        logging.getLogger(STAGES).warning("stage toy_train")
    assert drawn.getvalue() == ""
    assert logging.getLogger(STAGES).level == level
