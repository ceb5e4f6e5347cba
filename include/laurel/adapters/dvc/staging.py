"""A place in the store for what runs under way hand to each other, until it is published.

It is beside the objects, under names of the run, and nothing of it is a record: whoever ends the
run drops it, and ``laurel gc`` what nobody ended.
"""

from __future__ import annotations

from pathlib import Path

from laurel.adapters.dvc.bytefiles import md5_of
from laurel.adapters.dvc.inventory import STAGING, open_inventory
from laurel.errors import NotFound
from laurel.settings import Settings


class Staging:
    """Files of one run, written whole or not at all; the same again replaces them.

    Every method raises :class:`StoreFault` when the store fails.
    """

    def __init__(self, settings: Settings, folder: str) -> None:
        self._inventory = open_inventory(settings)
        self._prefix = f"{STAGING}{folder}/"

    def write(self, name: str, data: bytes) -> None:
        """Write bytes under a name."""
        self._inventory.write(data, self._prefix + name)

    def read(self, name: str) -> bytes | None:
        """The bytes under a name; ``None`` where there is nothing."""
        try:
            return self._inventory.read(self._prefix + name)
        except NotFound:
            return None

    def put(self, name: str, file: Path) -> str:
        """Write a file under a name; its md5."""
        md5 = md5_of(file)
        self._inventory.send(file, self._prefix + name, md5=md5)
        return md5

    def get(self, name: str, target: Path, *, md5: str) -> bool:
        """Read a file again; false where it is missing or not what was written."""
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._inventory.receive(self._prefix + name, target)
        except NotFound:
            return False
        return md5_of(target) == md5

    def drop(self, below: str = "") -> None:
        """Remove all that the run staged, or what is below a name of it."""
        prefix = f"{self._prefix}{below}/" if below else self._prefix
        self._inventory.drop(self._inventory.listed(prefix))
