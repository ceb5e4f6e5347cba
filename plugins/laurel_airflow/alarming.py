"""Tasks after the report: alarms are told to whom the use case names; retraining is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from laurel.errors import ChannelFault, LaurelError
from laurel_airflow.common import dag_id
from laurel_airflow.links import page_url
from laurel_airflow.operators import LaurelOperator
from laurel_airflow.times import kind_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from laurel.runs.site import Site
    from laurel.usecase import UseCase


class TellOperator(LaurelOperator):
    """Tells each channel of a use case what a night's report changed: once, whatever is retried."""

    verb = "tell"

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        from laurel.runs.tell import messages, remember
        from laurel_airflow.notifiers import make_notifier

        run, backfilled = _report_of(context)
        told: list[str] = []
        failed: list[str] = []
        for channel, message in messages(site, usecase, run=run, backfilled=backfilled):
            link = f"{conf.get('api', 'base_url', fallback='').rstrip('/')}{page_url(message.page)}"
            name = f"{channel.kind}:{channel.connection}"
            try:
                make_notifier(channel, message, link=link).notify(context)
            except LaurelError as error:
                if not error.retryable:
                    raise
                failed.append(str(error))
            except Exception as error:  # of any provider: its text may hold an address or a secret
                failed.append(f"{name}: {type(error).__name__}")
            else:
                remember(site, usecase, channel=channel, message=message)
                told.append(f"{name}: {message.subject}")
                self.log.info("told %s", told[-1])
        if failed:
            # those that were told are remembered, so a retry tells the others alone
            raise ChannelFault("not every channel could be told", found="; ".join(failed))
        if not told:
            self.log.info("nothing new to tell")
        return {"run": run, "told": len(told)}


class RetrainOperator(TriggerDagRunOperator):
    """Triggers the training DAG where a night's confirmed alarm asks for it; skipped otherwise."""

    ui_color = LaurelOperator.ui_color

    def __init__(self, *, usecase: str, **kwargs: Any) -> None:
        super().__init__(
            trigger_dag_id=dag_id(usecase, "train"),
            # no interval of its own: what it may know is told in its conf
            logical_date=None,
            skip_when_already_exists=True,
            openlineage_inject_parent_info=False,
            **kwargs,
        )
        self.usecase = usecase

    def execute(self, context: Context) -> None:
        """Ask by what the journal and the ledger say; raises ``AirflowSkipException`` if not."""
        from laurel.domain.alarms.request import Declined
        from laurel.runs.site import open_site
        from laurel.runs.tell import request_training
        from laurel.usecase import get_usecase

        run, backfilled = _report_of(context)
        try:
            site = open_site()
            usecase = get_usecase(self.usecase, site.settings)
            asked = request_training(site, usecase, run=run, backfilled=backfilled)
        except LaurelError as error:
            kind = AirflowException if error.retryable else AirflowFailException
            raise kind(str(error)) from None
        if isinstance(asked, Declined):
            raise AirflowSkipException(asked.why)
        self.log.info("asking for %s: %s", asked.run_id, asked.reason)
        self.trigger_run_id = asked.run_id
        self.conf = {**asked.conf, "asked_by": context["dag_run"].run_id}
        self.note = asked.reason
        super().execute(context)


def _report_of(context: Context) -> tuple[str, bool]:
    """The run of monitoring before this task, and whether the night is backfilled."""
    made = context["ti"].xcom_pull(task_ids="monitor")
    return str(made["run"]), kind_of(context) == "backfill"
