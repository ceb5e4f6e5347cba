"""What Laurel says beyond the drift of columns, for the side ``agree`` to compare.

Expected performance of calibrated scores (CBPE), expected losses of a regression (DLE) on tables
that are written beside, and chi-square tests of few rows, where the p-value says something.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from laurel.adapters.xgboost.encoding import Feature
from laurel.adapters.xgboost.losses import LOSS, expect_losses, fit_losses
from laurel.domain.config import Monitoring
from laurel.domain.drift import compare
from laurel.domain.featureset import Part
from laurel.domain.losses import metrics_of, sum_losses
from laurel.domain.objective import OBJECTIVES
from laurel.domain.performance import estimate
from laurel.domain.profile import bin_counts, build_profile

SEED = 7
FEW, TESTS = 400, 8
LOSS_ROWS, CHUNKS = 20_000, 6
FEATURES = ("hour", "distance", "dep_delay", "month")


def cbpe() -> tuple[float, list[float]]:
    """The area under the curve to be expected of some scores, and the scores."""
    scores = np.random.default_rng(SEED).beta(2, 5, 2_000).round(6)
    return estimate(scores, objective=OBJECTIVES["binary"])["auc"], scores.tolist()


def chi_square(then: pd.DataFrame, now: pd.DataFrame) -> list[tuple[int, float]]:
    """Seed of the rows of either side, and the p-value of ``origin`` over them."""
    found = []
    for seed in range(TESTS):
        a, b = few_rows(then, seed), few_rows(now, seed)
        half = np.full(FEW, 0.5)
        (drift,) = compare(
            profile := build_profile(a, half), bin_counts(profile, b, half), monitoring=Monitoring()
        )
        found.append((seed, drift.p_value))
    return found


def few_rows(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A few rows of the column that is tested."""
    return frame[["origin"]].sample(FEW, random_state=seed).reset_index(drop=True)


def losses(folder: Path, then: pd.DataFrame, now: pd.DataFrame) -> list[dict[str, float]]:
    """What is expected of a forecast of the arrival's delay, by months of the second half."""
    learned, later = (_forecast(frame) for frame in (then, now))
    reference = learned.sample(LOSS_ROWS, random_state=SEED).reset_index(drop=True)
    chunks = [
        rows.reset_index(drop=True) for _, rows in later.groupby("month", sort=True) if len(rows)
    ][:CHUNKS]
    reference.to_parquet(folder / "loss-reference.parquet")
    pd.concat([rows.assign(chunk=n) for n, rows in enumerate(chunks)]).to_parquet(
        folder / "loss-analysis.parquet"
    )
    features = tuple(Feature(name) for name in FEATURES)
    unseen = Part(reference[[*FEATURES]], reference["label"].to_numpy())
    model = fit_losses(unseen, reference["prediction"].to_numpy(), features, objective="regression")
    assert model is not None
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / LOSS).write_bytes(model)
        return [
            metrics_of(
                sum_losses(
                    expect_losses(
                        Path(place), rows[[*FEATURES]], rows["prediction"].to_numpy(), features
                    )
                )
            )
            for rows in chunks
        ]


def _forecast(frame: pd.DataFrame) -> pd.DataFrame:
    known = frame[[*FEATURES, "arr_delay"]].dropna().astype("float64")
    return known.assign(label=known["arr_delay"], prediction=known["dep_delay"] - 5.0).drop(
        columns="arr_delay"
    )


def main(folder: Path, target: Path) -> None:
    """Write what is said."""
    then, now = (pd.read_parquet(folder / f"{name}.parquet") for name in ("then", "now"))
    said = {
        "cbpe": cbpe(),
        "chi_square": chi_square(then, now),
        "losses": losses(folder, then, now),
    }
    target.write_text(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
