"""One prediction explained: its row, what each feature added, and what it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.bundle import Bundle
from laurel.domain.canonical import digest, instant
from laurel.domain.catalog import Revision
from laurel.domain.config import Dataset
from laurel.domain.ledger import LedgerEntry

HIDDEN = "hidden: it names a person"


@dataclass(frozen=True)
class Contribution:
    """What one feature added to a margin."""

    feature: str
    value: Any
    """As the model's feature code made it; ``None`` where missing or hidden."""
    contribution: float
    note: str = ""
    """``missing``, ``hidden``, or that training did not know the category."""


@dataclass(frozen=True)
class Output:
    """The margin of one output (or class): base and contributions, the greatest first."""

    name: str
    base: float
    margin: float
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True)
class Read:
    """What was read of a dataset."""

    dataset: str
    partitions: int
    first: str
    last: str
    corrected: int
    """Revisions among them that are not the first of their partition."""
    digest: str


@dataclass(frozen=True)
class Source:
    """What a prediction came from."""

    revision: int
    revisions: int
    restated: bool
    known_at: str
    published_at: str
    run: str
    model_version: str
    training_run: str
    training_bundle: str
    as_of: str
    decided_by: str
    decided_at: str
    event: str
    cutoff: str
    champion: str
    """Who was taken for the champion at the cutoff when the partition was scored."""
    reigns_now: str | None
    """Who is, by all entries of the ledger there are now."""
    rows: Mapping[str, Any]
    """The revision of the scored rows themselves."""
    past: tuple[Read, ...]
    """What features could look back on."""

    @property
    def canary(self) -> bool:
        """Whether a challenger answered the row for the champion, as a canary."""
        return not self.restated and self.model_version != self.champion

    @classmethod
    def of(
        cls,
        *,
        revision: Revision,
        revisions: int,
        restated: bool,
        scoring: Bundle,
        training: Bundle,
        entry: LedgerEntry,
        cutoff: datetime,
        rows_name: str,
        rows: Revision,
        past: Mapping[str, tuple[Revision, ...]],
        now: str | None,
    ) -> Source:
        """Gather it from the records."""
        return cls(
            revision=revision.revision,
            revisions=revisions,
            restated=restated,
            known_at=instant(revision.known_at),
            published_at=instant(revision.published_at),
            run=scoring.id,
            model_version=training.model_version or "",
            training_run=training.id,
            training_bundle=training.digest,
            as_of=instant(entry.as_of),
            decided_by=entry.decided_by,
            decided_at=instant(entry.decided_at),
            event=entry.event,
            cutoff=instant(cutoff),
            champion=str(scoring.inputs["champion"]),
            reigns_now=now,
            rows={
                "dataset": rows_name,
                "partition": rows.partition,
                "revision": rows.revision,
                "content_hash": rows.content_hash,
                "known_at": instant(rows.known_at),
            },
            past=tuple(_read(name, lines) for name, lines in sorted(past.items()) if lines),
        )


@dataclass(frozen=True)
class Explained:
    """A prediction and why it is what it is."""

    usecase: str
    objective: str
    key: Mapping[str, Any]
    key_text: str
    partition: str
    prediction: Mapping[str, Any]
    """As published: scores, decision, model version."""
    threshold: float | None
    calibrated: bool
    """Whether a calibration makes the score of the margin."""
    row: tuple[Mapping[str, Any], ...]
    """The raw row: ``column``, ``value``, ``unit``, ``hidden``."""
    outputs: tuple[Output, ...]
    source: Source

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "recomputed": "equal"}

    @property
    def scores(self) -> dict[str, float]:
        """The published scores by their columns."""
        return {name: value for name, value in self.prediction.items() if name.startswith("score")}


def build_outputs(
    values: Mapping[str, Any],
    contributions: NDArray[Any],
    *,
    titles: Sequence[str],
    known: Mapping[str, Sequence[str]],
    hidden: frozenset[str],
) -> tuple[Output, ...]:
    """Sort the contributions of one row, each beside its feature's value.

    values: feature → value, in the order of the columns. contributions: shape (outputs, features +
    1), the base last. known: the levels that a category had in training.

    >>> found = build_outputs({"x": 1.0, "y": None}, np.array([[0.5, -2.0, 1.0]]),
    ...                       titles=["margin"], known={}, hidden=frozenset())
    >>> found[0].margin, [(each.feature, each.note) for each in found[0].contributions]
    (-0.5, [('y', 'missing'), ('x', '')])
    """
    wide = np.asarray(contributions, np.float64)
    return tuple(
        Output(
            name=title,
            base=float(line[-1]),
            margin=float(line.sum()),
            contributions=tuple(
                sorted(
                    (
                        _contribution(name, value, float(line[place]), known, hidden)
                        for place, (name, value) in enumerate(values.items())
                    ),
                    key=lambda each: (-abs(each.contribution), each.feature),
                )
            ),
        )
        for title, line in zip(titles, wide, strict=True)
    )


def show_row(
    row: Mapping[str, Any], dataset: Dataset, *, hidden: frozenset[str]
) -> tuple[dict[str, Any], ...]:
    """A raw row column by column; a hidden value is not in it at all."""
    return tuple(
        {
            "column": name,
            "value": None if name in hidden else plain(row[name]),
            "unit": column.unit,
            "hidden": name in hidden,
        }
        for name, column in dataset.columns.items()
    )


def plain(value: Any) -> Any:
    """A value of a table as JSON has it; ``None`` where missing.

    >>> plain(np.float32(0.5)), plain(pd.NA), plain(pd.Timestamp("2024-01-01", tz="UTC"))
    (0.5, None, '2024-01-01T00:00:00Z')
    """
    if value is None or pd.isna(value):
        return None
    if isinstance(value, datetime):
        return instant(pd.Timestamp(value).to_pydatetime())
    return value.item() if isinstance(value, np.generic) else value


def _contribution(
    name: str,
    value: Any,
    contribution: float,
    known: Mapping[str, Sequence[str]],
    hidden: frozenset[str],
) -> Contribution:
    found = plain(value)
    if name in hidden:
        return Contribution(name, None, contribution, "hidden")
    if found is None:
        return Contribution(name, None, contribution, "missing")
    if name in known and str(found) not in known[name]:
        return Contribution(name, found, contribution, "not known in training")
    return Contribution(name, found, contribution)


def _read(name: str, lines: tuple[Revision, ...]) -> Read:
    return Read(
        dataset=name,
        partitions=len(lines),
        first=lines[0].partition,
        last=lines[-1].partition,
        corrected=sum(line.revision > 1 for line in lines),
        digest=digest([[e.partition, e.revision, e.content_hash] for e in lines]),
    )
