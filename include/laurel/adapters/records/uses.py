"""What every run read, from all bundles: many at a time, and remembered on this machine.

A bundle never changes, so what was read from one once is true for ever; the store is asked only
which bundles there are, and for those not seen before.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from laurel.adapters.records.bundle import FILE
from laurel.adapters.store.contract import Store
from laurel.domain.canonical import digest
from laurel.domain.uses import KINDS, Use, read_use
from laurel.errors import IntegrityError

THREADS = 16
"""Reads under way at once: as many as the S3 client keeps connections."""
SCHEMA = 1
"""Of what is remembered; another number forgets it all."""


def find_uses(store: Store, usecase: str, *, rows: str, memory: Path) -> tuple[Use, ...]:
    """What each training, scoring and report of a use case read, in the order of their keys.

    ``rows`` names the scored dataset, ``memory`` the folder in which bundles seen are remembered.
    Raises :class:`IntegrityError` for a bundle that cannot be read.
    """
    file = memory / f"{digest([SCHEMA, store.url, usecase, rows])[:16]}.json"
    known = _remembered(file)
    with ThreadPoolExecutor(len(KINDS)) as pool:
        listed = pool.map(lambda kind: _bundles(store, f"runs/{usecase}/{kind}/"), KINDS)
        keys = [key for found in listed for key in found]
    fresh = [key for key in keys if key not in known]
    found = known | dict(zip(fresh, _read(store, fresh, rows=rows), strict=True))
    if fresh:
        _remember(file, found)
    return tuple(found[key] for key in keys)


def _bundles(store: Store, prefix: str) -> list[str]:
    return [key for key in store.keys(prefix) if key.count("/") == 4 and key.endswith(f"/{FILE}")]


def _read(store: Store, keys: Iterable[str], *, rows: str) -> list[Use]:
    def use(key: str) -> Use:
        try:
            return read_use(json.loads(store.read(key)), rows=rows)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise IntegrityError(
                "a bundle does not say what its run read",
                found=f"{type(error).__name__}: {error}",
                detail=key,
                hint="it was damaged, or written by another version of Laurel",
            ) from error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(use, keys))


def _remembered(file: Path) -> dict[str, Use]:
    """What was seen before; nothing where that cannot be read, since it is only a shortcut."""
    try:
        lines = json.loads(file.read_bytes())
        return {key: _use(value) for key, value in lines.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _use(value: Mapping[str, Any]) -> Use:
    read = {
        name: tuple((first, last, revision) for first, last, revision in spans)
        for name, spans in value["read"].items()
    }
    return Use(**{**value, "read": read})


def _remember(file: Path, uses: Mapping[str, Use]) -> None:
    plain = {
        key: {name: getattr(use, name) for name in Use.__dataclass_fields__}
        for key, use in uses.items()
    }
    aside = file.with_suffix(f".{uuid.uuid4().hex}")
    # a disk that is full or read-only makes the next answer slower, not this one wrong
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(plain, separators=(",", ":")))
        os.replace(aside, file)  # noqa: PTH105 - in one step, whoever else is writing
