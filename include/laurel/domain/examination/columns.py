"""What a feature is before any model reads it: its gaps, its values, and who is its twin."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

KEY_SHARE = 0.5
"""A category with more levels than this share of its rows is a key in disguise."""


@dataclass(frozen=True)
class ColumnFacts:
    """One feature on the train days, and its gaps on the hold-out."""

    name: str
    kind: Literal["number", "category"]
    missing_train: float
    missing_holdout: float
    distinct: int
    """Values it has, a missing one not counted."""
    top_share: float
    """Share of the rows that have the commonest value; missing counts as one."""
    twin: str | None = None
    """An earlier feature that trees cannot tell from it: the same, or in the same or the reverse
    order."""

    @property
    def constant(self) -> bool:
        """Whether it has one value in every row."""
        return self.top_share == 1.0

    def remarks(self, *, constant_share: float, rows: int) -> list[str]:
        """What is wrong with it, in words.

        >>> ColumnFacts("a", "number", 0.0, 0.0, 1, 1.0).remarks(constant_share=0.99, rows=9)
        ['constant on the train days']
        """
        said = []
        if self.constant:
            said.append("constant on the train days")
        elif self.top_share >= constant_share:
            said.append(f"nearly constant: {self.top_share:.2%} of the rows have one value")
        if self.twin is not None:
            said.append(f"tells trees the same as {self.twin}")
        if self.kind == "category" and self.distinct > KEY_SHARE * rows:
            said.append(f"{self.distinct:,} levels in {rows:,} rows: a key in disguise")
        return said


def describe_columns(train: pd.DataFrame, holdout: pd.DataFrame) -> tuple[ColumnFacts, ...]:
    """The facts of each feature; both frames hold features alone.

    >>> both = pd.DataFrame({"a": [1.0, 2.0, 2.0], "b": [5.0, 3.0, 3.0]})
    >>> [facts.twin for facts in describe_columns(both, both)]
    [None, 'a']
    """
    first: dict[str, str] = {}
    found = []
    for name in map(str, train.columns):
        facts, shape = _facts(train[name], holdout[name])
        twin = None if facts.constant else first.setdefault(shape, name)
        found.append(
            ColumnFacts(**{**vars(facts), "twin": twin if twin not in (None, name) else None})
        )
    return tuple(found)


def _facts(train: pd.Series[Any], holdout: pd.Series[Any]) -> tuple[ColumnFacts, str]:
    number = pd.api.types.is_numeric_dtype(train.dtype)
    codes, levels = pd.factorize(train, sort=number)
    counts = np.bincount(codes + 1, minlength=1)
    facts = ColumnFacts(
        name=str(train.name),
        kind="number" if number else "category",
        missing_train=_missing(train),
        missing_holdout=_missing(holdout),
        distinct=len(levels),
        top_share=float(counts.max() / len(train)) if len(train) else 1.0,
    )
    return facts, _shape(codes, len(levels), ordered=number)


def _missing(column: pd.Series[Any]) -> float:
    return float(column.isna().mean()) if len(column) else 0.0


def _shape(codes: Any, levels: int, *, ordered: bool) -> str:
    """Equal for columns that split rows alike; of two directions the same one."""
    plain = np.asarray(codes, dtype="<i8")
    turned = np.where(plain < 0, plain, levels - 1 - plain).astype("<i8") if ordered else plain
    kind = "n" if ordered else "c"
    return min(kind + hashlib.sha256(each.tobytes()).hexdigest() for each in (plain, turned))
