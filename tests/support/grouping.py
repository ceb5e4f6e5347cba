"""How tests are dealt out to the workers of a parallel run: file by file, the longest first.

Tests of a file share its fixtures, so they stay together; so do the files that drive one Airflow.
Which comes first matters since a worker that begins the longest one last ends alone. The names are
of files without their ``test_``; whatever is not named follows in its usual order.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

TOGETHER = {"airflow_loop": "loop", "loop_approval": "loop", "plugin_pages": "loop"}
LONGEST_FIRST = (
    "loop",
    "faults",
    "quarter",
    "restate",
    "many_rows",
    "engine_memory",
    "score_shards",
    "shadow",
    "score_faults",
    "training_faults",
    "stack",
    "training_repro",
    "checkout",
    "reproduce",
    "objectives",
    "tuning",
    "explain",
    "ingest_faults",
    "point_in_time",
    "alarms",
    "store_unreliable",
    "journal_race",
)


class ByGroup(LoadFileScheduling):
    """``--dist loadfile``, but files that belong together stay together."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    """What one worker runs as a whole.

    >>> group_of("tests/integration/test_plugin_pages.py::test_nobody_sees_a_page[/laurel/]")
    'loop'
    """
    file = PurePosixPath(nodeid.partition("::")[0])
    name = file.stem.removeprefix("test_")
    return TOGETHER.get(name, name) if "integration" in file.parts else str(file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest groups first."""
    rank = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(group_of(item.nodeid), len(rank)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Deal out by groups where ``--dist loadfile`` is asked for."""
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return ByGroup(config, log)
