"""Fixtures that all tests may ask for."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from laurel.settings import Settings, load_settings
from support.servers import rclone_s3, seaweedfs

__all__ = ["rclone_s3", "seaweedfs", "settings"]


if "AIRFLOW_HOME" not in os.environ:
    # Airflow makes its home when it is imported: not in the home of whoever runs the tests.
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="laurel-airflow-")
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)


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
