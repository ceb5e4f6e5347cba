"""What a challenger said in shadow, beside what was served: read by the end of its probation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from laurel.domain.beside import CHALLENGER, CHAMPION, LABEL, paired
from laurel.domain.catalog import Revision
from laurel.domain.config import PREDICTIONS
from laurel.domain.ledger import LedgerEntry, Probation
from laurel.domain.objective import judged_objective
from laurel.domain.partition import Partition
from laurel.errors import Pending
from laurel.runs.inputs import choose_inputs, line_of
from laurel.runs.matured import load_stamped, matured
from laurel.runs.shadow import complete_shadows, failed, fault_of, find_shadow, shadow_dataset
from laurel.runs.site import Site
from laurel.usecase import UseCase


class ReadShadows:
    """Every revision that a probation is judged by, known by its end."""

    def __init__(
        self, site: Site, usecase: UseCase, entry: LedgerEntry, probation: Probation
    ) -> None:
        self.site, self.usecase, self.entry, self.until = site, usecase, entry, probation.until
        self.faults: dict[str, str] = {}
        self.failed: dict[str, str] = {}
        """Partition → the run in which the challenger failed."""
        self.predictions: list[Revision] = []
        self.shadow: list[Revision] = []
        first, count = Partition.of(probation.first), probation.policy.partitions
        for day in (first.shifted(n) for n in range(count)):
            self._take(day)
        self.labels = self._labels(first, count)

    def _take(self, day: Partition) -> None:
        site, usecase, entry = self.site, self.usecase, self.entry
        served = site.catalog(usecase, PREDICTIONS).read().revision(day.key, self.until)
        if served is None:
            raise self._pending(day, "it has no predictions")
        inputs = choose_inputs(site, usecase, partition=day, champion=entry)
        complete_shadows(site, usecase, inputs, (entry,))
        bundle = find_shadow(site, usecase, inputs, entry)
        if bundle is None:
            raise self._pending(day, "the challenger has not scored it in shadow")
        self.predictions.append(served)
        if failed(bundle):
            self.faults[day.key], self.failed[day.key] = fault_of(bundle), bundle.id
            return
        name = shadow_dataset(entry.model_version or "")
        made = {output["md5"] for output in bundle.outputs.values()}
        known = site.catalog(usecase, name).read().revisions[day.key]
        self.shadow.append(next(each for each in known if each.md5 in made))

    def _pending(self, day: Partition, found: str) -> Pending:
        return Pending(
            f"the probation of {self.entry.model_version} is over and cannot be judged yet",
            usecase=self.usecase.name,
            partition=day.key,
            found=found,
            hint=f"run {self.usecase.name}_score for it, or end the probation: "
            f"laurel decline {self.usecase.name} {self.entry.model_version}",
        )

    def _labels(self, first: Partition, count: int) -> list[Revision]:
        name, delay = self.usecase.config.labels_name, self.usecase.config.label.delay_days
        state = self.site.catalog(self.usecase, name).read()
        days = (first.shifted(n) for n in range(count + delay))
        found = (state.revision(day.key, self.until) for day in days)
        return [revision for revision in found if revision is not None]

    def document(self) -> dict[str, Any]:
        """Every revision read, by dataset."""

        named = {
            PREDICTIONS: self.predictions,
            shadow_dataset(self.entry.model_version or ""): self.shadow,
            self.usecase.config.labels_name: self.labels,
        }
        return {name: [*map(line_of, lines)] for name, lines in named.items() if lines}

    def table(self, folder: Path) -> pd.DataFrame:
        """The rows that both have scored, with the labels that were due."""

        if not self.shadow:
            return no_rows(self.usecase)
        served = load_stamped(self.site, self.predictions, folder=folder / "served")
        labels = load_stamped(self.site, self.labels, folder=folder / "labels")
        shadow = load_stamped(self.site, self.shadow, folder=folder / "shadow")
        labelled = matured(self.usecase, predictions=served, labels=labels)
        return beside_table(self.usecase, shadow, labelled, version=self.entry.model_version or "")


def beside_table(
    usecase: UseCase, shadow: pd.DataFrame, served: pd.DataFrame, *, version: str
) -> pd.DataFrame:
    """Rows that a challenger and the champion have scored, the label as a number."""

    objective = judged_objective(usecase.config)
    table = paired(shadow, served, usecase.config, objective, version=version)
    return table.assign(**{LABEL: objective.encode(table[LABEL])})


def no_rows(usecase: UseCase) -> pd.DataFrame:

    objective = judged_objective(usecase.config)
    scores = (*objective.names(CHALLENGER), *objective.names(CHAMPION))
    columns = {name: pd.Series(dtype="float64") for name in (*scores, LABEL)}
    return pd.DataFrame({**columns, "model_version": pd.Series(dtype="str")})
