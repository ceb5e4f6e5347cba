"""Nights of counts over a profile, drawn at once: quiet ones, and ones with a planted shift."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from laurel.domain.profile import Counts

BINS, LEVELS = 12, ("air", "rail", "road", "sea")
SHARES = np.array([0.5, 0.3, 0.15, 0.05])
TRAINING_DAYS = 120


def make_nights(
    nights: int, *, seed: int, features: int = 6, rows: int = 400
) -> tuple[Counts, list[Counts]]:
    """A profile as of four months of training, and quiet nights drawn like its days.

    Each night leans a little to its own side, as real days do, all features together.
    """
    draw = np.random.default_rng(seed)
    names = [f"x{number}" for number in range(features)]
    days = [_night(draw, names, rows=rows) for _ in range(TRAINING_DAYS + nights)]
    training, quiet = days[:TRAINING_DAYS], days[TRAINING_DAYS:]
    return _profile(training), quiet


def shift(night: Counts, feature: str, *, size: float) -> Counts:
    """A night of which a share of one number's rows has moved into its topmost bin but one."""
    entry = night["features"][feature]
    counts = np.array(entry["counts"])
    gone = np.rint(counts * size).astype(int)
    counts = counts - gone
    counts[-2] += gone.sum()
    moved = {**entry, "counts": counts.tolist()}
    return {**night, "features": {**night["features"], feature: moved}}


def _night(draw: np.random.Generator, names: list[str], *, rows: int) -> Counts:
    lean = draw.normal(0, 0.05)
    features: dict[str, Any] = {name: _number(draw, rows, lean) for name in names}
    counts = draw.multinomial(rows, _tilted(SHARES, lean))
    levels = dict(zip(LEVELS, map(int, counts), strict=True))
    features["c"] = {"kind": "categorical", "counts": levels, "missing": 0}
    score = _number(draw, rows, lean, kind="score")
    return {"rows": rows, "features": features, "scores": {"score": score}}


def _number(
    draw: np.random.Generator, rows: int, lean: float, *, kind: str = "numeric"
) -> dict[str, Any]:
    shares = _tilted(np.full(BINS, 1 / BINS), lean)
    counts = [0, *map(int, draw.multinomial(rows, shares)), 0]
    edges = [float(number) for number in range(BINS + 1)]
    return {"kind": kind, "edges": edges, "counts": counts, "missing": 0}


def _tilted(shares: NDArray[np.float64], lean: float) -> NDArray[np.float64]:
    tilted = shares * np.exp(lean * np.linspace(-1, 1, len(shares)))
    return np.asarray(tilted / tilted.sum())


def _profile(days: list[Counts]) -> Counts:
    from functools import reduce

    from laurel.domain.drift import WEEK, usual_psi
    from laurel.domain.profile import merge

    whole = reduce(merge, days)
    weeks = [reduce(merge, days[place : place + WEEK]) for place in range(0, len(days), WEEK)]
    usual = {
        "day": usual_psi(whole, days, minimum_rows=50),
        "week": usual_psi(whole, weeks, minimum_rows=350),
    }
    return {**whole, "usual": usual}
