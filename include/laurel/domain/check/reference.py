"""Reference: values that are there in another dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from laurel.domain.check.finding import Finding, Outcome
from laurel.domain.config.check import Reference


@dataclass(frozen=True)
class Lookup:
    """How many rows were looked up in another dataset, and which were not found."""

    rows: int
    """Rows without a null in the columns."""
    missing: int
    examples: tuple[str, ...] = ()
    partitions: int = 1
    """Partitions of the other dataset that were looked at."""


def check_reference(check: Reference, lookup: Lookup) -> Finding:
    """Whether the share that was not found is tolerated.

    >>> check = Reference(kind="reference", columns=("origin",), dataset="weather", to=("origin",))
    >>> check_reference(check, Lookup(rows=9, missing=1, examples=("BOS",))).observed
    '1 of 9 rows (11.1 %) not in weather, e.g. BOS'
    """
    columns = ", ".join(check.columns)
    expected = f"{columns} in {check.dataset}.{', '.join(check.to)}"
    if check.missing:
        expected += f", but for {check.missing:.3g} of the rows"
    if not lookup.partitions:
        said = f"no partition of {check.dataset} was known"
        return Finding("reference", check.severity, "underpowered", said, expected, columns)
    share = lookup.missing / lookup.rows if lookup.rows else 0.0
    said = (
        f"{lookup.missing:,} of {lookup.rows:,} rows ({100 * share:.3g} %) not in {check.dataset}"
    )
    if lookup.examples:
        said += f", e.g. {_listed(lookup.examples)}"
    outcome: Outcome = "failed" if share > check.missing else "passed"
    return Finding("reference", check.severity, outcome, said, expected, columns)


def _listed(examples: Sequence[str]) -> str:
    return ", ".join(examples[:3])
