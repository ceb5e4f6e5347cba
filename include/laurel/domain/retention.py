"""Retention: what nothing names and nobody can still be about to name, so that it may be dropped.

A run pushes its objects first and names them last. So what is young is kept whatever the records
say, and what a run relies on anew counts as young again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml

Kind = Literal[
    "directory objects",
    "objects",
    "run cache entries",
    "staged shards",
    "unfinished writes",
    "cache of this machine",
    "workspaces of ended runs",
]
KINDS: tuple[Kind, ...] = (
    "run cache entries",
    "directory objects",
    "objects",
    "staged shards",
    "unfinished writes",
    "cache of this machine",
    "workspaces of ended runs",
)
"""In the order of dropping: what refers to others goes before them."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that may be dropped."""

    kind: Kind
    place: str
    """``remote``, ``cache``, ``store`` or ``home``."""
    key: str
    size: int
    modified: float
    """Seconds since 1970."""

    @property
    def name(self) -> tuple[str, str]:
        """By what it is known."""
        return self.place, self.key


@dataclass(frozen=True)
class Sweep:
    """What a garbage collection would drop, and what it keeps."""

    before: float
    """Only what was written before this moment may go; seconds since 1970."""
    leftovers: tuple[Leftover, ...]
    named: int
    """Objects at the remote that records name."""
    young: int
    """Objects at the remote that nothing names yet, too young to go."""

    def counts(self) -> dict[Kind, tuple[int, int]]:
        """Number and bytes by kind, in the order of :data:`KINDS`; kinds without any left out."""
        found: dict[Kind, tuple[int, int]] = {}
        for kind in KINDS:
            sizes = [item.size for item in self.leftovers if item.kind == kind]
            if sizes:
                found[kind] = len(sizes), sum(sizes)
        return found

    def within(self, other: Sweep) -> Sweep:
        """What is left over by a later look as well, unchanged since."""
        again = set(other.leftovers)
        kept = tuple(item for item in self.leftovers if item in again)
        return Sweep(self.before, kept, other.named, other.young)

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "before": self.before,
            "counts": {kind: list(found) for kind, found in self.counts().items()},
            "leftovers": [[item.kind, item.place, item.key, item.size] for item in self.leftovers],
        }


def is_stale_entry(text: bytes, kept: Mapping[str, Any] | set[str]) -> bool:
    """Whether an entry of DVC's run cache is of no use: an output of it is not kept.

    >>> is_stale_entry(b"outs: [{md5: ab, path: x}]", {"ab"}), is_stale_entry(b"outs: 1", {"ab"})
    (False, True)
    """
    try:
        outs = yaml.safe_load(text)["outs"]
        return not all(str(out["md5"]) in kept for out in outs)
    except (yaml.YAMLError, TypeError, KeyError):
        return True


def in_order(leftovers: Iterable[Leftover]) -> tuple[Leftover, ...]:
    """Leftovers in the order of dropping."""
    return tuple(sorted(leftovers, key=lambda item: (KINDS.index(item.kind), item.name)))
