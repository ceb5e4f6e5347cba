"""The catalog of a dataset in the store: a journal of what was published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.adapters.journal import Entry, Journal
from laurel.adapters.records.place import placed
from laurel.adapters.store.contract import Store
from laurel.domain.catalog import (
    CatalogReducer,
    CatalogState,
    PartitionFile,
    Revision,
    news,
    publication,
)
from laurel.domain.catalog.publication import Heads
from laurel.domain.data import FileRef, TreeRef
from laurel.domain.journal import Head

Merge = Callable[[str | None, Mapping[str, FileRef]], TreeRef]
"""Merges files, by their name, into a directory object (by md5; ``None`` at first); pushes it."""


@dataclass(frozen=True)
class Published:
    """What a publication added; true when it added something."""

    revisions: tuple[Revision, ...]
    head: Head[CatalogState]

    @property
    def partitions(self) -> tuple[str, ...]:
        """The partitions that have a new revision, in their order."""
        return tuple(revision.partition for revision in self.revisions)

    def __bool__(self) -> bool:
        return bool(self.revisions)


class Catalog:
    """The catalog of one dataset of one use case."""

    def __init__(self, store: Store, usecase: str, dataset: str) -> None:
        self.usecase = usecase
        self.dataset = dataset
        self.prefix = f"catalog/{usecase}/{dataset}"
        self._journal = Journal(store, self.prefix, CatalogReducer())

    def read(self) -> CatalogState:
        """What is published; raises :class:`StoreFault` when the store cannot be read."""
        return self.head().state

    def head(self) -> Head[CatalogState]:
        """What is published, with the number and digest of the entry that said so last."""
        with placed(self.usecase, self.dataset):
            return self._journal.read()

    def entries(self) -> Iterator[Entry]:
        """Every entry, checked to follow the one before it; raises as :meth:`audit`."""
        with placed(self.usecase, self.dataset):
            yield from self._journal.entries()

    def publish(
        self,
        files: Sequence[PartitionFile],
        *,
        merge: Merge,
        run: str,
        published_at: datetime,
        heads: Heads | None = None,
    ) -> Published:
        """Publish files that are pushed already, in one entry; equal content adds nothing.

        ``merge`` is called with the directory object of the head, and anew after each lost race.
        ``heads`` witnesses where other journals stood.

        Raises :class:`IntegrityError` when the merged directory lacks a partition,
        :class:`DataError` when ``files`` names one twice, :class:`Contention`, :class:`StoreFault`.
        """

        def decide(head: Head[CatalogState]) -> dict[str, Any] | None:
            fresh = news(head.state, files)
            if not fresh:
                return None
            tree = merge(head.state.tree, {file.name: file.file for file in fresh})
            return publication(
                head.state, fresh, tree=tree, run=run, published_at=published_at, heads=heads
            )

        with placed(self.usecase, self.dataset):
            head, entry = self._journal.append(decide)
        keys = [line["partition"] for line in entry.body["partitions"]] if entry else []
        return Published(tuple(head.state.revisions[key][-1] for key in keys), head)

    def audit(self, trusted: tuple[int, str] | None = None) -> Head[CatalogState]:
        """Recompute the whole journal; raises :class:`IntegrityError` naming what was changed."""
        with placed(self.usecase, self.dataset):
            return self._journal.audit(trusted)
