"""Bounds on performance, learned from what the reports of quiet nights said."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from laurel.domain.alarms.counted import Floats
from laurel.domain.alarms.injected import HORIZON, LATE, Delay
from laurel.domain.alarms.judged import Bools
from laurel.domain.alarms.learned import BLOCK, LEAST_NIGHTS, Learned
from laurel.domain.alarms.performed import PREFIX
from laurel.domain.config import Alarms

LEAST_LOSS = 0.02
"""A loss below this share of the quiet median is no effect, however many labels show it."""
LOSSES = (0.05, 0.1, 0.2)
"""Shares of the quiet median that are taken from performance to see how soon that is found."""


def learn_performance(
    metric: str,
    nights: Sequence[float],
    *,
    upward: bool,
    window: int,
    alarms: Alarms,
) -> Learned | None:
    """Learn the bound of one metric; ``None`` where fewer than four weeks of nights say anything.

    nights: the metric over the trailing window up to each night, nan where it was not judged;
    ``upward`` says that more is better, ``window`` how many days that window has. The bound lies
    beyond what quiet nights show, and a least loss from their median; it is the factor itself.

    >>> found = learn_performance("auc", [0.70, 0.71] * 30, upward=True, window=28,
    ...                           alarms=Alarms())
    >>> round(found.factor, 4), found.flagged
    (0.6909, 0)
    """
    values = np.asarray(nights, dtype=float)
    if int(np.isfinite(values).sum()) < LEAST_NIGHTS:
        return None
    bound = _bound(values, upward=upward, target=alarms.false_alarms)
    flags = np.zeros(len(values), dtype=bool)
    for start in range(0, len(values), BLOCK):
        away = np.ones(len(values), dtype=bool)
        away[start : start + BLOCK] = False
        own = _bound(values[away], upward=upward, target=alarms.false_alarms)
        flags[start : start + BLOCK] = _worse(values, own, upward=upward)[start : start + BLOCK]
    return Learned(
        check=f"{PREFIX}{metric}",
        factor=bound,
        nights=int(np.isfinite(values).sum()),
        flagged=int(flags.sum()),
        delays=tuple(
            _delay(values, bound, size=size, upward=upward, window=window, alarms=alarms)
            for size in LOSSES
        ),
        what="a loss of {size:.0%}",
    )


def _bound(values: Floats, *, upward: bool, target: float) -> float:
    known = values[np.isfinite(values)]
    if not len(known):
        return math.nan
    ordered = np.sort(known)[::-1] if upward else np.sort(known)
    place = min(len(ordered), math.ceil((len(ordered) + 1) * (1 - target)))
    middle = float(np.median(known))
    least = abs(middle) * LEAST_LOSS
    worst = float(ordered[place - 1])
    return min(worst, middle - least) if upward else max(worst, middle + least)


def _worse(values: Floats, bound: float, *, upward: bool) -> Bools:
    with np.errstate(invalid="ignore"):
        worse: Bools = values < bound if upward else values > bound
    return worse


def _delay(
    values: Floats, bound: float, *, size: float, upward: bool, window: int, alarms: Alarms
) -> Delay:
    """A loss that begins on one night fills the trailing window day by day."""
    lead, span = alarms.nights - 1, HORIZON + window
    middle = float(np.nanmedian(values))
    ramp = np.minimum(1.0, np.arange(1, span + 1) / window)
    change = -size * abs(middle) * ramp if upward else size * abs(middle) * ramp
    waits = []
    for start in range(lead, len(values) - lead):
        quiet = np.resize(values[start:], span)
        if not np.isfinite(values[start - lead : start]).all() or not np.isfinite(quiet).all():
            continue
        flags = _worse(
            np.concatenate([values[start - lead : start], quiet + change]), bound, upward=upward
        )
        sums = np.convolve(flags.astype(int), np.ones(alarms.nights, dtype=int), mode="valid")
        sure = np.flatnonzero(sums >= alarms.confirm)
        waits.append(float(sure[0] + 1) if len(sure) else math.inf)
    if not waits:
        return Delay(size, 0, 0, math.nan, math.nan)
    ends = [float(np.quantile(waits, q, method="higher")) for q in (0.5, LATE)]
    finite = [end if math.isfinite(end) else math.nan for end in ends]
    return Delay(size, len(waits), sum(map(math.isfinite, waits)), *finite)
