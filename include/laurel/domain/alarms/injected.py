"""How soon a shift of a stated size would be found: rows of quiet nights are moved, and judged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from laurel.domain.alarms.counted import Counted, Floats, index, rolled
from laurel.domain.alarms.judged import Bools, flagged
from laurel.domain.config import Alarms

HORIZON = 14
"""Nights within which a shift has to be confirmed to count as found."""
STARTS = 12
"""Nights on which a shift is let begin, spread evenly over those that are quiet."""
LATE = 0.9


@dataclass(frozen=True)
class Delay:
    """How many nights it takes until a shift of one size is confirmed."""

    size: float
    """The share of the rows that moves into another bin, from one night on."""
    starts: int
    """Nights on which it was let begin."""
    found: int
    """Of these, how often it was confirmed within the horizon."""
    median: float
    """Nights until it was; nan where half or more were not found, or nothing was tried."""
    late: float
    """Nights by which nine of ten were; nan where fewer were found."""

    def sentence(self, what: str) -> str:
        """The delay in words; ``what`` names what was injected, by its ``size``.

        >>> Delay(0.1, starts=12, found=12, median=2.0, late=3.0).sentence("a shift of {size:.0%}")
        'a shift of 10% is confirmed after 2 nights, 9 of 10 within 3'
        """
        what = what.format(size=self.size)
        if not self.starts:
            return f"whether {what} is found is undefined"
        if math.isnan(self.median):
            return f"{what} is found {self.found} of {self.starts} times"
        late = "" if math.isnan(self.late) else f", 9 of 10 within {self.late:.0f}"
        return f"{what} is confirmed after {self.median:.0f} nights{late}"

    def brief(self) -> str:
        """The delay in a cell of a table.

        >>> Delay(0.1, starts=12, found=12, median=2.0, late=3.0).brief()
        '10%: 2 nights (3)'
        """
        if not self.starts:
            return f"{self.size:.0%}: undefined"
        if math.isnan(self.median):
            return f"{self.size:.0%}: {self.found} of {self.starts}"
        late = "not all" if math.isnan(self.late) else f"{self.late:.0f}"
        return f"{self.size:.0%}: {self.median:.0f} nights ({late})"

    def document(self) -> dict[str, Any]:
        """Plain JSON values; undefined numbers are null."""
        return {
            "size": self.size,
            "starts": self.starts,
            "found": self.found,
            "median": None if math.isnan(self.median) else self.median,
            "late": None if math.isnan(self.late) else self.late,
        }


def parse_delays(values: Iterable[Mapping[str, Any]]) -> tuple[Delay, ...]:
    """Read what :meth:`Delay.document` made."""
    return tuple(
        Delay(
            size=value["size"],
            starts=value["starts"],
            found=value["found"],
            median=math.nan if value["median"] is None else value["median"],
            late=math.nan if value["late"] is None else value["late"],
        )
        for value in values
    )


def moved(nights: Floats, *, size: float, target: int) -> Floats:
    """The counts of nights after a share of each bin's rows has moved into the bin ``target``.

    >>> moved(np.array([[60.0, 30.0, 10.0]]), size=0.1, target=2).tolist()
    [[54.0, 27.0, 19.0]]
    """
    gone = np.rint(nights * size)
    gone[..., target] = 0.0
    after = nights - gone
    after[..., target] += gone.sum(axis=-1)
    return after


def delays(
    counted: Counted, *, bound: float, tests: int, rows: int, alarms: Alarms
) -> tuple[Delay, ...]:
    """How soon shifts of the sizes that the rules state are confirmed by one check.

    counted: of single nights, or rolled up to weeks, which are taken apart again.
    """
    quiet = counted.single
    starts = _starts(quiet, before=counted.span - 1 + alarms.nights - 1)
    return tuple(
        _delay(counted, quiet, starts, size=size, bound=bound, tests=tests, rows=rows, rules=alarms)
        for size in alarms.shifts
    )


def _delay(
    counted: Counted,
    quiet: Floats,
    starts: list[int],
    *,
    size: float,
    bound: float,
    tests: int,
    rows: int,
    rules: Alarms,
) -> Delay:
    if counted.target is None or not starts:
        return Delay(size, 0, 0, math.nan, math.nan)
    shifted = moved(quiet, size=size, target=counted.target)
    before = counted.span - 1 + rules.nights - 1
    # of shape (starts, nights around the start, bins): quiet up to the start, shifted from it on
    windows = np.stack(
        [
            np.concatenate([quiet[start - before : start], shifted[start : start + HORIZON]])
            for start in starts
        ]
    )
    judged = rolled(windows, counted.span)[:, counted.span - 1 :]
    found = index(counted.reference, judged)
    flags = flagged(counted.reference, judged, found, bound=bound, tests=tests, rows=rows)
    waits = _waits(flags, rules=rules)
    return Delay(
        size=size,
        starts=len(starts),
        found=int(np.isfinite(waits).sum()),
        median=_finite(np.quantile(waits, 0.5, method="higher")),
        late=_finite(np.quantile(waits, LATE, method="higher")),
    )


def _waits(flags: Bools, *, rules: Alarms) -> Floats:
    """Nights until each window is confirmed, counted from its start; infinite where it is not."""
    sums = np.concatenate([np.zeros((len(flags), 1)), flags.cumsum(axis=1)], axis=1)
    last = sums[:, rules.nights :] - sums[:, : -rules.nights]
    sure = last >= rules.confirm
    return np.where(sure.any(axis=1), sure.argmax(axis=1) + 1.0, np.inf)


def _starts(nights: Floats, *, before: int) -> list[int]:
    """Nights with enough quiet ones before them, and a whole horizon after them."""
    there = nights.sum(axis=-1) > 0
    able = [
        start
        for start in range(before, len(nights) - HORIZON + 1)
        if there[start - before : start + HORIZON].all()
    ]
    if len(able) <= STARTS:
        return able
    return [able[place] for place in np.linspace(0, len(able) - 1, STARTS).round().astype(int)]


def _finite(value: Any) -> float:
    return float(value) if np.isfinite(value) else math.nan
