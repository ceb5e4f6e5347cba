"""A training under a real memory limit: external memory ends where memory is too small for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from laurel.usecase import UseCase
from support.bulk import bulk_usecase, lay_bulk, run_limited

pytestmark = pytest.mark.slow
ROWS, DAYS, FEATURES = 33_000, 16, 40
LIMIT = 260
"""Megabytes that a process may take besides what its imports took."""
EXTERNAL: dict[str, Any] = {"kind": "external", "memory_mb": 64}


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> tuple[UseCase, Path]:
    folder = tmp_path_factory.mktemp("bulk")
    usecase = bulk_usecase(folder / "usecase", days=DAYS, features=FEATURES, rounds=2)
    lay_bulk(usecase, folder / "run", rows=ROWS)
    return usecase, folder / "run"


def test_external_memory_trains_where_memory_does_not_fit(laid: tuple[UseCase, Path]) -> None:
    usecase, folder = laid
    ran = run_limited(usecase, folder, engine=EXTERNAL, megabytes=LIMIT)
    assert (ran.code, sorted(ran.said)) == (
        0,
        ["assemble", "evaluate", "featurize", "limit", "train"],
    ), ran.text
    assert (folder / "data" / "bulk" / "evidence" / "scores.parquet").is_file()
    over = run_limited(usecase, folder, engine={"kind": "memory"}, megabytes=LIMIT)
    assert over.code != 0
    assert "train" not in over.said
