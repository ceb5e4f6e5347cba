"""Fit on rows that do not fit into memory: XGBoost's external memory over batches of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import xgboost

from laurel.adapters.xgboost.fitting import finished, parameters, refused, stopping, watch
from laurel.adapters.xgboost.model import Model
from laurel.adapters.xgboost.plan import Plan, Rows, plan_fit
from laurel.adapters.xgboost.threads import threads_for_cells
from laurel.domain.config import Model as ModelConfig
from laurel.domain.featureset import Part
from laurel.domain.objective import Objective

MAX_BIN = 256
"""XGBoost's own number of bins, where the use case gives none."""


def fit_external(
    train: Rows,
    validation: Part,
    config: ModelConfig,
    *,
    objective: Objective,
    folder: Path,
    threads: int | None = None,
) -> Model:
    """Fit as :func:`fit` does, with one batch of ``train`` in memory at a time.

    The rows as numbers of bins are in files in ``folder`` until the fit ends. Raises as
    :func:`fit`.
    """
    plan = plan_fit(train, config, objective=objective)
    params = parameters(
        config, objective, plan.features, threads=threads or threads_for_cells(plan.cells)
    )
    matrix = xgboost.DMatrix(**plan.given(validation), enable_categorical=True)
    with TemporaryDirectory(dir=folder, prefix=".external-") as cache:
        try:
            booster = xgboost.train(
                params,
                _matrix(train, plan, params, Path(cache)),
                num_boost_round=config.rounds,
                evals=[(matrix, "validation")],
                custom_metric=watch(objective.stopping),
                callbacks=[stopping(config, objective)],
                verbose_eval=False,
            )
        except (xgboost.core.XGBoostError, ValueError) as error:
            raise refused(error) from error
    return finished(booster, plan.features, plan.about)


def _matrix(
    train: Rows, plan: Plan, params: dict[str, Any], cache: Path
) -> xgboost.ExtMemQuantileDMatrix:
    return xgboost.ExtMemQuantileDMatrix(
        _Batches(train.batches, plan.given, cache),
        max_bin=int(params.get("max_bin", MAX_BIN)),
        nthread=params["nthread"],
        enable_categorical=True,
    )


class _Batches(xgboost.DataIter):
    """The batches as XGBoost asks for them, its own pages of them in files in a folder."""

    def __init__(
        self,
        batches: Callable[[], Iterator[Part]],
        given: Callable[[Part], dict[str, Any]],
        folder: Path,
    ) -> None:
        self._batches, self._given = batches, given
        self._left: Iterator[Part] = iter(())
        super().__init__(cache_prefix=str(folder / "pages"), on_host=False)

    def reset(self) -> None:
        """Begin again with the first batch."""
        self._left = self._batches()

    def next(self, input_data: Callable[..., None]) -> bool:
        """Hand over the next batch that has rows; false when there is none."""
        for part in self._left:
            if len(part.labels):
                given = self._given(part)
                input_data(**{name: value for name, value in given.items() if value is not None})
                return True
        return False
