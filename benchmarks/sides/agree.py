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
    psi_stat_test,
    wasserstein_stat_test,
)
from evidently.legacy.calculations.stattests.registry import get_stattest
from evidently.legacy.core import ColumnType
from nannyml.chunk import SizeBasedChunker
from nannyml.drift.univariate.methods import Chi2Statistic
from nannyml.performance_estimation.confidence_based.metrics import estimate_roc_auc
from nannyml.performance_estimation.direct_loss_estimation import DLE
from nannyml.thresholds import ConstantThreshold

TEXT = ("carrier", "origin")
"""Categories with so few levels that none are pooled."""
WASSERSTEIN, JS, PSI, CHI, AUC = 0.02, 1e-6, 5e-4, 1e-9, 1e-3
"""PSI is no nearer: one carrier has a share below 0.0001, which ours counts as that."""
DLE_SHARE = 0.02
"""Of the loss itself: two learners of one quantity."""
FEW = 400
LEARNED_FROM = ("hour", "distance", "dep_delay", "month")
P_VALUE = 1e-3
"""Where a p-value is above this, ours has to be near; below, both say that it is no chance."""


def by_evidently(then: pd.Series, now: pd.Series, test: object, kind: ColumnType) -> float:
    """A statistic of Evidently over two columns without missing values."""
    found = get_stattest(then, now, kind, test)
    return float(found(then, now, kind, 0.1).drift_score)


def by_column(folder: Path, ours: dict) -> Iterator[tuple[str, str, float, float, float]]:
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
            yield name, "PSI", drift["psi"], by_evidently(a, b, psi_stat_test, text), PSI


def by_nannyml(folder: Path, said: dict) -> Iterator[tuple[str, str, float, float, float]]:
    """The same of what NannyML defines: chi-square of two samples, CBPE and DLE."""
    then, now = (pd.read_parquet(folder / f"{name}.parquet") for name in ("then", "now"))
    for seed, mine in said["chi_square"]:
        a, b = (each["origin"].sample(FEW, random_state=seed) for each in (then, now))
        chunks = SizeBasedChunker(chunk_size=FEW)
        test = Chi2Statistic(chunker=chunks, threshold=ConstantThreshold()).fit(a)
        test.calculate(b)
        yield f"origin, rows {seed}", "chi-square p", mine, float(test._p_value), CHI
    mine, scores = said["cbpe"]
    probabilities = np.asarray(scores)
    yield "beta", "CBPE AUC", mine, float(estimate_roc_auc(probabilities, probabilities)), AUC
    reference = pd.read_parquet(folder / "loss-reference.parquet")
    analysis = pd.read_parquet(folder / "loss-analysis.parquet")
    for number, rows in analysis.groupby("chunk"):
        theirs = by_dle(reference, rows)
        for name in ("mae", "rmse"):
            mine = said["losses"][number][name]
            yield f"month {number + 1}", f"DLE {name}", mine, theirs[name], DLE_SHARE * mine


def by_dle(reference: pd.DataFrame, rows: pd.DataFrame) -> dict[str, float]:
    """The losses that NannyML expects of some rows, taken as one chunk."""
    estimator = DLE(
        feature_column_names=list(LEARNED_FROM),
        y_pred="prediction",
        y_true="label",
        metrics=["mae", "rmse"],
        chunk_size=len(rows),
    )
    estimator.fit(reference)
    found = estimator.estimate(rows).filter(period="analysis").to_df()
    return {name: float(found[(name, "value")].iloc[0]) for name in ("mae", "rmse")}


def main(folder: Path, ours: Path, said: Path) -> int:
    """Print every comparison."""
    found = [
        *by_column(folder, json.loads(ours.read_text())),
        *by_nannyml(folder, json.loads(said.read_text())),
    ]
    for name, what, mine, theirs, tolerance in found:
        apart = f"{abs(mine - theirs):12.2e} of {tolerance:.2g}"
        print(f"{name:18}{what:16}{mine:14.6f}{theirs:14.6f}{apart}")
    wrong = [name for name, _, mine, theirs, most in found if not abs(mine - theirs) <= most]
    print(json.dumps({"compared": len(found), "beyond": wrong}))
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main(*(Path(each) for each in sys.argv[1:4])))
