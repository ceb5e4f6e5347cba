"""The task that asks a person, by Airflow's human-in-the-loop operator."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.bases.operatorlink import BaseOperatorLink
from airflow.sdk.configuration import conf
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowSkipException

from laurel_airflow.links import DecisionLink
from laurel_airflow.operators import LaurelOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from laurel.domain.ledger import LedgerEntry
    from laurel.runs.decide import Decided
    from laurel.runs.site import Site
    from laurel.usecase import UseCase

APPROVE, DECLINE = "Approve", "Decline"
ANSWERS = {"approve": APPROVE, "decline": DECLINE}


class ApproveOperator(LaurelOperator, HITLOperator):
    """Asks the people whom the ledger names about the model that ``decide`` registered.

    Whoever is asked, until when and what silence means stands in the ledger, so a repeated run asks
    the same; what was decided meanwhile, by a command or another run, is never asked again. The
    task waits without a worker. Skipped where nothing waits for approval.
    """

    verb = "approve"
    operator_extra_links: Collection[BaseOperatorLink] = (DecisionLink(),)

    def __init__(self, *, usecase: str, **kwargs: Any) -> None:
        # Airflow hands on those of the DAG; the form of the question shows its own alone
        params = ParamsDict(kwargs.pop("params", None))
        params["reason"] = Param(
            None,  # a question that is kept needs a value here, and nobody's words are ours
            type=["null", "string"],
            minLength=3,
            title="Reason",
            description="Why, for the ledger: an answer without a reason is refused.",
            source="task",
        )
        super().__init__(
            usecase=usecase,
            subject="Shall the challenger reign?",
            options=[APPROVE, DECLINE],
            defaults=DECLINE,
            params=params,
            **kwargs,
        )

    def execute(self, context: Context) -> Any:
        """Ask, and wait; what silence means is appended at once where the time is over already."""
        decided = self.enter(context, self._prepare)
        if decided is not None:
            return decided
        # which parks the task: it goes on in execute_complete
        return HITLOperator.execute(self, context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Write the answer into the ledger; who gave it is said by Airflow, not by the form."""
        return self.enter(
            context, lambda site, usecase, _: self._answered(site, usecase, context, event)
        )

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        raise NotImplementedError  # execute does not end in one step

    def _prepare(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any] | None:
        from laurel.runs.approve import ask, time_left, time_out, waiting

        told = _told(context)
        entry = waiting(site, usecase, model_version=str(told["model_version"]))
        left = time_left(entry) if entry else None
        if entry is None or left is None:
            raise AirflowSkipException(f"{told['model_version']} does not wait for approval")
        if left <= timedelta(0):
            made = time_out(site, usecase, model_version=entry.model_version or "")
            return self._made(context, made)
        request = ask(site, usecase, entry=entry, base_url=conf.get("api", "base_url", fallback=""))
        self._put(entry, left, subject=request.subject, body=request.body)
        return None

    def _put(self, entry: LedgerEntry, left: timedelta, *, subject: str, body: str) -> None:
        """Make this task the question about a model."""
        assert entry.question is not None  # noqa: S101 - _prepare has looked
        self.subject, self.body = subject, body
        self.defaults = [ANSWERS[entry.question.otherwise]]
        self.assigned_users = [{"id": name, "name": name} for name in entry.question.by]
        self.response_timeout = left
        self.log.info("%s\n%s", subject, body)

    def _answered(
        self, site: Site, usecase: UseCase, context: Context, event: dict[str, Any]
    ) -> dict[str, Any]:
        from laurel.runs.approve import approve, decline_model, time_out

        version = str(_told(context)["model_version"])
        person = event.get("responded_by_user")
        if "error" in event or person is None:
            return self._made(context, time_out(site, usecase, model_version=version))
        self.validate_chosen_options(event["chosen_options"])
        said = approve if event["chosen_options"] == [APPROVE] else decline_model
        reason = str((event.get("params_input") or {}).get("reason") or "")
        made = said(site, usecase, model_version=version, by=str(person["id"]), reason=reason)
        return self._made(context, made)

    def _made(self, context: Context, made: Decided) -> dict[str, Any]:
        self.pages["Decision"] = made.page
        self.log.info("%s", made.sentence())
        self.announce(context, made.reference())
        return made.reference()


def _told(context: Context) -> dict[str, Any]:
    """What ``decide`` handed on."""
    told: dict[str, Any] = context["ti"].xcom_pull(task_ids="decide")
    return told
