"""Memory and disk that run out: told as such whatever library met them, and nothing else is."""

from __future__ import annotations

import errno
import mmap
import sqlite3
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from laurel.adapters.exhausted import exhausted, peak_bytes
from laurel.cli.stage import app
from laurel.errors import (
    NO_MEMORY,
    TRY_AGAIN,
    ConfigError,
    DataError,
    OutOfMemory,
    StoreFault,
)


def met(by: str) -> BaseException:
    """The error that a library really raises when it asks for more than there can be."""
    try:
        if by == "numpy":
            np.empty(1 << 60, np.uint8)
        elif by == "arrow":
            pa.allocate_buffer(1 << 60)
        elif by == "kernel":
            mmap.mmap(-1, 1 << 60)
        else:
            bytearray(1 << 60)
    except Exception as error:
        return error
    raise AssertionError(f"{by} got an exbibyte")


@pytest.mark.parametrize("by", ["numpy", "arrow", "kernel", "python"])
def test_every_library_s_lack_of_memory_is_one(by: str) -> None:
    told = exhausted(met(by), usecase="toy", place="data")

    assert isinstance(told, OutOfMemory)
    assert told.retryable
    assert "peak memory" in str(told.found)
    assert "training.engine" in str(told)


def test_what_another_error_was_raised_from_counts() -> None:
    wrapped = ConfigError("XGBoost refused to train")
    wrapped.__cause__ = RuntimeError("std::bad_alloc")

    assert isinstance(exhausted(wrapped, usecase="toy", place="data"), OutOfMemory)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        sqlite3.OperationalError("database or disk is full"),
    ],
)
def test_a_full_disk_names_the_place_and_may_be_tried_again(error: Exception) -> None:
    told = exhausted(error, usecase="toy", place="work/here")

    assert isinstance(told, StoreFault)
    assert "work/here" in str(told)


@pytest.mark.parametrize(
    "error", [ValueError("x"), DataError("no rows"), PermissionError(errno.EACCES, "no")]
)
def test_what_is_neither_is_left(error: Exception) -> None:
    assert exhausted(error, usecase="toy", place="data") is None


def test_the_peak_is_that_of_this_process() -> None:
    before = peak_bytes()
    held = np.ones(40 << 20, np.uint8)

    assert before > 10 << 20
    assert peak_bytes() >= max(before, held.nbytes)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (MemoryError("of 3 GiB"), NO_MEMORY, "there was not enough memory"),
        (OSError(errno.ENOSPC, "No space left"), TRY_AGAIN, "the disk is full"),
        (StoreFault("no answer"), TRY_AGAIN, "no answer"),
        (DataError("one class only"), 1, "one class only"),
    ],
)
def test_a_stage_ends_with_the_code_of_its_error(
    error: Exception, code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from laurel.stages import assemble

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(assemble, "assemble", fails)
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(app, ["assemble", "flights"])

    assert done.exit_code == code
    assert done.output.startswith("error: ")
    assert words in done.output
