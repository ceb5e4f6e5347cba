"""The journal of runs: which bytes each run left, so that none of them can be changed unseen.

A bundle is written once, but the ledger names only those of trainings by their digest. This journal
names every run of every kind, with the digest of its bundle and of each file beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from laurel.domain.canonical import digest
from laurel.domain.journal import Entry
from laurel.errors import IntegrityError

FIELDS = frozenset({"kind", "run", "files"})


@dataclass(frozen=True)
class RunRecord:
    """One run and the files that it left, by their names below its prefix."""

    kind: str
    run: str
    files: Mapping[str, str]
    """Name → SHA-256 of the bytes; observations are not among them."""

    @property
    def name(self) -> str:
        """The run among all runs of a use case.

        >>> RunRecord("score", "1a2b3c4d", {}).name
        'score/1a2b3c4d'
        """
        return f"{self.kind}/{self.run}"

    def body(self) -> dict[str, Any]:
        """What the journal's entry says."""
        return {"kind": self.kind, "run": self.run, "files": dict(sorted(self.files.items()))}


@dataclass(frozen=True)
class RunsState:
    """The digest of the newest record of each run."""

    digests: Mapping[str, str] = field(default_factory=dict)

    def knows(self, record: RunRecord) -> bool:
        """Whether the newest record of this run says the same."""
        return self.digests.get(record.name) == digest(record.body())


class RunsReducer:
    """Folds the entries of the journal of runs."""

    def initial(self) -> RunsState:
        return RunsState()

    def apply(self, state: RunsState, entry: Entry) -> RunsState:
        record = parse_run_record(entry)
        return RunsState({**state.digests, record.name: digest(record.body())})

    def dump(self, state: RunsState) -> dict[str, str]:
        return dict(state.digests)

    def load(self, value: Any) -> RunsState:
        return RunsState(dict(value))


def parse_run_record(entry: Entry) -> RunRecord:
    """Read what :meth:`RunRecord.body` wrote; raises :class:`IntegrityError`."""
    body = entry.body
    if body.keys() != FIELDS or not isinstance(body["files"], dict):
        raise IntegrityError(
            "an entry of the journal of runs cannot be read",
            found=f"entry {entry.number}: {', '.join(sorted(body))}",
            expected=", ".join(sorted(FIELDS)),
        )
    return RunRecord(str(body["kind"]), str(body["run"]), dict(body["files"]))
