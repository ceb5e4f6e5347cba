"""``python -m laurel.local.launch <part>``: what the supervisor runs for each part of the stack.

It ends what a killed predecessor left behind (a scheduler's workers outlive it, and hold its
tasks), notes its own process id, and then becomes the part itself.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from laurel.errors import LaurelError
from laurel.local.layout import Layout, layout
from laurel.local.leftovers import find_group, stop
from laurel.local.postgres import server_command
from laurel.settings import load_settings

DATABASE = "postgres"
# No server of logs beside the scheduler and the triggerer: the API server reads the files itself,
# and two more ports, open to the network, would be two more that can be taken.
AIRFLOW = {
    "api-server": ["api-server"],
    "dag-processor": ["dag-processor"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
PARTS = (DATABASE, *AIRFLOW)


def part_command(part: str, places: Layout) -> list[str]:
    """The command of a part, in the foreground."""
    if part == DATABASE:
        return server_command(places)
    return [sys.executable, "-m", "airflow", *AIRFLOW[part]]


def launch(part: str) -> None:
    """Become the part; returns never."""
    places = layout(load_settings())
    note = places.pids / part
    for process in stop(_predecessors(note), patience=5):
        print(f"laurel: stopped what the last {part} left behind: {process.pid}", flush=True)  # noqa: T201
    note.write_text(str(os.getpid()))
    command = part_command(part, places)
    os.execv(command[0], command)  # noqa: S606


def _predecessors(note: Path) -> list[int]:
    try:
        return find_group(int(note.read_text()), session=os.getsid(0))
    except (OSError, ValueError):
        return []


if __name__ == "__main__":
    try:
        launch(sys.argv[1])
    except LaurelError as error:
        sys.exit(str(error))
