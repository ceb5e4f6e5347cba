"""DVC's memory of hashes, in memory: for a command that takes seconds, it needs no database.

DVC keeps the hash of each file that it saw, by its inode, time and size, in two databases in the
workspace. It opens them anew for each stage, and waits for the disk each time. A workspace of ours
lives as long as one command.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self
from unittest.mock import patch

from dvc_data.hashfile import state


@contextmanager
def remembering() -> Iterator[None]:
    """Let repositories of DVC remember in memory, for as long as the block lasts."""
    with patch.object(state, "State", _State):
        yield


class _State(state.State):
    """What DVC knows of files, kept as long as the repository."""

    def __init__(self, root_dir: str | None, _database: str | None, ignore: Any) -> None:
        super().__init__(root_dir, None, ignore)
        vars(self).update(hashes=_Table(), links=_Table())


class _Table(dict[str, Any]):
    """A table of the database, as DVC asks it."""

    def get_many(self, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
        return ((name, self.get(name)) for name in names)

    def set_many(self, items: Iterable[tuple[str, Any]]) -> None:
        self.update(items)

    def close(self) -> None:
        """DVC closes a database for as long as a command of a stage runs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
