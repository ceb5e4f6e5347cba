"""Fit with an engine: in memory, in external memory, or on the workers of a cluster."""

from __future__ import annotations

from laurel.adapters.engine.contract import Engine
from laurel.adapters.engine.dask import DaskEngine
from laurel.adapters.engine.external import ExternalEngine
from laurel.adapters.frames import FramePart
from laurel.adapters.xgboost import Model, fit
from laurel.adapters.xgboost.distributed import fit_distributed
from laurel.adapters.xgboost.external import fit_external
from laurel.domain.config import Model as ModelConfig
from laurel.domain.featureset import Part
from laurel.domain.objective import Objective


def fit_with(
    engine: Engine,
    train: FramePart,
    validation: Part,
    config: ModelConfig,
    *,
    objective: Objective,
    threads: int | None = None,
) -> Model:
    """Fit on the train days, stopped early by the validation days.

    Raises :class:`DataError` where the train days lack what the objective needs, and as the
    engine's own way of fitting.
    """
    if isinstance(engine, ExternalEngine):
        return fit_external(
            train, validation, config, objective=objective, folder=engine.folder, threads=threads
        )
    if isinstance(engine, DaskEngine):
        return fit_distributed(
            train, validation, config, objective=objective, on=engine, threads=threads
        )
    return fit(train.whole(), validation, config, objective=objective, threads=threads)
