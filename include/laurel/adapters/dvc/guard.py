"""DVC's own garbage collection is refused, by DVC itself, wherever Laurel's objects are.

``dvc gc`` keeps what one workspace uses, and drops what the records name. DVC has no setting that
forbids it. But before it drops anything it looks beside each unused directory object for a folder
of that name and ``.unpacked``; beside an object whose name is as long as a name may be, looking
fails, and DVC ends with an error that shows the name. So the name says why.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc_data.hashfile.db.local import LocalHashFileDB

from laurel.adapters.dvc.bytefiles import READ_ONLY
from laurel.adapters.dvc.faults import worded

WHY = (
    "laurel refuses dvc gc - it keeps what one workspace uses and would drop the data, models and "
    "predictions that the records of all runs name - nothing was dropped - what nothing names is "
    "dropped by - laurel gc "
)
PREFIX = "files/md5/00"
"""The first two digits of an object's md5 are its folder; no md5 is as the name below."""
SUFFIX = ".dir"


def refuse_gc(root: Path) -> None:
    """Let DVC refuse to collect garbage in a cache, or in a folder that is a remote."""
    folder = root / PREFIX
    # where nothing may be written, nothing can be dropped either
    with worded("forbid dvc gc", str(root)), unless_read_only():
        folder.mkdir(parents=True, exist_ok=True)
        guard = folder / guard_name(os.pathconf(folder, "PC_NAME_MAX"))
        if not guard.exists():
            guard.touch(mode=READ_ONLY)


@contextmanager
def unless_read_only() -> Iterator[None]:
    """Pass over a block that may not write where it wants to."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise


def guard_name(longest: int) -> str:
    """A name of ``longest`` characters that says why.

    >>> len(guard_name(255)), guard_name(143)[:28]
    (255, 'laurel refuses dvc gc - it k')
    """
    room = longest - len(SUFFIX)
    return f"{WHY[:room].ljust(room, '-')}{SUFFIX}"


if not LocalHashFileDB.UNPACKED_DIR_SUFFIX:
    raise ImportError("this version of DVC looks nowhere beside an object: dvc gc is not refused")
