"""What a publication says: which files are news, and the entry that names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from laurel.domain.canonical import instant
from laurel.domain.catalog.state import CatalogState, PartitionFile, Revision
from laurel.domain.data import TreeRef
from laurel.domain.partition import Partition
from laurel.errors import DataError, IntegrityError

Heads = Mapping[str, tuple[int, str]]


def news(state: CatalogState, files: Sequence[PartitionFile]) -> tuple[PartitionFile, ...]:
    """The files whose content differs from the newest revision of their partition, in order.

    Raises :class:`DataError` when a partition is named twice, :class:`ConfigError` when one is no
    partition.

    >>> news(CatalogState(), [])
    ()
    """
    keys = [Partition.of(file.partition).key for file in files]
    twice = sorted({key for key in keys if keys.count(key) > 1}) if len({*keys}) < len(keys) else []
    if twice:
        raise DataError("a partition is published twice in one entry", partition=twice[0])
    fresh = [file for file in files if _differs(state.corrected(file.partition), file)]
    return tuple(sorted(fresh, key=lambda file: file.partition))


def publication(
    state: CatalogState,
    files: Sequence[PartitionFile],
    *,
    tree: TreeRef,
    run: str,
    published_at: datetime,
    heads: Heads | None = None,
) -> dict[str, Any]:
    """The body of the entry that publishes ``files``, which :func:`news` has chosen.

    ``heads`` witnesses where other journals stood: number and digest, by the journal's prefix.

    Raises :class:`IntegrityError` when the merged directory does not hold each partition once: the
    number of files of a dataset never falls.
    """
    named = {file.partition for file in files}
    expected = len(state.revisions) + sum(key not in state.revisions for key in named)
    if tree.nfiles != expected:
        raise IntegrityError(
            "the dataset's directory does not hold its partitions",
            partition=files[0].partition if files else None,
            found=f"{tree.nfiles} files in {tree.md5}",
            expected=f"{expected} files, {state.nfiles} were published before",
            hint="merge the new files into the published directory object; nothing was published",
        )
    body = {
        "partitions": [_line(state, file, published_at) for file in files],
        "tree": {"md5": tree.md5, "size": tree.size, "nfiles": tree.nfiles},
        "run": run,
        "published_at": instant(published_at),
    }
    if heads:
        body["heads"] = {prefix: list(head) for prefix, head in sorted(heads.items())}
    return body


def _differs(newest: Revision | None, file: PartitionFile) -> bool:
    return newest is None or newest.content_hash != file.content_hash


def _line(state: CatalogState, file: PartitionFile, published_at: datetime) -> dict[str, Any]:
    before = state.revisions.get(file.partition, ())
    known_at = file.known_at
    if before:
        # A correction cannot be known before there was anything to correct.
        known_at = max(file.corrected_at or published_at, before[0].known_at)
    line: dict[str, Any] = {
        "partition": file.partition,
        "md5": file.md5,
        "size": file.size,
        "content_hash": file.content_hash,
        "rows": file.rows,
        "fingerprint": file.fingerprint,
        "suite": file.suite,
        "outcome": file.outcome,
        "known_at": instant(known_at),
    }
    if file.release is not None:
        line["release"] = file.release.document()
    return {**line, "restates": len(before)} if before else line
