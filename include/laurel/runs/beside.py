"""Challengers loaded beside a scoring: those in shadow, and the canary that answers with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from laurel.domain.ledger import LedgerEntry
from laurel.runs.answering import Answering
from laurel.runs.inputs import Inputs, lay_model
from laurel.runs.site import Site
from laurel.stages.predictions import Written
from laurel.stages.score import Given, Scorer
from laurel.stages.shadow import Challenger, WrittenShadow, write_beside
from laurel.usecase import UseCase


@dataclass
class Shadows:
    """The challengers that go along with one scoring, or with one shard of it."""

    challengers: list[Challenger]
    broken: list[WrittenShadow]
    """Those that could not even be loaded."""

    def written(self) -> list[WrittenShadow]:
        """What each of them said, once the scoring is over."""
        return [*self.broken, *(each.written() for each in self.challengers)]


def load_shadows(
    site: Site,
    usecase: UseCase,
    entries: Sequence[LedgerEntry],
    *,
    given: Given,
    beside: Scorer,
    folder: Path,
    canary: Answering | None,
) -> Shadows:
    """Load challengers for the rows of a scorer; one that cannot be loaded is among the broken."""
    found = Shadows([], [])
    for entry in entries:
        version = entry.model_version or ""
        own = folder / "shadow" / version
        path = own / f"{given.partition.key}.parquet"
        answers = canary.canary if canary and canary.entry.model_version == version else None
        try:
            model = lay_model(site, usecase, entry=entry, folder=own / "model")
            scorer = Scorer(usecase, given, model=model, beside=beside)
            challenger = Challenger(version, scorer, path, canary=answers)
        except Exception as error:
            broken = WrittenShadow(version, path, fault=error)
            if answers is not None and broken.passing:
                raise  # who answers must not depend on luck
            found.broken.append(broken)
        else:
            found.challengers.append(challenger)
    return found


def write_answers(
    site: Site,
    usecase: UseCase,
    inputs: Inputs,
    *,
    given: Given,
    model: Path,
    path: Path,
    version: str,
) -> Written:
    """The predictions of a scoring once more: the champion's, and those of its canary.

    model: the folder of the champion's model; version: what it is called. Raises as a scoring does.
    """
    scorer = Scorer(usecase, given, model=model)
    entries = [inputs.canary.entry] if inputs.canary else []
    shadows = load_shadows(
        site,
        usecase,
        entries,
        given=given,
        beside=scorer,
        folder=model.parent,
        canary=inputs.canary,
    )
    return write_beside(scorer, path, model_version=version, challengers=shadows.challengers)
