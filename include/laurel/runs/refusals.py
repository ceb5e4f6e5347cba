"""What a run refuses: into quarantine first, then the error that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from laurel.adapters.quarantine import REFUSED, ROWS, quarantine
from laurel.adapters.tables.spool import Landed
from laurel.domain.partition import Partition
from laurel.errors import ValidationFailed
from laurel.runs.site import Site
from laurel.stages.pull import Refusal
from laurel.usecase import UseCase


def refuse(
    site: Site, usecase: UseCase, dataset: str, *, refused: Mapping[Partition, Refusal]
) -> None:
    """Put partitions into quarantine; raises :class:`ValidationFailed` about the first of them."""
    places = [
        hold(
            site,
            usecase,
            dataset,
            day=day,
            files=one.files,
            rows=one.rows,
            reasons=[str(one.error)],
        )
        for day, one in sorted(refused.items())
    ]
    first = min(refused)
    error = refused[first].error
    raise ValidationFailed(
        f"{len(refused)} partition(s) are in quarantine, nothing of them was published",
        usecase=usecase.name,
        dataset=dataset,
        partition=first.key,
        found=f"{error.fact}\n{error.found}" if error.found is not None else error.fact,
        expected=error.expected,
        hint=error.hint or f"look at it with: laurel quarantine list {usecase.name}",
        detail=places[0],
    )


def hold(
    site: Site,
    usecase: UseCase,
    dataset: str,
    *,
    day: Partition,
    files: Mapping[str, Path],
    rows: int,
    reasons: Sequence[str],
    split: bool = False,
) -> str:
    """Put files of a partition into quarantine; the key of the record that names them.

    ``split`` says that the rest of the partition is let through.
    """
    return quarantine(
        site.store,
        site.plane,
        usecase=usecase.name,
        dataset=dataset,
        partition=day.key,
        files=files,
        rows=rows,
        reasons=reasons,
        at=datetime.now(UTC),
        split=split,
    )


def files_of(landed: Landed) -> dict[str, Path]:
    """All that came of a partition, by the name it has in quarantine."""
    return {ROWS: landed.path} | ({REFUSED: landed.refused} if landed.refused else {})
