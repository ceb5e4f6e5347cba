"""Samples of two or more sides, taken in turn, and what they say: medians, spreads, ratios."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Sample:
    """What one run of one side cost."""

    seconds: float
    cpu_seconds: float | None = None
    """User and system time, of children too."""
    peak_bytes: int | None = None
    """Resident memory of the largest process at its largest."""


@dataclass(frozen=True)
class Spread:
    """The middle of some figures, and how far they reach."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """The spread of figures; raises ``ValueError`` when there are none.

        >>> Spread.of([3.0, 1.0, 2.0])
        Spread(median=2.0, low=1.0, high=3.0)
        """
        if not figures:
            raise ValueError("there is nothing to take the median of")
        return cls(median=median(figures), low=min(figures), high=max(figures))


Side = Callable[[], Sample]
Samples = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True)
class Comparison:
    """The samples of all sides of one comparison; the last side is the rival."""

    title: str
    samples: Samples
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What shows that the sides did the same work, and how much of it."""

    @property
    def rival(self) -> str:
        """What the others are measured against."""
        return list(self.samples)[-1]

    def spread(self, side: str, figure: str) -> Spread | None:
        """The spread of a field of :class:`Sample`; ``None`` where it was not measured."""
        figures = self._figures(side, figure)
        return Spread.of(figures) if figures else None

    def ratio(self, side: str, figure: str) -> Spread | None:
        """The spread of the ratio to the rival, pair by pair; ``None`` where not measured."""
        ours, rival = self._figures(side, figure), self._figures(self.rival, figure)
        return Spread.of(ratios(ours, rival)) if ours and rival else None

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "title": self.title,
            "rival": self.rival,
            "facts": dict(self.facts),
            "sides": {side: self._side(side) for side in self.samples},
        }

    def _figures(self, side: str, figure: str) -> list[float]:
        """A field of the samples of a side; empty where it was not measured."""
        figures = [getattr(sample, figure) for sample in self.samples[side]]
        return [] if None in figures else figures

    def _side(self, side: str) -> dict[str, Any]:
        figures = list(asdict(Sample(0.0)))
        return {
            "samples": [asdict(sample) for sample in self.samples[side]],
            **{name: _plain(self.spread(side, name)) for name in figures},
            "ratio": {name: _plain(self.ratio(side, name)) for name in figures},
        }


def interleave(sides: Mapping[str, Side], *, runs: int) -> dict[str, list[Sample]]:
    """Take ``runs`` samples of each side, A B A B …, after one warm-up of each.

    What else the machine does then falls on all sides alike, and caches are warm for all.
    """
    for side in sides.values():
        side()
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, side in sides.items():
            samples[name].append(side())
    return samples


def ratios(ours: Sequence[float], rival: Sequence[float]) -> list[float]:
    """Each figure over the one taken right after it; raises ``ValueError`` for odd ones out.

    >>> ratios([2.0, 9.0], [1.0, 3.0])
    [2.0, 3.0]
    """
    return [a / b for a, b in zip(ours, rival, strict=True)]


def read_samples(document: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[Sample]]:
    """Samples that another process took, from its JSON."""
    return {side: [Sample(**sample) for sample in found] for side, found in document.items()}


def write_samples(samples: Samples) -> dict[str, list[dict[str, Any]]]:
    """The samples as plain JSON values, for :func:`read_samples`."""
    return {side: [asdict(sample) for sample in found] for side, found in samples.items()}


def _plain(spread: Spread | None) -> dict[str, float] | None:
    return asdict(spread) if spread else None
