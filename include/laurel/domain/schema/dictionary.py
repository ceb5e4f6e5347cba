"""The data dictionary of a use case, as Markdown: a page for readers, a table for Airflow's UI."""

from __future__ import annotations

import re
from collections.abc import Iterable

from laurel.domain.config import Column, Dataset, UseCaseConfig
from laurel.domain.config.column import NO_UNIT

NOTE = "<!-- Written by `laurel schema sync` from usecase.yaml: do not edit. -->"
SHOWN = 20
"""Allowed values that a row of the table names."""
_SPECIAL = re.compile(r"([\\`*_\[\]|])")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_PERSONAL = {
    "direct": "direct: names a person",
    "indirect": "indirect: leads to a person with the help of other data",
    "sensitive": "sensitive: guarded by law",
}


def dictionary_page(config: UseCaseConfig) -> str:
    """The page of a use case: each dataset with its key and columns, and where personal data is."""
    parts = [
        NOTE,
        f"# {escape(config.name)}: {escape(config.title)}",
        escape(config.description),
        *(_section(name, dataset) for name, dataset in config.datasets.items()),
        "## Personal data",
        _personal(config),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def dictionary_table(dataset: Dataset) -> str:
    """The columns of a dataset as a table.

    >>> dataset = Dataset(role="context", time="at", key=("at",), suite="toy.context",
    ...                   columns={"at": Column(type="timestamp", description="When | <b>")})
    >>> print(dictionary_table(dataset).splitlines()[-1])
    | `at` | timestamp |  | no |  |  | When \\| &lt;b&gt; |
    """
    rows = [
        (
            _name(name),
            column.type,
            "" if column.unit in (None, NO_UNIT) else escape(str(column.unit)),
            "yes" if column.nullable else "no",
            escape(values_of(column)),
            column.personal or "",
            escape(column.description),
        )
        for name, column in dataset.columns.items()
    ]
    return _table(("column", "type", "unit", "null", "values", "personal data", "meaning"), rows)


def escape(text: str) -> str:
    """Text as Markdown and HTML show it, on one line.

    >>> escape("a|b <i>_x_</i>\\n [y](z)")
    'a\\\\|b &lt;i&gt;\\\\_x\\\\_&lt;/i&gt; \\\\[y\\\\](z)'
    """
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()).translate(_HTML))


def _section(name: str, dataset: Dataset) -> str:
    key = ", ".join(map(_name, dataset.key))
    facts = (
        f"Role: {dataset.role}. Key: {key}. Partitioned by the UTC day of {_name(dataset.time)}. "
        f"Suite: `{dataset.suite}`."
    )
    said = [f"## {_name(name)}", escape(dataset.description), facts, dictionary_table(dataset)]
    return "\n\n".join(part for part in said if part)


def _personal(config: UseCaseConfig) -> str:
    rows = [
        (_name(dataset), _name(name), _PERSONAL[column.personal], escape(column.description))
        for dataset, spec in config.datasets.items()
        for name, column in spec.columns.items()
        if column.personal
    ]
    if not rows:
        return "No column is declared as personal data."
    return _table(("dataset", "column", "what it tells", "meaning"), rows)


def values_of(column: Column) -> str:
    """What the values are held to, and how they are read from text where that is not usual.

    >>> values_of(Column(type="int64", minimum=1, maximum=6000, nullable=True))
    '1 to 6000'
    """
    low, high = column.minimum, column.maximum
    said = []
    if column.allowed:
        more = len(column.allowed) - SHOWN
        said.append(", ".join(map(str, column.allowed[:SHOWN])))
        said[0] += f" and {more} more" if more > 0 else ""
    if low is not None and high is not None:
        said.append(f"{low} to {high}")
    elif low is not None:
        said.append(f"at least {low}")
    elif high is not None:
        said.append(f"at most {high}")
    if column.pattern:
        said.append(f"like {column.pattern}")
    if column.format:
        said.append(f"written {column.format}")
    if column.timezone:
        said.append(f"on the clock of {column.timezone}")
    return "; ".join(said)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _name(name: str) -> str:
    return f"`{name}`" if re.fullmatch(r"[\w.-]+", name) else escape(name)
