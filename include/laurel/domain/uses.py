"""What a run read, as its bundle says: partitions and the numbers of their revisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

Line = tuple[str, int]
"""A partition and the number of its revision."""
Span = tuple[str, str, int]
"""The first and the last of consecutive partitions, read at revisions of one number."""
KINDS: tuple[Literal["train", "score", "monitor"], ...] = ("train", "score", "monitor")
"""The kinds of runs whose bundles name revisions."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a run read, as its bundle says."""

    kind: str
    run: str
    at: str
    """The as_of of a training, else the partition."""
    model_version: str | None
    """The model that a training made; the one that made predictions, or is reported on."""
    champion: str | None
    """The model that a challenger was measured against."""
    read: Mapping[str, tuple[Span, ...]]
    """By dataset."""

    def lines(self, dataset: str) -> Iterator[Line]:
        """Each partition read of a dataset, with its revision."""
        for first, last, revision in self.read.get(dataset, ()):
            start, end = date.fromisoformat(first), date.fromisoformat(last)
            for day in range(start.toordinal(), end.toordinal() + 1):
                yield date.fromordinal(day).isoformat(), revision

    def reads(self, dataset: str, wanted: Mapping[str, Iterable[int]]) -> Line | None:
        """The first of the wanted partitions and revisions that was read, if any."""
        spans = self.read.get(dataset, ())
        found = (
            (partition, revision)
            for partition, revisions in wanted.items()
            for first, last, revision in spans
            if first <= partition <= last and revision in revisions
        )
        return min(found, default=None)


def read_use(document: Mapping[str, Any], *, rows: str) -> Use:
    """What the document of a bundle says that its run read; ``rows`` names the scored dataset.

    Raises ``KeyError`` or ``ValueError`` for what is no bundle of a training, scoring or report.
    """
    inputs, kind = document["inputs"], document["kind"]
    if kind == "train":
        before = inputs.get("superseded", {})
        read = {
            name: spans(
                (line["partition"], line["revision"]) for line in (*lines, *before.get(name, ()))
            )
            for name, lines in inputs["datasets"].items()
        }
    elif kind == "monitor":
        read = {
            name: spans((line[0], line[1]) for line in lines)
            for name, lines in inputs["read"].items()
        }
    else:
        named = {name: list(lines) for name, lines in inputs["past"].items()}
        named[rows] = [*named.get(rows, ()), inputs["rows"]]
        read = {name: spans((line[0], line[1]) for line in lines) for name, lines in named.items()}
    return Use(
        kind=kind,
        run=document["id"],
        at=document["as_of"] if kind == "train" else document["partitions"][0],
        model_version=document.get("model_version"),
        champion=inputs["champion"] if kind == "train" else None,
        read=read,
    )


def spans(lines: Iterable[Line]) -> tuple[Span, ...]:
    """Lines as spans of consecutive days.

    >>> spans([("2013-07-02", 1), ("2013-07-01", 1), ("2013-07-03", 2)])
    (('2013-07-01', '2013-07-02', 1), ('2013-07-03', '2013-07-03', 2))
    """
    found: list[list[int]] = []
    days = sorted({(date.fromisoformat(day).toordinal(), number) for day, number in lines})
    for day, revision in days:
        if found and found[-1][1:] == [day - 1, revision]:
            found[-1][1] = day
        else:
            found.append([day, day, revision])
    return tuple((_day(first), _day(last), revision) for first, last, revision in found)


def _day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()
