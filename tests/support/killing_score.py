"""Scorings that are killed at random instants: ``python -m support.killing_score``.

One process that has loaded everything forks a child for each scoring and kills it some time later;
the instants follow from a seed, as shares of the time that a scoring takes. What is left is scored
to its end, and what every home holds then is printed as JSON.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from laurel.domain.config import PREDICTIONS
from support.killing import broken, in_child
from support.runs import Home, kept_home

DAYS = tuple(f"2024-02-{day}" for day in (15, 16, 17, 18, 19, 22, 23, 24, 25, 26))
"""Days of two champions, none of which is scored yet."""
SEED = 20240215


def main(template: Path, folder: Path, runs: int) -> None:
    """Kill so many scorings; print what the undisturbed home holds, and what the others hold."""
    undisturbed = copied(template, folder / "undisturbed")
    seconds = [timed(lambda day=day: undisturbed.score(day)) for day in DAYS]
    _, expected = in_child(lambda: facts(undisturbed))
    draw, usual = random.Random(SEED), median(seconds)  # noqa: S311
    killed, made, homes = 0, 0, []
    while made < runs:
        home = copied(template, folder / str(len(homes)))
        homes.append(home)
        while made < runs and (day := first_unpublished(home)):
            killed += killed_after(draw.uniform(0, 1.2) * usual, home, day)
            made += 1
    found = [in_child(lambda home=home: finished(home))[1] for home in homes]
    said = {"expected": expected, "found": found, "runs": made, "killed": killed}
    sys.stdout.write(f"{json.dumps(said)}\n")


def killed_after(seconds: float, home: Home, day: str) -> bool:
    """Score a day in a child that is killed after some time; false if it was done by then."""
    child = forked(lambda: home.score(day))
    time.sleep(seconds)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return os.WIFSIGNALED(status)


def first_unpublished(home: Home) -> str | None:
    """The first of the days without predictions; asked of the records alone."""
    revisions = home.site.catalog(home.usecase, PREDICTIONS).read().revisions
    return next((day for day in DAYS if day not in revisions), None)


def finished(home: Home) -> dict[str, Any]:
    """What a home holds once every day was tried again."""
    for day in DAYS:
        home.score(day)
    return facts(home)


def facts(home: Home) -> dict[str, Any]:
    """The predictions of the days, their runs, and what is not whole."""
    site = home.site
    state = site.catalog(home.usecase, PREDICTIONS).audit().state
    md5s = [line.md5 for lines in state.revisions.values() for line in lines]
    return {
        "days": {
            day: [[line.md5, line.content_hash, line.rows, line.run] for line in lines]
            for day, lines in sorted(state.revisions.items())
        },
        "bundles": sorted(
            key for key in home.keys("runs/toy/score/") if key.endswith("bundle.json")
        ),
        "broken": broken(site, md5s, state.tree),
    }


def at_once(template: Path, folder: Path, days: Sequence[str]) -> None:
    """Score each day in two processes at once; print how they ended and what the home holds."""
    home = copied(template, folder / "home")
    codes = []
    for day in days:
        children = [forked(lambda day=day: home.score(day)) for _ in range(2)]
        codes += [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    _, found = in_child(lambda: facts(home))
    sys.stdout.write(f"{json.dumps({'codes': codes, 'found': found})}\n")


def forked(work: Callable[[], object]) -> int:
    """Do it in a fork; its process id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def timed(work: Callable[[], object]) -> float:
    """Seconds that a fork takes for it."""
    began = time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(forked(work), 0)[1]) == 0
    return time.monotonic() - began


def copied(template: Path, folder: Path) -> Home:
    """A copy of a kept home."""
    shutil.copytree(template, folder)
    return kept_home(folder)


if __name__ == "__main__":
    if sys.argv[3] == "at-once":
        at_once(Path(sys.argv[1]), Path(sys.argv[2]), DAYS[:5])
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
