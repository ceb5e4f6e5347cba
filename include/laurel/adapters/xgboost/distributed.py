"""Fit on the workers of a Dask cluster by ``xgboost.dask``: each learns from its own rows.

``xgboost.dask`` leaves it to Dask which worker has which rows, and takes the plain mean of what
the workers' rows say of a metric. Here each worker has rows that follow each other, and each
computes early stopping's metric over the validation rows of all: so the same rows on as many
workers give the same bytes, and training ends where it would end in memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import xgboost
from numpy.typing import NDArray
from xgboost import collective

from laurel.adapters.xgboost.external import MAX_BIN
from laurel.adapters.xgboost.fitting import finished, parameters, refused, stopping
from laurel.adapters.xgboost.model import Model
from laurel.adapters.xgboost.plan import Plan, Rows, plan_fit
from laurel.domain.config import Model as ModelConfig
from laurel.domain.featureset import Part
from laurel.domain.metric import Metric
from laurel.domain.objective import Objective
from laurel.errors import ConfigError, WorkersFault

ARRAYS = ("data", "label", "weight", "base_margin")


class Workers(Protocol):
    """The workers of a cluster."""

    client: Any
    workers: tuple[str, ...]

    def place(self, function: Any, *args: Any, worker: str) -> Any:
        """A call on one worker; what comes back is held there."""

    def stacked(self, parts: list[tuple[Any, int]], *, columns: int | None) -> Any:
        """Arrays on workers, with their rows, as one array of Dask's."""

    def while_all_are_there(self, function: Callable[[], Model]) -> Model:
        """What a function returns that needs every worker."""


def fit_distributed(
    train: Rows,
    validation: Part,
    config: ModelConfig,
    *,
    objective: Objective,
    on: Workers,
    threads: int | None = None,
) -> Model:
    """Fit as :func:`fit` does, each worker with as many of the rows as the others.

    threads: of each worker, at most as many as it has. Raises as :func:`fit`, and
    :class:`WorkersFault` when a worker is lost.
    """
    plan = plan_fit(train, config, objective=objective)
    params = parameters(config, objective, plan.features, threads=threads or 0)
    rows = len(train.outline().labels)
    if min(rows, len(validation.labels)) < len(on.workers):
        raise ConfigError(
            "there are more workers than rows",
            found=f"{len(on.workers)} workers, {min(rows, len(validation.labels))} rows",
            hint="lower training.engine.workers",
        )
    try:
        return on.while_all_are_there(
            lambda: _fit(
                _placed(train.batches(), rows, plan, on),
                _placed(iter([validation]), len(validation.labels), plan, on),
                plan,
                params,
                config,
                objective,
                on,
            )
        )
    except xgboost.core.XGBoostError as error:
        raise ended(error) from error


@dataclass(frozen=True)
class _Held:
    """What a matrix of some rows is made of, on a worker."""

    given: Any
    worker: str
    rows: int
    arrays: tuple[str, ...]


def _placed(batches: Iterator[Part], rows: int, plan: Plan, on: Workers) -> list[_Held]:
    """The rows on the workers: as many on each, one after the other."""
    count, first, held = len(on.workers), 0, []
    for batch in batches:
        last = first + len(batch.labels)
        for place, worker in enumerate(on.workers):
            begin, end = place * rows // count, (place + 1) * rows // count
            low, high = max(begin, first) - first, min(end, last) - first
            if low < high:
                given = plan.given(_rows(batch, low, high))
                arrays = tuple(name for name in ARRAYS if given[name] is not None)
                held.append(
                    _Held(on.place(_same, given, worker=worker), worker, high - low, arrays)
                )
        first = last
    return held


def _rows(part: Part, low: int, high: int) -> Part:
    return Part(
        part.features.iloc[low:high],
        part.labels[low:high],
        None if part.weights is None else part.weights[low:high],
    )


def _same(given: dict[str, Any]) -> dict[str, Any]:
    return given


def _field(given: dict[str, Any], name: str) -> NDArray[Any]:
    return np.asarray(given[name])


def _fit(
    train: list[_Held],
    validation: list[_Held],
    plan: Plan,
    params: dict[str, Any],
    config: ModelConfig,
    objective: Objective,
    on: Workers,
) -> Model:
    from xgboost import dask as distributed

    matrices = [_matrix(train, plan, params, on), _matrix(validation, plan, None, on)]
    found = distributed.train(
        on.client,
        {name: value for name, value in params.items() if name != "nthread" or value},
        matrices[0],
        num_boost_round=config.rounds,
        evals=[(matrices[1], "validation")],
        custom_metric=OverAll(objective.stopping),
        callbacks=[stopping(config, objective)],
        verbose_eval=False,
    )
    return finished(found["booster"], plan.features, plan.about)


def _matrix(held: list[_Held], plan: Plan, params: dict[str, Any] | None, on: Workers) -> Any:
    """The rows as ``xgboost.dask`` knows them, those of each worker in their order.

    params: of the fit, for rows that are learned from.
    """
    from xgboost.dask import DaskDMatrix, DaskQuantileDMatrix

    kind = DaskDMatrix if params is None else DaskQuantileDMatrix
    given = {
        name: on.stacked(
            [(on.place(_field, each.given, name, worker=each.worker), each.rows) for each in held],
            columns=len(plan.features) if name == "data" else None,
        )
        for name in held[0].arrays
    }
    matrix = kind(
        on.client,
        given.pop("data"),
        **given,
        feature_names=[feature.name for feature in plan.features],
        feature_types=["q" if feature.levels is None else "c" for feature in plan.features],
        enable_categorical=True,
        **({"max_bin": int(params.get("max_bin", MAX_BIN))} if params is not None else {}),
    )
    # wherever Dask put a part meanwhile: it is learned from where it was meant to be
    known = {each.key: each for parts in matrix.worker_map.values() for each in parts}
    matrix.worker_map = defaultdict(list)
    for key, place in matrix.partition_order.items():
        matrix.worker_map[held[place].worker].append(known[key])
    return matrix


class OverAll:
    """A metric of ours over the rows of all workers, as XGBoost calls it on each of them.

    Each adds its labels and scores, at their place, to those of the others: what comes out is the
    metric of all rows in their order, the same on every worker.
    """

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def __call__(self, scores: NDArray[Any], matrix: xgboost.DMatrix) -> tuple[str, float]:
        """Name and value; ``xgboost`` takes the mean of equal values then."""
        labels, weights = _gathered(matrix.get_label()), _gathered(matrix.get_weight())
        every = _gathered(np.asarray(scores))
        if not len(weights):
            return self._metric.name, self._metric(labels, every)
        return self._metric.name, self._metric.of_weighted(labels, every, weights)


def _gathered(own: NDArray[Any]) -> NDArray[Any]:
    """The rows of all workers, by rank."""
    counts = np.zeros(collective.get_world_size(), np.int64)
    counts[collective.get_rank()] = len(own)
    ends = np.cumsum(collective.allreduce(counts, collective.Op.SUM))
    every = np.zeros((int(ends[-1]), *own.shape[1:]), own.dtype)
    end = int(ends[collective.get_rank()])
    every[end - len(own) : end] = own
    if not every.size:
        return every
    summed = collective.allreduce(every.reshape(-1), collective.Op.SUM)
    return np.asarray(summed).reshape(every.shape)


def ended(error: xgboost.core.XGBoostError) -> ConfigError | WorkersFault:
    """What ended the rounds: what XGBoost refuses, or a worker that the others lost.

    >>> ended(xgboost.core.XGBoostError("src/collective/result.cc:83: Ring allgather failed")).fact
    'a worker was lost during the rounds'
    >>> ended(xgboost.core.XGBoostError("Invalid Parameter format")).retryable
    False
    """
    if "src/collective/" not in str(error):
        return refused(error)
    # the others may notice it before Dask does
    return WorkersFault(
        "a worker was lost during the rounds",
        found=" ".join(str(error).split())[:200],
        expected="every worker until the end of the run",
        hint="run again; if it ran out of memory, give each worker more, or let more of them work",
    )
