"""``laurel approve``, ``decline`` and ``approvals``: what a person says after the gate."""

from __future__ import annotations

from typing import Annotated

import typer

from laurel.cli.opened import open_case

Name = Annotated[str, typer.Argument(help="Name of the use case.")]
Why = Annotated[str, typer.Option(help="Why, for the ledger.")]


def approve(
    usecase: Name,
    model_version: Annotated[str, typer.Argument(help="The model that waits for approval.")],
    reason: Why,
) -> None:
    """Let a model reign that the gate let through; the ledger names the account you work under."""
    from laurel.cli.person import person
    from laurel.runs import approve as runs

    site, case = open_case(usecase)
    made = runs.approve(site, case, model_version=model_version, by=person(), reason=reason)
    typer.echo(made.sentence())


def decline(
    usecase: Name,
    reason: Why,
    model_version: Annotated[
        str | None, typer.Argument(help="The model that waits for approval.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Instead: the as_of that will have no challenger.")
    ] = None,
) -> None:
    """Decline a model that waits for approval; or settle an as_of whose training cannot succeed.

    Scoring waits for either no longer. The ledger names the account you work under.
    """
    from laurel.cli.moment import moment
    from laurel.cli.person import person
    from laurel.errors import Refused
    from laurel.runs.approve import decline_model
    from laurel.runs.decide import decline

    if (model_version is None) == (as_of is None):
        raise Refused("name either a model version or --as-of", usecase=usecase)
    site, case = open_case(usecase)
    if model_version is not None:
        made = decline_model(site, case, model_version=model_version, by=person(), reason=reason)
    else:
        made = decline(site, case, as_of=moment(as_of or ""), by=person(), reason=reason)
    typer.echo(made.sentence())


def approvals(
    usecase: Name,
    settle: Annotated[
        bool, typer.Option("--settle", help="Take silence for an answer where time is over.")
    ] = False,
) -> None:
    """List the models that wait for approval: who is asked, until when, and what silence means."""
    from datetime import timedelta

    from laurel.domain.canonical import instant
    from laurel.runs.approve import time_left, time_out

    site, case = open_case(usecase)
    pending = site.ledger(case).read().pending
    if not pending:
        typer.echo(f"nothing of {usecase} waits for approval")
    for entry in pending:
        question = entry.question
        left = time_left(entry)
        over = left is not None and left <= timedelta(0)
        if settle and over:
            typer.echo(time_out(site, case, model_version=entry.model_version or "").sentence())
            continue
        typer.echo(f"{entry.model_version}  as of {instant(entry.as_of)}")
        typer.echo(
            f"  would reign from {instant(entry.effective_from)}; scoring waits from then on"
        )
        if question is not None:
            ended = " (over: laurel approvals --settle)" if over else ""
            asked = ", ".join(question.by)
            typer.echo(f"  asked: {asked}, by {instant(question.until)}{ended}")
            typer.echo(f"  without an answer: {question.otherwise}")
