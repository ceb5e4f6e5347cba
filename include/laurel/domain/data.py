"""What DVC calls an object: the bytes of a file, or the list of files of a directory, by md5."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from laurel.errors import DataError


@dataclass(frozen=True, slots=True)
class FileRef:
    """The content of one file.

    >>> FileRef(md5="d41d8cd98f00b204e9800998ecf8427e", size=0).size
    0
    """

    md5: str
    """32 hex digits."""
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class TreeRef:
    """The content of a directory, named by DVC's directory object.

    >>> TreeRef(md5="d751713988987e9331980363e24189ce.dir", size=0, nfiles=0).nfiles
    0
    """

    md5: str
    """32 hex digits and ``.dir``."""
    size: int | None
    """Bytes of all files; ``None`` when grown from a directory object, which records no sizes."""
    nfiles: int


def check_names(names: Collection[str]) -> None:
    """Raise :class:`DataError` unless all are plain paths inside a directory, none a folder too.

    >>> check_names(["2013-07-01.parquet", "late/2013-07-01.parquet"])
    """
    # split by hand: a dataset has thousands of names, and path objects cost most of a publication
    nested = [name for name in names if "/" in name]
    folders = {name[:end] for name in nested for end, sign in enumerate(name) if sign == "/"}
    for name in names:
        if any(part in ("", ".", "..") for part in name.split("/")):
            raise DataError(
                "this cannot name a file of a dataset",
                found=repr(name),
                expected="a plain path inside the dataset, with /",
            )
        if name in folders:
            raise DataError("a name is both a file and a folder of a dataset", found=name)
