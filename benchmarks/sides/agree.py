"""The same statistics by Evidently and NannyML on the same files; run by the peers' interpreter.

What differs from Laurel's by more than its tolerance is printed, and ends it with 1.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from evidently.legacy.calculations.stattests import (
    jensenshannon_stat_test,
    ks_stat_test,
    wasserstein_stat_test,
)
from evidently.legacy.calculations.stattests.registry import get_stattest
from evidently.legacy.core import ColumnType
from nannyml.performance_estimation.confidence_based.metrics import estimate_roc_auc

TEXT = ("carrier", "origin")
"""Categories with so few levels that none are pooled."""
KS, WASSERSTEIN, JS, AUC = 0.012, 0.02, 1e-6, 1e-3
P_VALUE = 1e-3
"""Where a p-value is above this, ours has to be near; below, both say that it is no chance."""


def by_evidently(then: pd.Series, now: pd.Series, test: object, kind: ColumnType) -> float:
    """A statistic of Evidently over two columns without missing values."""
    found = get_stattest(then, now, kind, test)
    return float(found(then, now, kind, 0.1).drift_score)


def differences(folder: Path, ours: dict) -> Iterator[tuple[str, str, float, float, float]]:
    """Column, statistic, ours, theirs, tolerance."""
    then, now = (pd.read_parquet(folder / f"{name}.parquet") for name in ("then", "now"))
    number, text = ColumnType.Numerical, ColumnType.Categorical
    for name, drift in ours["features"].items():
        a, b = then[name].dropna(), now[name].dropna()
        if drift["kind"] == "numeric":
            theirs = by_evidently(a, b, wasserstein_stat_test, number)
            yield name, "Wasserstein", drift["wasserstein_std"], theirs, WASSERSTEIN
            theirs = by_evidently(a, b, ks_stat_test, number)
            if max(theirs, drift["ks_p_value"]) > P_VALUE:
                yield name, "KS p-value", drift["ks_p_value"], theirs, 0.05
        elif name in TEXT:
            theirs = by_evidently(a, b, jensenshannon_stat_test, text) / math.sqrt(math.log(2))
            yield name, "Jensen-Shannon", drift["js"], theirs, JS
    for name, (said, scores) in ours["estimates"].items():
        probabilities = np.asarray(scores)
        yield name, "CBPE AUC", said, float(estimate_roc_auc(probabilities, probabilities)), AUC


def main(folder: Path, ours: Path) -> int:
    """Print every comparison."""
    found = list(differences(folder, json.loads(ours.read_text())))
    for name, what, mine, theirs, tolerance in found:
        apart = f"{abs(mine - theirs):12.2e} of {tolerance:g}"
        print(f"{name:16}{what:16}{mine:12.5f}{theirs:12.5f}{apart}")
    return int(any(not abs(mine - theirs) <= tolerance for _, _, mine, theirs, tolerance in found))


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
