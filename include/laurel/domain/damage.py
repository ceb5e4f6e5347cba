"""Damage: what a record names and the store does not hold as named, and what it touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from laurel.domain.naming import By, Folder, Named

Fault = Literal["missing", "wrong size", "corrupted", "wrong record"]


@dataclass(frozen=True)
class Damage:
    """An object or a record that is not as it was written."""

    fault: Fault
    what: str
    """The md5 of an object, or the key of a record."""
    found: str
    expected: str
    by: tuple[By, ...] = ()
    affected: tuple[str, ...] = ()
    """What rests on it besides who names it: predictions, decisions, reports."""
    repaired: bool = False

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "fault": self.fault,
            "what": self.what,
            "found": self.found,
            "expected": self.expected,
            "named_by": [by.document() for by in self.by],
            "affected": list(self.affected),
            "repaired": self.repaired,
        }


@dataclass(frozen=True)
class StoreAudit:
    """The verdict on a store: what was looked at, and all that is wrong."""

    url: str
    counts: Mapping[str, int]
    """Catalogs, ledgers, bundles, objects named, bytes named, objects hashed."""
    damages: tuple[Damage, ...] = field(default=())

    @property
    def wrong(self) -> tuple[Damage, ...]:
        """What is still damaged."""
        return tuple(damage for damage in self.damages if not damage.repaired)

    def sentence(self) -> str:
        """The verdict.

        >>> StoreAudit("s3://b/p", {"objects": 3, "hashed": 0, "bytes": 1500}).sentence()
        'all 3 objects that the records name are there with the right size, 1,500 bytes'
        """
        objects, hashed = self.counts["objects"], self.counts["hashed"]
        mended = len(self.damages) - len(self.wrong)
        tail = f"; {mended} repaired" if mended else ""
        if self.wrong:
            records = sum(damage.fault == "wrong record" for damage in self.wrong)
            said = f"DAMAGED: {len(self.wrong) - records} of {objects:,} named objects"
            return f"{said}{f' and {records} record(s)' if records else ''}{tail}"
        how = f", {hashed:,} of them read and found good" if hashed else ""
        return (
            f"all {objects:,} objects that the records name are there with the right size{how}, "
            f"{self.counts['bytes']:,} bytes{tail}"
        )

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "store": self.url,
            "verdict": self.sentence(),
            "counts": dict(self.counts),
            "damages": [damage.document() for damage in self.damages],
        }


def look(named: Mapping[str, Named], sizes: Mapping[str, int]) -> Iterator[Damage]:
    """What is missing or of another size, of what is named, by a listing of sizes.

    >>> [damage.fault for damage in look({"ab": Named(2), "cd": Named(None)}, {"ab": 1})]
    ['wrong size', 'missing']
    """
    for md5, said in sorted(named.items()):
        expected = "an object" if said.size is None else f"{said.size:,} bytes"
        if md5 not in sizes:
            yield Damage("missing", md5, "nothing", expected, tuple(said.by))
        elif said.size is not None and sizes[md5] != said.size:
            yield Damage("wrong size", md5, f"{sizes[md5]:,} bytes", expected, tuple(said.by))


def doubtful(
    folders: Sequence[tuple[Folder, Sequence[str]]],
    named: Mapping[str, Named],
    sizes: Mapping[str, int],
) -> set[str]:
    """Members that only a reading can judge: nobody says their size, and their sum is not right.

    >>> by = By("output", "toy", "data/toy/model")
    >>> folders = [(Folder("d.dir", 9, by), ["ab", "cd"])]
    >>> sorted(doubtful(folders, {"ab": Named(2), "cd": Named(None)}, {"ab": 2, "cd": 5}))
    ['cd']
    """
    found: set[str] = set()
    for folder, members in folders:
        there = [sizes[md5] for md5 in members if md5 in sizes]
        if folder.total is None or len(there) < len(members) or sum(there) != folder.total:
            found |= {md5 for md5 in members if md5 in sizes and named[md5].size is None}
    return found
