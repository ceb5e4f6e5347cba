"""Paired bootstrap of an AUC: Laurel's against a loop over scikit-learn, in one warm process.

    python -m sides.bootstrap RUNS

Both draw resamples of 100,000 rows and give the difference of two models on each. The loop takes a
few resamples only, and so does Laurel beside it; what the 2,000 of a decision take is said besides.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from time import perf_counter, process_time

import numpy as np
from numpy.typing import NDArray
from pairs import Sample, interleave, write_samples
from sklearn.metrics import roc_auc_score

from laurel.domain.bootstrap import distribution
from laurel.domain.metric import BINARY

ROWS = 100_000
FEW, ALL = 20, 2_000
Side = Callable[[NDArray[np.int64], dict[str, NDArray[np.float64]], int], NDArray[np.float64]]


def main(runs: int) -> None:
    """Take both sides in turn, and all resamples by Laurel's; print samples and facts as JSON."""
    labels, scores = made()
    spreads: dict[str, float] = {}

    def timed(name: str, side: Side) -> Callable[[], Sample]:
        def work() -> Sample:
            wall, cpu = perf_counter(), process_time()
            spreads[name] = float(side(labels, scores, FEW).std())
            return Sample(seconds=perf_counter() - wall, cpu_seconds=process_time() - cpu)

        return work

    sides = {"laurel's distribution": ours, "roc_auc_score in a loop": theirs}
    samples = interleave({n: timed(n, side) for n, side in sides.items()}, runs=runs)
    began = process_time()
    ours(labels, scores, ALL)
    whole = process_time() - began
    found = {"samples": write_samples(samples), "spreads": spreads, "whole": whole}
    print(json.dumps(found))


def made() -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """Labels and the scores of two models, seeded."""
    draw = np.random.default_rng(7)
    labels = (draw.random(ROWS) < 0.25).astype(np.int64)
    scores = {
        name: 1 / (1 + np.exp(-(skill * labels + draw.normal(size=ROWS))))
        for name, skill in (("challenger", 1.0), ("champion", 0.95))
    }
    return labels, scores


def ours(
    labels: NDArray[np.int64], scores: dict[str, NDArray[np.float64]], count: int
) -> NDArray[np.float64]:
    """The gain on each resample, by Laurel."""
    found = distribution(labels, scores, [BINARY["auc"]], count=count, seed=1)["auc"]
    return np.asarray(found["challenger"] - found["champion"])


def theirs(
    labels: NDArray[np.int64], scores: dict[str, NDArray[np.float64]], count: int
) -> NDArray[np.float64]:
    """The gain on each resample, by scikit-learn's own metric of the drawn rows."""
    draw = np.random.default_rng(1)
    gains = []
    for _ in range(count):
        rows = draw.integers(0, len(labels), len(labels))
        challenger, champion = (roc_auc_score(labels[rows], s[rows]) for s in scores.values())
        gains.append(challenger - champion)
    return np.array(gains)


if __name__ == "__main__":
    main(int(sys.argv[1]))
