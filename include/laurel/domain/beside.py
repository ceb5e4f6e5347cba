"""A challenger beside the champion on the same rows: how alike they answer, and who was right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.config import Gate, UseCaseConfig, VersusChampion
from laurel.domain.config.names import PARTITION
from laurel.domain.evidence import CONFIDENCE, Comparison, Scope, confidence_key
from laurel.domain.evidence.gauge import DIGITS, Gauge
from laurel.domain.objective import Objective
from laurel.domain.surroundings import Alike, Gain

CHALLENGER, CHAMPION, LABEL = "challenger", "champion", "label"


def alike(table: pd.DataFrame, objective: Objective, *, threshold: float | None) -> Alike:
    """How alike the scores of ``challenger`` and ``champion`` are, one row each.

    Source: Spearman, American Journal of Psychology 15(1), 1904; Smirnov, Annals of Mathematical
    Statistics 19(2), 1948.

    >>> from laurel.domain.objective import OBJECTIVES
    >>> table = pd.DataFrame({"challenger": [0.1, 0.2, 0.9], "champion": [0.2, 0.3, 0.4]})
    >>> alike(table, OBJECTIVES["binary"], threshold=0.5)
    Alike(rows=3, distance=0.333333333, rank_correlation=1.0, changed=0.333333333)
    """
    ours, theirs = (objective.scores(table, objective.names(m)) for m in (CHALLENGER, CHAMPION))
    pairs = list(zip(_columns(ours), _columns(theirs), strict=True)) if len(table) else []
    changed = _changed(ours, theirs, objective, threshold)
    return Alike(
        rows=len(table),
        distance=_rounded(max((ks_of(a, b) for a, b in pairs), default=math.nan)),
        rank_correlation=_rounded(min((spearman(a, b) for a, b in pairs), default=math.nan)),
        changed=_rounded(changed),
    )


def ks_of(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The Kolmogorov-Smirnov distance of two samples.

    >>> ks_of(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.5
    """
    one, other = np.sort(one), np.sort(other)
    every = np.concatenate([one, other])
    shares = [np.searchsorted(each, every, side="right") / len(each) for each in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def spearman(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Spearman's rank correlation, ties at their mean rank; nan where one does not vary.

    >>> round(spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])), 6)
    0.5
    """
    if len(one) < 2 or one.min() == one.max() or other.min() == other.max():
        return math.nan
    ranks = [pd.Series(each).rank().to_numpy() for each in (one, other)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def realised(
    table: pd.DataFrame,
    objective: Objective,
    *,
    minimum_rows: int,
    resamples: int,
    asked: Sequence[VersusChampion] = (),
) -> Scope:
    """Both models' metrics on the rows whose ``label`` is known, with paired bounds.

    asked: thresholds whose confidences are wanted besides. Equal tables give equal bounds.
    """
    policy = Gate(thresholds=tuple(asked), minimum_rows=minimum_rows, resamples=resamples)
    known = table[table[LABEL].notna()].assign(compared=True).reset_index(drop=True)
    gauge = Gauge(policy, objective=objective, rates={}, seed=0, versus=True, days=0)
    return gauge.scope(known, None)


def gains_of(compared: Mapping[str, Comparison]) -> dict[str, Gain]:
    """The gains of compared metrics with their bounds at 95 %."""
    found = {}
    for name, each in compared.items():
        low, high = each.bounds[confidence_key(CONFIDENCE)] or (math.nan, math.nan)
        found[name] = Gain(math.nan if each.gain is None else each.gain, low, high)
    return found


def paired(
    challenger: pd.DataFrame,
    champion: pd.DataFrame,
    config: UseCaseConfig,
    objective: Objective,
    *,
    version: str,
) -> pd.DataFrame:
    """Rows that both have scored, with both models' scores by the objective's names.

    challenger and champion: predictions as they are published. Rows that the challenger ``version``
    has answered itself, as a canary, are left out: there is nothing to compare with. Other columns
    are the champion's.
    """
    key, columns = [*config.rows.key, PARTITION], list(objective.score_columns)
    ours = dict(zip(columns, objective.names(CHALLENGER), strict=True))
    theirs = dict(zip(columns, objective.names(CHAMPION), strict=True))
    served = champion[champion["model_version"].astype("str") != version]
    mine = challenger[[*key, *columns]].rename(columns=ours)
    kept = [name for name in served.columns if name != "decision"]
    return served[kept].rename(columns=theirs).merge(mine, on=key, how="inner", sort=False)


def by_slice(table: pd.DataFrame, columns: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each value of the columns, in their order."""
    found = []
    for column in columns:
        values: Any = table[column].astype("string").fillna("missing").to_numpy(dtype=object)
        for value, rows in table.groupby(values, sort=True):
            found.append((f"{column}={value}", rows))
    return found


def _columns(scores: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return list(scores.T) if scores.ndim == 2 else [scores]


def _changed(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    objective: Objective,
    threshold: float | None,
) -> float:
    said = [objective.decide(each.astype("float32"), threshold) for each in (ours, theirs)]
    mine, served = said
    if mine is None or served is None or not len(mine) or mine.isna().all():
        return math.nan
    return float((mine != served).mean())


def _rounded(value: float) -> float:
    return round(value, DIGITS)
