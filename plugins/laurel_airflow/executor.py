"""An executor whose tasks find their libraries loaded: Airflow's own, forked from a warm parent.

A task of the LocalExecutor is a fork of a worker, which is a fork of the scheduler. What the
scheduler has imported is there in all of them and is in memory once, as long as nobody writes to
it. A cold task that scores spends seconds on importing Great Expectations, pandas and XGBoost.
"""

from __future__ import annotations

import importlib
import logging

from airflow.executors.local_executor import LocalExecutor

from laurel.settings import load_settings, share_cores

WARM = (
    "laurel_airflow.common",
    "laurel_airflow.assets",
    "laurel_airflow.operators",
    "laurel_airflow.scoring",
    "laurel.runs.ingest",
    "laurel.runs.train",
    "laurel.runs.decide",
    "laurel.runs.score",
    "laurel.runs.monitor",
)
"""What the tasks of scheduled DAGs import; what these need comes with them."""

log = logging.getLogger(__name__)


class WarmLocalExecutor(LocalExecutor):
    """The LocalExecutor, but what tasks import is imported before its workers are forked.

    New code of Laurel, and newly installed packages, are met after a restart of the scheduler;
    use cases are not held, each task reads them. Nothing is opened, connected or fitted
    beforehand: a process with threads that compute must not be forked.
    """

    def start(self) -> None:
        """Import, then fork the workers."""
        if self.is_mp_using_fork:
            warm_up()
        super().start()


def warm_up() -> None:
    """Import what tasks import; a module that fails is left to the task, which then says why."""
    share_cores(load_settings())
    for module in WARM:
        try:
            importlib.import_module(module)
        except Exception:
            log.exception("%s cannot be imported beforehand", module)
    try:
        from laurel.runs import warm

        warm.warm_up(load_settings())
    except Exception:
        log.exception("what tasks read cannot be read beforehand")
