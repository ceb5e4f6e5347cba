"""Names of a dataset's files."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laurel.domain.data import check_names
from laurel.errors import DataError

PARTS = st.sampled_from(["a", "b", ".", "..", "", "c.parquet"])


def is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        not path.is_absolute() and ".." not in path.parts and bool(path.parts) and str(path) == name
    )


@given(st.lists(PARTS, max_size=4).map("/".join))
def test_a_name_is_refused_exactly_when_it_is_no_plain_relative_path(name: str) -> None:
    if is_plain(name):
        check_names([name])
    else:
        with pytest.raises(DataError, match="cannot name a file"):
            check_names([name])


def test_a_file_that_is_also_a_folder_is_refused() -> None:
    with pytest.raises(DataError, match="both a file and a folder"):
        check_names(["late", "late/2013-07-01.parquet"])
