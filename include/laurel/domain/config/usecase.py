"""All of ``usecase.yaml``."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from typing import Any

from pydantic import Field, model_validator

from laurel.domain.config import tuning
from laurel.domain.config.alarms import Alarms
from laurel.domain.config.base import Frozen, Name
from laurel.domain.config.card import Card
from laurel.domain.config.check import Reference
from laurel.domain.config.dataset import Dataset, Role
from laurel.domain.config.examination import Examination
from laurel.domain.config.gate import Gate
from laurel.domain.config.learning import Features, Label, Monitoring, Scoring, Training
from laurel.domain.config.names import OWN_COLUMNS, OWN_TABLES, ROWS
from laurel.domain.config.objective import faults
from laurel.domain.config.source import PythonSource, Source


class UseCaseConfig(Frozen):
    """All of ``usecase.yaml``."""

    name: Name
    title: str
    description: str = ""
    owner: str
    tags: tuple[str, ...] = ()
    start: date
    """The first partition of every dataset."""
    end: date | None = None
    """The last partition there will ever be: nothing is scheduled after it."""
    source: Source = PythonSource()
    datasets: dict[Name, Dataset]
    label: Label
    features: Features = Features()
    training: Training
    gate: Gate
    scoring: Scoring
    monitoring: Monitoring = Monitoring()
    alarms: Alarms = Field(default=Alarms(), exclude=True)
    """When an alarm is believed and whom it is told; a training does not depend on it."""
    examination: Examination = Field(default=Examination(), exclude=True)
    """The scheduled check of features; a training does not depend on it."""
    card: Card = Field(default=Card(), exclude=True)
    """The written part of the model card; a training does not depend on it."""

    @model_validator(mode="after")
    def _one_of_each(self) -> UseCaseConfig:
        for role in ("rows", "labels"):
            count = sum(dataset.role == role for dataset in self.datasets.values())
            if count != 1:
                raise ValueError(f"exactly one dataset has the role {role!r}, found {count}")
        if self.label.column not in self.labels.columns:
            raise ValueError(
                f"the label column {self.label.column!r} is not in {self.labels_name!r}"
            )
        if self.rows.key != self.labels.key:
            raise ValueError(f"rows have key {self.rows.key}, labels {self.labels.key}: must equal")
        taken = self._taken()
        if taken:
            raise ValueError(f"these names are Laurel's own: {', '.join(taken)}; rename them")
        shared = [name for name in self.labels.columns if name in self.rows.columns]
        if set(shared) - set(self.rows.key):
            raise ValueError(f"rows and labels may share their key alone, but share {shared}")
        for name, asked in self.gate.sliced.items():
            strange = [column for column in asked if column not in self.rows.columns]
            if strange:
                raise ValueError(
                    f"gate.{name} must be columns of the rows, these are not: {strange}"
                )
        return self

    @model_validator(mode="after")
    def _keeps_to_its_objective(self) -> UseCaseConfig:
        if found := list(chain(faults(self), tuning.faults(self))):
            raise ValueError("; ".join(found))
        return self

    @model_validator(mode="after")
    def _references_lead_somewhere(self) -> UseCaseConfig:
        for name, dataset in self.datasets.items():
            for check in dataset.checks:
                if isinstance(check, Reference) and (fault := self._fault(dataset, check)):
                    raise ValueError(f"a check of {name} refers to {fault}")
        return self

    def _fault(self, dataset: Dataset, check: Reference) -> str | None:
        """What a reference refers to that is not there, or cannot be compared."""
        other = self.datasets.get(check.dataset)
        if other is None:
            return f"the dataset {check.dataset!r}; there are: {', '.join(self.datasets)}"
        for mine, theirs in zip(check.columns, check.to, strict=True):
            if theirs not in other.columns:
                return f"{check.dataset}.{theirs}, which is no column"
            if dataset.columns[mine].type != other.columns[theirs].type:
                return f"{check.dataset}.{theirs}, which is of another type than {mine}"
        return None

    @model_validator(mode="after")
    def _a_suite_each(self) -> UseCaseConfig:
        suites = [dataset.suite for dataset in self.datasets.values()]
        suites += [self.training.suite, self.scoring.suite]
        twice = sorted({name for name in suites if suites.count(name) > 1})
        if twice:
            raise ValueError(f"a suite is of one table, but these are named twice: {twice}")
        return self

    def _taken(self) -> list[str]:
        """Datasets and columns whose names mean something else in snapshots and features."""
        tables = [name for name in OWN_TABLES if name in self.datasets]
        # what is called rows may also be the dataset of rows itself
        tables = [name for name in tables if not (name == ROWS and self.rows_name == name)]
        return tables + [
            f"{name}.{column}"
            for name, dataset in self.datasets.items()
            for column in OWN_COLUMNS
            if column in dataset.columns
        ]

    def _named(self, role: Role) -> str:
        return next(name for name, data in self.datasets.items() if data.role == role)

    @property
    def rows_name(self) -> str:
        """Name of the dataset that is scored."""
        return self._named("rows")

    @property
    def labels_name(self) -> str:
        """Name of the dataset that holds the labels."""
        return self._named("labels")

    @property
    def context_names(self) -> tuple[str, ...]:
        """Names of the other datasets, sorted."""
        return tuple(sorted(n for n, data in self.datasets.items() if data.role == "context"))

    @property
    def rows(self) -> Dataset:
        return self.datasets[self.rows_name]

    @property
    def labels(self) -> Dataset:
        return self.datasets[self.labels_name]

    @property
    def hidden(self) -> frozenset[str]:
        """Columns that name a person, in any dataset: of features called so no value is shown."""
        return frozenset().union(*(dataset.hidden for dataset in self.datasets.values()))

    @property
    def label_delay(self) -> timedelta:
        """Time between a row's event and the arrival of its label."""
        return timedelta(days=self.label.delay_days)

    @property
    def decision_lag(self) -> timedelta:
        """Time between as_of and the decision's effect."""
        return timedelta(days=self.training.decision_lag_days)

    @property
    def horizon(self) -> timedelta:
        """Time between score_cutoff and the partition's start."""
        return timedelta(hours=self.scoring.horizon_hours)

    @property
    def first_instant(self) -> datetime:
        """Midnight in UTC of the first partition."""
        return datetime.combine(self.start, time(), UTC)

    def first_of(self, dataset: str) -> datetime:
        """Midnight in UTC of a dataset's first partition.

        Labels of the first day arrive a delay later: earlier partitions of theirs hold nothing.
        """
        is_labels = self.datasets[dataset].role == "labels"
        return self.first_instant + (self.label_delay if is_labels else timedelta(0))

    def document(self) -> dict[str, Any]:
        """The configuration as plain JSON values."""
        return self.model_dump(mode="json")
