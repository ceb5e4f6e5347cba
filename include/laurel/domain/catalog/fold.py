"""How the entries of a catalog's journal fold to its state, and how the fold is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from laurel.domain.canonical import instant, parse_instant
from laurel.domain.catalog.release import Release
from laurel.domain.catalog.state import CatalogState, Revision
from laurel.domain.journal import Entry
from laurel.errors import IntegrityError


class CatalogReducer:
    """Folds the entries of a catalog's journal; its dump writes repeated words once."""

    def initial(self) -> CatalogState:
        return CatalogState()

    def apply(self, state: CatalogState, entry: Entry) -> CatalogState:
        body = entry.body
        revisions = dict(state.revisions)
        published_at = parse_instant(body["published_at"])  # once, not for each of thousands
        for line in body["partitions"]:
            before = revisions.get(line["partition"], ())
            fresh = _revision(line, body, number=len(before) + 1, published_at=published_at)
            revisions[line["partition"]] = (*before, fresh)
        return CatalogState(revisions, body["tree"]["md5"], body["tree"]["nfiles"])

    def dump(self, state: CatalogState) -> dict[str, Any]:
        words: dict[str, int] = {}
        rows = {
            partition: [_pack(revision, words) for revision in revisions]
            for partition, revisions in sorted(state.revisions.items())
        }
        dump = {
            "words": list(words),
            "revisions": rows,
            "tree": state.tree,
            "nfiles": state.nfiles,
        }
        # Left out where nothing was released: a checkpoint of earlier days says the same.
        released = _released(state)
        return {**dump, "released": released} if released else dump

    def load(self, value: Any) -> CatalogState:
        words, released = value["words"], value.get("released", {})
        revisions = {
            partition: tuple(
                _unpack(partition, number, row, words, released.get(partition, {}))
                for number, row in enumerate(rows, start=1)
            )
            for partition, rows in value["revisions"].items()
        }
        return CatalogState(revisions, value["tree"], value["nfiles"])


def _revision(
    line: Mapping[str, Any], body: Mapping[str, Any], *, number: int, published_at: datetime
) -> Revision:
    if line.get("restates", 0) != number - 1:
        raise IntegrityError(
            "an entry of the catalog restates a revision that is not the newest",
            partition=line["partition"],
            found=f"restates {line.get('restates')}",
            expected=f"restates {number - 1}",
        )
    return Revision(
        partition=line["partition"],
        revision=number,
        md5=line["md5"],
        content_hash=line["content_hash"],
        size=line["size"],
        rows=line["rows"],
        fingerprint=line["fingerprint"],
        suite=line["suite"],
        outcome=line["outcome"],
        known_at=parse_instant(line["known_at"]),
        published_at=published_at,
        tree=body["tree"]["md5"],
        run=body["run"],
        release=Release.read(line.get("release")),
    )


_PLAIN = ("md5", "content_hash", "size", "rows")
_WORDS = ("fingerprint", "suite", "outcome", "tree", "run")
_MOMENTS = ("known_at", "published_at")


def _pack(revision: Revision, words: dict[str, int]) -> list[Any]:
    said = [getattr(revision, name) for name in _WORDS]
    said += [instant(getattr(revision, name)) for name in _MOMENTS]
    plain = [getattr(revision, name) for name in _PLAIN]
    return [*plain, *(words.setdefault(word, len(words)) for word in said)]


def _released(state: CatalogState) -> dict[str, dict[str, dict[str, str]]]:
    """Releases by partition and number of the revision."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for partition, revisions in sorted(state.revisions.items()):
        for revision in revisions:
            if revision.release is not None:
                numbers = found.setdefault(partition, {})
                numbers[str(revision.revision)] = revision.release.document()
    return found


def _unpack(
    partition: str,
    number: int,
    row: Sequence[Any],
    words: Sequence[str],
    released: Mapping[str, Mapping[str, str]],
) -> Revision:
    fields: dict[str, Any] = dict(zip(_PLAIN, row, strict=False))
    said = [words[index] for index in row[len(_PLAIN) :]]
    fields |= dict(zip(_WORDS, said, strict=False))
    for name, text in zip(_MOMENTS, said[len(_WORDS) :], strict=True):
        fields[name] = parse_instant(text)
    fields["release"] = Release.read(released.get(str(number)))
    return Revision(partition=partition, revision=number, **fields)
