"""This machine remembers which stores were claimed: one that is empty later has vanished.

A local folder whose disk is not mounted looks like a new store, in which nobody ever was champion.
"""

from __future__ import annotations

import logging
from pathlib import Path

from laurel.adapters.store.guard import CLAIM
from laurel.domain.canonical import canonical_json, digest
from laurel.errors import StoreFault
from laurel.settings import Settings

_LOG = logging.getLogger(__name__)


def remember_claim(settings: Settings) -> None:
    """Note in the home folder that the store is claimed; where that cannot be written, say so."""
    note = _note(settings)
    if note.exists():
        return
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_bytes(canonical_json({"store": settings.store}))
    except OSError as error:
        # A net below those who read and write elsewhere: without it they are as safe as before.
        _LOG.warning(
            "a store that vanishes will not be noticed: %s cannot be written: %s", note, error
        )


def expect_claim(settings: Settings, *, there: bool | None = None) -> None:
    """Raise :class:`StoreFault` where a store that was claimed has no claim any more.

    there: whether it has one; looked up where the store is a folder.
    """
    if there is None:
        there = (Path(settings.store.removeprefix("file://")) / CLAIM).is_file()
    note = _note(settings)
    if not there and note.exists():
        raise StoreFault(
            "the store was used from this machine before, and is empty now",
            found=f"no {CLAIM} in {settings.store}",
            expected="the records that were written to it",
            hint="is the disk mounted? for a new store on purpose, remove the file named above",
            detail=str(note),
        )


def _note(settings: Settings) -> Path:
    return settings.home / "stores" / f"{digest(settings.store)[:16]}.json"
