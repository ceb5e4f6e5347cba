"""Quarantine: what was refused, untouched, with the reasons; nothing is ever lost.

The bytes are objects of the data plane, so their size does not matter; the record that names them
is in the store.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from laurel.adapters.dvc import DataPlane
from laurel.adapters.store import Store
from laurel.domain.canonical import canonical_json, digest, instant, parse_instant
from laurel.domain.data import FileRef
from laurel.errors import IntegrityError, NotFound

ROOT = "quarantine"
REASONS = "reasons.json"
ROWS = "rows.parquet"
"""The rows as a table of exact types, where they could be read as one."""
REFUSED = "refused.jsonl"
"""Rows that are not as the contract says, one JSON object each: ``reason`` and ``row``."""


@dataclass(frozen=True)
class Held:
    """Rows in quarantine, and why."""

    usecase: str
    dataset: str
    partition: str
    id: str
    """Digest of files and reasons: the same refused twice is held once."""
    files: Mapping[str, FileRef]
    """Name → object: :data:`ROWS`, :data:`REFUSED`, or what the rows could be kept as."""
    rows: int
    reasons: tuple[str, ...]
    since: datetime
    split: bool = False
    """Whether these are rows taken out of a partition whose rest was let through."""

    @property
    def key(self) -> str:
        """The folder in the store."""
        return f"{ROOT}/{self.usecase}/{self.dataset}/{self.partition}/{self.id}"


def quarantine(
    store: Store,
    plane: DataPlane,
    *,
    usecase: str,
    dataset: str,
    partition: str,
    files: Mapping[str, Path],
    rows: int,
    reasons: Sequence[str],
    at: datetime,
    split: bool = False,
) -> str:
    """Keep the bytes of files as they are; return the key of the record that names them.

    The record is written last: files without one were cut off, and are of no account. A repeat
    adds nothing. Raises :class:`StoreFault`.
    """
    refs = plane.put(files)
    said = [str(reason) for reason in reasons]
    named = {name: [ref.md5, ref.size] for name, ref in sorted(refs.items())}
    held = Held(
        usecase=usecase,
        dataset=dataset,
        partition=partition,
        id=digest([named, said])[:32],
        files=refs,
        rows=rows,
        reasons=tuple(said),
        since=at,
        split=split,
    )
    document = {"files": named, "rows": rows, "reasons": said, "since": instant(at)}
    document |= {"split": True} if split else {}
    store.create(f"{held.key}/{REASONS}", canonical_json(document))
    return held.key


def list_quarantine(store: Store, usecase: str, dataset: str | None = None) -> tuple[Held, ...]:
    """What is in quarantine, by dataset and partition; one read for each.

    Raises :class:`IntegrityError` for reasons that are no such document.
    """
    prefix = f"{ROOT}/{usecase}/" + (f"{dataset}/" if dataset else "")
    keys = [key for key in store.keys(prefix) if key.endswith(f"/{REASONS}")]
    return tuple(_held(key, store.read(key)) for key in keys)


def find_held(store: Store, usecase: str, id: str) -> Held:
    """What is held under an id, or under its beginning.

    Raises :class:`NotFound` where there is none, or more than one.
    """
    found = [held for held in list_quarantine(store, usecase) if held.id.startswith(id)]
    if len(found) != 1 or not id:
        raise NotFound(
            "nothing is held under this id" if not found else "this id is not one alone",
            usecase=usecase,
            found=id,
            expected=", ".join(held.id for held in found[:3]) or "an id of the list",
            hint=f"list the ids: laurel quarantine list {usecase}",
        )
    return found[0]


def keep_frame(frame: pd.DataFrame, folder: Path) -> dict[str, Path]:
    """Write rows that conform to no table, untouched, for quarantine.

    What Parquet cannot hold, as a column of mixed types, becomes lines of JSON: first the columns
    with their types, then a list for each row; of objects their ``repr``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        path = folder / ROWS
        pq.write_table(pa.Table.from_pandas(frame), path, compression="zstd", version="2.6")
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        path.unlink(missing_ok=True)
        path = folder / "rows.jsonl"
        path.write_bytes(_lines(frame))
    return {path.name: path}


def _held(key: str, data: bytes) -> Held:
    try:
        _, usecase, dataset, partition, name, _ = key.split("/")
        document = json.loads(data)
        return Held(
            usecase=usecase,
            dataset=dataset,
            partition=partition,
            id=name,
            files={name: FileRef(*ref) for name, ref in document["files"].items()},
            rows=document["rows"],
            reasons=tuple(document["reasons"]),
            since=parse_instant(document["since"]),
            split=document.get("split", False),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            "these are not the reasons of a quarantine", found=error, detail=key
        ) from error


def _lines(frame: pd.DataFrame) -> bytes:
    head = {"columns": [str(c) for c in frame.columns], "types": [str(t) for t in frame.dtypes]}
    rows: list[Any] = [head, *(list(row) for row in frame.itertuples(index=False, name=None))]
    return "".join(json.dumps(row, default=repr) + "\n" for row in rows).encode()
