"""Sensors on the catalog and the ledger; all reschedule, so that waiting holds no worker."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from laurel.errors import LaurelError, Pending
from laurel_airflow.times import as_of_of, partition_of

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import Context

    from laurel.runs.site import Site
    from laurel.usecase import UseCase

UNFINISHED = ["queued", "running"]
ASKING = ["awaiting_input", "deferred"]
"""States of a task that waits for a person."""


class LaurelSensor(BaseSensorOperator):
    """Waits while :meth:`check` raises :class:`Pending`; says each time what it waits for."""

    def __init__(self, *, usecase: str, deadline: timedelta, **kwargs: Any) -> None:
        super().__init__(
            mode="reschedule",
            poke_interval=timedelta(seconds=20),
            exponential_backoff=True,
            max_wait=timedelta(minutes=10),
            timeout=deadline,
            **kwargs,
        )
        self.usecase = usecase

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Whether all that is waited for is there, with what was made of it."""
        from laurel.settings import load_settings, share_cores

        # before a library that brings threads is imported
        share_cores(load_settings())
        from laurel.runs.site import open_site
        from laurel.usecase import get_usecase

        try:
            site = open_site()
            made = self.check(site, get_usecase(self.usecase, site.settings), context)
        except Pending as waiting:
            self.log.info("%s", waiting)
            return False
        except LaurelError as error:
            self.log.error("%s", error)
            kind = AirflowException if error.retryable else AirflowFailException
            raise kind(str(error)) from None
        return True if made is None else PokeReturnValue(True, made)

    @abstractmethod
    def check(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any] | None:
        """Raise :class:`Pending` while something is missing; return references to what was made."""


class TrainingInputsSensor(LaurelSensor):
    """Waits for the snapshot's partitions, and for earlier training runs to finish.

    Decisions are made in the order of as_of, and the champion that a challenger meets is known
    only when every earlier decision is.
    """

    def check(self, site: Site, usecase: UseCase, context: Context) -> None:
        from laurel.domain.canonical import instant
        from laurel.runs.train import inputs_ready

        as_of = as_of_of(context)
        earlier = self._earlier_runs(usecase, as_of)
        running = self._running(site, usecase, context, earlier) if earlier else 0
        if running:
            raise Pending(
                "earlier training runs are unfinished",
                usecase=usecase.name,
                found=f"{running} before as_of {instant(as_of)}",
                hint="decisions are made in the order of as_of",
            )
        inputs_ready(site, usecase, as_of=as_of)

    @staticmethod
    def _running(
        site: Site, usecase: UseCase, context: Context, earlier: Mapping[datetime, datetime]
    ) -> int:
        """Unfinished runs, but for those whose question was answered elsewhere.

        Airflow still waits for an answer that somebody gave by a command; their decision is made.
        """
        count, dag_id = context["ti"], context["dag"].dag_id
        running = count.get_dr_count(dag_id=dag_id, logical_dates=list(earlier), states=UNFINISHED)
        if not running or usecase.config.gate.approval is None:
            return int(running)
        state = site.ledger(usecase).read()
        decided = [start for start, as_of in earlier.items() if state.decision(as_of)]
        if not decided:
            return int(running)
        asking = count.get_ti_count(
            dag_id=dag_id, task_ids=["approve"], logical_dates=decided, states=ASKING
        )
        return int(running - asking)

    @staticmethod
    def _earlier_runs(usecase: UseCase, as_of: datetime) -> dict[datetime, datetime]:
        """The as_of of each earlier interval, by its start."""
        from laurel.domain.ledger import intervals_before

        return intervals_before(usecase.config, as_of)


class TrainingSensor(LaurelSensor):
    """Waits until the training due by the bound of knowledge is decided."""

    def check(self, site: Site, usecase: UseCase, context: Context) -> None:
        from laurel.runs.newest import newest_training

        newest_training(site, usecase, as_of=as_of_of(context))


class PredictionsSensor(LaurelSensor):
    """Waits for the predictions of the partition."""

    def check(self, site: Site, usecase: UseCase, context: Context) -> None:
        from laurel.runs.night import choose_night

        choose_night(site, usecase, partition=partition_of(context))
