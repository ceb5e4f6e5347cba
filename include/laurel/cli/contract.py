"""The contract of a dataset as a table in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from laurel.domain.config import Dataset
from laurel.domain.schema.dictionary import values_of


def print_contract(name: str, dataset: Dataset) -> None:
    """Print the columns of a dataset: types, units, nulls, values, personal data, meaning."""
    table = Table(title=f"{name}: key {', '.join(dataset.key)}, by the day of {dataset.time}")
    for head in ("column", "type", "unit", "null", "values", "personal", "meaning"):
        table.add_column(head, overflow="fold")
    for column, said in dataset.columns.items():
        row = (
            column,
            said.type,
            said.unit or "",
            "yes" if said.nullable else "",
            values_of(said),
            said.personal or "",
            " ".join(said.description.split()),
        )
        table.add_row(*map(_plain, row))
    Console().print(table)


def _plain(text: str) -> str:
    """Text in which nothing is taken for a style."""
    from rich.markup import escape

    return escape(text)
