"""What the overview shows of a use case: its summary, with addresses in place of keys."""

from __future__ import annotations

from dataclasses import dataclass

from laurel.adapters.store import Store
from laurel.runs.summary import Summary, summarise
from laurel.usecase import UseCase
from laurel_airflow.links import PREFIX

DECISIONS = 8


@dataclass(frozen=True)
class Overview:
    """A use case and what has become of it."""

    name: str
    title: str
    owner: str
    summary: Summary

    @property
    def nights(self) -> str:
        """The address of the index of all nights."""
        return f"{PREFIX}/nights/{self.name}"

    @property
    def newest_decisions(self) -> tuple[object, ...]:
        """The decisions made last, the newest first."""
        return tuple(reversed(self.summary.decisions))[:DECISIONS]


def overview(store: Store, usecase: UseCase) -> Overview:
    """Read the records of a use case; raises :class:`laurel.errors.StoreFault`."""
    config = usecase.config
    return Overview(
        name=config.name,
        title=config.title,
        owner=config.owner,
        summary=summarise(store, usecase),
    )
