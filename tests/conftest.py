"""Fixtures that all tests may ask for."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings as rules

from laurel.settings import Settings, load_settings
from support.grouping import pytest_collection_modifyitems, pytest_xdist_make_scheduler
from support.servers import rclone_s3, seaweedfs, waits

__all__ = [
    "pytest_collection_modifyitems",
    "pytest_xdist_make_scheduler",
    "rclone_s3",
    "seaweedfs",
    "settings",
    "waits",
]


# Airflow makes its home when it is imported: not in the home of whoever runs the tests, and one for
# each worker of a parallel run, which must not read a file that another one is writing.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="laurel-airflow-")
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)

# No example has to be done in a certain time. `make` runs the same examples each time, so that
# whoever runs it twice sees the same twice; plain pytest looks for new ones.
rules.register_profile("searching", deadline=None)
rules.register_profile("repeatable", deadline=None, derandomize=True, database=None)
rules.load_profile("searching")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose home, store and cache are the test's own, with the shipped use cases."""
    return load_settings(
        {
            "LAUREL_HOME": str(tmp_path / "home"),
            "LAUREL_STORE": f"file://{tmp_path}/store",
            "LAUREL_CACHE": str(tmp_path / "cache"),
        }
    )
