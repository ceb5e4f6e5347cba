"""The verbs that append records, from the command line: the same runs as Airflow's tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from gc import disable, enable
from typing import TYPE_CHECKING, Annotated

import typer

from laurel.cli.opened import open_case

if TYPE_CHECKING:
    from laurel.domain.partition import Partition
    from laurel.runs.site import Site
    from laurel.usecase import UseCase

Name = Annotated[str, typer.Argument(help="Name of the use case.")]
Day = Annotated[str, typer.Argument(help="The partition, YYYY-MM-DD.")]


def ingest(
    usecase: Name,
    dataset: Annotated[str, typer.Argument(help="The dataset.")],
    start: Annotated[str, typer.Option(help="First day, YYYY-MM-DD.")],
    end: Annotated[str, typer.Option(help="Last day, included.")],
) -> None:
    """Pull a range of a dataset, validate it, publish it or put it into quarantine."""
    from laurel.domain.partition import Partition
    from laurel.runs import ingest as run

    site, case = open_case(usecase)
    made = run.ingest(
        site,
        case,
        dataset=dataset,
        start=Partition.of(start).start,
        end=Partition.of(end).end,
    )
    typer.echo(made.sentence())


def train(
    usecase: Name, as_of: Annotated[str, typer.Option(help="Bound of knowledge, a moment in UTC.")]
) -> None:
    """Train a challenger on what was known at as_of; prints its run."""
    from laurel.adapters.warm import begin_stages
    from laurel.settings import load_settings

    # it imports what stages need while this process imports what it needs itself
    with _uncollected(), begin_stages(load_settings().cache) as warm:
        from laurel.cli.moment import moment
        from laurel.cli.progress import stages_shown
        from laurel.runs import train as run

        site, case = open_case(usecase)
        with stages_shown():
            made = run.train(site, case, as_of=moment(as_of), warm=warm)
    typer.echo(made.sentence())


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage: what is imported stays, and what seconds leave is little."""
    disable()
    try:
        yield
    finally:
        enable()


def decide(
    usecase: Name,
    run: Annotated[str, typer.Argument(help="The training run.")],
    supersede: Annotated[
        bool, typer.Option(help="Decide again for an as_of whose inputs have changed.")
    ] = False,
) -> None:
    """Write the verdict of a training run into the ledger."""
    from laurel.runs import decide as runs

    site, case = open_case(usecase)
    typer.echo(runs.decide(site, case, run=run, supersede=supersede).sentence())


def score(
    usecase: Name,
    partition: Day,
    shards: Annotated[
        int | None,
        typer.Option(
            metavar="ROWS",
            min=1,
            help="Score in shards of so many rows, each kept when it is done: a scoring that was "
            "ended goes on where it stopped.",
        ),
    ] = None,
    delivered: Annotated[
        bool, typer.Option("--deliver/--no-deliver", help="Deliver to the use case's sinks, too.")
    ] = True,
) -> None:
    """Score a partition with the champion of its score cutoff, and deliver what it gave."""
    from laurel.domain.partition import Partition
    from laurel.runs import score as run

    site, case = open_case(usecase)
    day = Partition.of(partition)
    run.inputs_ready(site, case, partition=day)
    typer.echo(run.score(site, case, partition=day, shard_rows=shards).sentence())
    if delivered:
        _deliver(site, case, sorted(case.config.scoring.sinks), day=day)


def deliver(
    usecase: Name,
    partition: Annotated[
        str | None, typer.Argument(help="The partition, YYYY-MM-DD; else all that are behind.")
    ] = None,
    sink: Annotated[str | None, typer.Option(help="One sink; all when left out.")] = None,
) -> None:
    """Deliver published predictions to the sinks of a use case; each revision goes out once."""
    from laurel.domain.partition import Partition
    from laurel.errors import ConfigError

    site, case = open_case(usecase)
    sinks = [sink] if sink else sorted(case.config.scoring.sinks)
    if not sinks:
        raise ConfigError("the use case has no sinks", usecase=usecase, hint="see docs/scoring.md")
    _deliver(site, case, sinks, day=Partition.of(partition) if partition else None)


def _deliver(site: Site, case: UseCase, sinks: Sequence[str], *, day: Partition | None) -> None:
    """Deliver a day to sinks, or all of which each holds an earlier revision."""
    from laurel.runs import deliver as run

    for name in sinks:
        days = [day] if day else [*run.behind(site, case, sink=name)]
        for each in days:
            typer.echo(run.deliver(site, case, sink=name, partition=each).sentence())
        if not days:
            typer.echo(f"{name} holds the newest revision of all that was delivered to it")


def monitor(
    usecase: Name,
    partition: Day,
    until: Annotated[
        str | None,
        typer.Option(help="Last partition, included: all nights up to it, as a backfill."),
    ] = None,
) -> None:
    """Write the report of a partition, or of each one up to another."""
    from laurel.domain.partition import Partition, partitions
    from laurel.runs import monitor as run

    site, case = open_case(usecase)
    first = Partition.of(partition)
    for night in partitions(first.start, Partition.of(until or partition).end):
        made = run.monitor(site, case, partition=night, backfilled=until is not None)
        typer.echo(made.sentence())


def rollback(
    usecase: Name,
    target: Annotated[str, typer.Argument(help="The model version that is to reign.")],
    reason: Annotated[str, typer.Option(help="Why, for the ledger.")],
    effective_from: Annotated[
        str | None, typer.Option(help="From which moment on; now when left out.")
    ] = None,
) -> None:
    """Give the crown back to an earlier champion and re-score what that changes."""
    from laurel.cli.moment import moment
    from laurel.cli.person import person
    from laurel.runs import rollback as run

    site, case = open_case(usecase)
    made = run.roll_back(
        site,
        case,
        target=target,
        reason=reason,
        by=person(),
        effective_from=moment(effective_from) if effective_from else None,
    )
    typer.echo(made.sentence())
    typer.echo(run.rescore(site, case).sentence())
    _deliver(site, case, sorted(case.config.scoring.sinks), day=None)
