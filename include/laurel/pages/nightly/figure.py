"""A figure of a page: a drawing, and the table of what it draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from laurel.pages.nightly.terms import TERMS


@dataclass(frozen=True)
class Head:
    """The head of a column, and what its numbers mean."""

    name: str
    meaning: str = ""
    """Empty of a column that holds no number."""


@dataclass(frozen=True)
class Table:
    """Heads and rows of text; the first column names its row."""

    heads: tuple[Head, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Figure:
    """A drawing with its table."""

    title: str
    drawing: Markup
    table: Table
    note: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    """Colour of a mark (``ref``, ``leaf``, ``pale``) and what it stands for."""


def head(name: str, term: str) -> Head:
    """The head of a column of numbers that the glossary explains."""
    return Head(name, TERMS[term])


def table(heads: Sequence[Head], rows: Sequence[Sequence[str]]) -> Table:
    """A table of texts."""
    return Table(tuple(heads), tuple(tuple(row) for row in rows))
