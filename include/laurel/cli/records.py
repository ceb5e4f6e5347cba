"""``laurel champion``, ``ledger`` and ``catalog``: what the records say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from laurel.domain.catalog import Revision

Name = Annotated[str, typer.Argument(help="Name of the use case.")]
IN_FULL = (
    "model_version",
    "as_of",
    "effective_from",
    "decided_at",
    "bundle",
    "run",
    "evidence",
    "policy",
    "verdict",
    "inputs",
)


def champion(
    usecase: Name,
    as_of: Annotated[
        str | None, typer.Option(help="The moment asked about; the newest decision when left out.")
    ] = None,
    known_at: Annotated[
        str | None,
        typer.Option(help="By what had been decided at this moment, for an auditor; now if left."),
    ] = None,
) -> None:
    """Say which model version reigns, since when, by whose decision and why."""
    from laurel.adapters.records import Ledger
    from laurel.adapters.store import open_store
    from laurel.cli.moment import moment
    from laurel.domain.canonical import instant
    from laurel.errors import Refused
    from laurel.settings import load_settings

    state = Ledger(open_store(load_settings()), usecase).read()
    if known_at:
        if as_of is None:
            raise Refused("--known-at needs --as-of: who reigned when, by what was known when")
        entry = state.champion_as_known(moment(as_of), at=moment(known_at))
    else:
        entry = state.champion_as_of(moment(as_of)) if as_of else state.champion
    if entry is None:
        when = f" at {as_of}" if as_of else ""
        known = f", as known at {known_at}" if known_at else ""
        typer.echo(f"{usecase} has no champion{when}{known}")
        raise typer.Exit(1)
    typer.echo(
        f"{entry.model_version}\n"
        f"  effective from {instant(entry.effective_from)}, as of {instant(entry.as_of)}\n"
        f"  {entry.event} by {entry.decided_by} at {instant(entry.decided_at)}\n"
        f"  bundle {entry.bundle}"
    )
    for reason in entry.reasons:
        typer.echo(f"  - {reason}")


def ledger(
    usecase: Name,
    version: Annotated[
        str | None, typer.Option(help="All that was said about this model version, in full.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every entry in full, as JSON.")] = False,
) -> None:
    """List every entry of the ledger: who, when, why and on what."""
    from laurel.adapters.records import Ledger
    from laurel.adapters.store import open_store
    from laurel.domain.canonical import canonical_json, instant
    from laurel.settings import load_settings

    history = Ledger(open_store(load_settings()), usecase).read().history
    chosen = [entry for entry in history if version in (None, entry.model_version)]
    if as_json or version:
        lines = [{"number": entry.number, **entry.body()} for entry in chosen]
        text = canonical_json(lines).decode() if as_json else "\n".join(map(_in_full, lines))
        typer.echo(text)
        return
    table = Table("as of", "event", "model version", "effective from", "by", "at", "first reason")
    table.columns[2].no_wrap = True  # it is what other commands ask for
    for entry in chosen:
        table.add_row(
            instant(entry.as_of),
            entry.event,
            entry.model_version or "-",
            instant(entry.effective_from),
            entry.decided_by,
            instant(entry.decided_at)[:19],
            entry.reasons[0] if entry.reasons else "",
        )
    Console().print(table)


def _in_full(line: dict[str, Any]) -> str:
    """An entry with all that it says, value by value."""
    head = f"entry {line['number']}: {line['event']} by {line['decided_by']}"
    said = [(name, line[name]) for name in IN_FULL if name in line]
    texts = [f"  {name.replace('_', ' ')}  {value}" for name, value in said]
    if question := line.get("question"):
        texts.append(f"  asked  {', '.join(question['by'])}, by {question['until']}")
        texts.append(f"  without an answer  {question['otherwise']}")
    return "\n".join([head, *texts, *(f"  - {reason}" for reason in line.get("reasons", ()))])


def catalog(
    usecase: Name,
    dataset: Annotated[str, typer.Argument(help="The dataset, or predictions.")],
    as_of: Annotated[
        str | None, typer.Option(help="As known at this moment; the newest when left out.")
    ] = None,
    as_corrected: Annotated[
        bool, typer.Option("--as-corrected", help="The newest, and predictions as restated.")
    ] = False,
) -> None:
    """List the partitions of a dataset with their revisions: as known, or as corrected."""
    from laurel.adapters.store import open_store
    from laurel.cli.moment import moment
    from laurel.domain.canonical import instant
    from laurel.errors import Refused
    from laurel.runs.answers import answers
    from laurel.settings import load_settings

    if as_of and as_corrected:
        raise Refused("an answer is either as known or as corrected", usecase=usecase)
    table = Table("partition", "revision", "rows", "known at", "suite", "md5")
    state = answers(open_store(load_settings()), usecase, dataset, as_corrected=as_corrected)
    known = state.known(moment(as_of)) if as_of else state.newest()
    for revision in known:
        table.add_row(
            revision.partition,
            str(revision.revision),
            f"{revision.rows:,}",
            instant(revision.known_at),
            _outcome(revision),
            revision.md5,
        )
    Console().print(table)


def _outcome(revision: Revision) -> str:
    """What the suite said, or who let the partition through all the same."""
    by = revision.release.by if revision.release else None
    return f"{revision.outcome} by {by}" if by else revision.outcome
