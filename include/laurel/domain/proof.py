"""A proof: what an audit of the records could prove, what it found wrong, and where proof ends.

A chain of digests shows every change before an entry that somebody else has noted, and none after
it: whoever can write the store can cut or rewrite the tail of a journal. So other records note the
heads of journals (they witness them), and an audit says up to which entry each is witnessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Witness:
    """Who noted which head of a journal: its number and digest."""

    number: int
    digest: str
    by: str


@dataclass(frozen=True)
class Finding:
    """Something that is not as the records promise."""

    place: str
    """The key of a record, or the journal and entry."""
    fault: str
    found: str | None = None
    expected: str | None = None

    def text(self) -> str:
        """The finding in a line.

        >>> Finding("ledger/toy, entry 3", "the entry was changed", "ab", "cd").text()
        'ledger/toy, entry 3: the entry was changed (found ab, expected cd)'
        """
        details = [f"found {self.found}"] if self.found is not None else []
        details += [f"expected {self.expected}"] if self.expected is not None else []
        return f"{self.place}: {self.fault}" + (f" ({', '.join(details)})" if details else "")


@dataclass(frozen=True)
class Chain:
    """One journal: how many entries it has, and up to which of them it is witnessed."""

    prefix: str
    entries: int
    head: str
    """The digest of the last entry."""
    proved: int
    """The last entry that a witness elsewhere agrees with; 0 where none does."""
    witness: str | None
    """Who noted that entry."""

    def sentence(self) -> str:
        """Where the proof of the journal ends.

        >>> Chain("ledger/toy", 7, "ab", 5, "predictions 2024-02-13").sentence()
        'ledger/toy: 7 entries, proved up to entry 5 by predictions 2024-02-13; after it nothing \
vouches for entries 6 to 7'
        """
        said = f"{self.prefix}: {self.entries} entries"
        if not self.proved:
            return f"{said}, in one chain; nothing elsewhere vouches for any of them"
        said += f", proved up to entry {self.proved} by {self.witness}"
        if self.proved == self.entries:
            return said
        rest = f"{self.proved + 1} to {self.entries}"
        if self.proved + 1 == self.entries:
            return f"{said}; after it nothing vouches for entry {self.entries}"
        return f"{said}; after it nothing vouches for entries {rest}"


@dataclass(frozen=True)
class Proof:
    """What an audit proved of a use case's records."""

    url: str
    usecase: str
    chains: tuple[Chain, ...]
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...]
    """What could not be checked here, and why; never a fault."""
    counts: Mapping[str, int]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def sentence(self) -> str:
        """The verdict."""
        looked = ", ".join(f"{count:,} {what}" for what, count in self.counts.items())
        if self.sound:
            return f"everything that was checked holds: {looked}"
        return f"NOT PROVED: {len(self.findings)} finding(s) in {looked}"

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "store": self.url,
            "usecase": self.usecase,
            "verdict": self.sentence(),
            "chains": [asdict(chain) for chain in self.chains],
            "findings": [asdict(finding) for finding in self.findings],
            "remarks": list(self.remarks),
            "counts": dict(self.counts),
        }


def judge_witnesses(
    prefix: str, digests: Mapping[int, str], witnesses: Iterable[Witness]
) -> tuple[tuple[int, str | None], tuple[Finding, ...]]:
    """The last entry that is proved and by whom, and what contradicts a witness.

    digests: of the entries of one journal, by number, as they follow one another. The first witness
    that is contradicted says that something before it was rewritten; later ones say nothing new.

    >>> said = [Witness(1, "a", "bundle 1"), Witness(2, "x", "bundle 2")]
    >>> (proved, by), found = judge_witnesses("ledger/toy", {1: "a", 2: "b"}, said)
    >>> proved, by, found[0].place
    (1, 'bundle 1', 'ledger/toy, entries 2 to 2')
    """
    proved, by = 0, None
    for witness in sorted(witnesses):
        if witness.number == 0:
            continue
        found = digests.get(witness.number)
        if found == witness.digest:
            proved, by = witness.number, witness.by
            continue
        if found is None:
            place = f"{prefix}, entries {len(digests) + 1} to {witness.number}"
            fault, said = "the tail of the journal is missing", f"{len(digests)} entries"
        else:
            place = f"{prefix}, entries {proved + 1} to {witness.number}"
            fault, said = "an entry was changed, removed, inserted or moved here", found
        expected = f"{witness.digest} at entry {witness.number}, noted by {witness.by}"
        return (proved, by), (Finding(place, fault, said, expected),)
    return (proved, by), ()
