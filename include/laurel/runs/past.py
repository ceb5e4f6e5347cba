"""What checks compare a partition with: profiles in the store, found from the records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from laurel.adapters.gx import Validation
from laurel.adapters.records import find_bundle
from laurel.adapters.store import Store
from laurel.domain.canonical import canonical_json
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.check.past import Past
from laurel.domain.check.profile import Profile, pool
from laurel.domain.config import PREDICTIONS
from laurel.domain.ledger import LedgerState
from laurel.domain.partition import Partition
from laurel.errors import NotFound
from laurel.runs.site import Site
from laurel.usecase import UseCase


@dataclass(frozen=True)
class SitePast:
    """The past of one dataset, for one run: each record and each profile is read once."""

    site: Site
    usecase: UseCase
    dataset: str
    folder: Path
    """Where files of other datasets are laid."""
    _read: dict[str, Profile | None] = field(default_factory=dict)
    _states: dict[str, CatalogState] = field(default_factory=dict)

    @property
    def first(self) -> date:
        """The first partition of the dataset."""
        config = self.usecase.config
        if self.dataset == PREDICTIONS:
            return config.scoring.start or config.training.start
        return config.first_of(self.dataset).date()

    def past(self, partition: Partition, days: Sequence[date]) -> Past:
        """Profiles of earlier days, those that are there, as known when the partition ended."""
        state = self._state(self.dataset)
        found = {}
        for day in days:
            revision = state.revision(Partition(day).key, partition.end)
            profile = revision and self._profile(revision.content_hash)
            if profile:
                found[day] = profile
        return found

    def champion(self, partition: Partition) -> Profile | None:
        """What the champion at the partition's start learned from, of this dataset.

        ``None`` where none reigned, or where not every partition that it read has a profile.
        """
        entry = self._ledger.champion_as_of(partition.start)
        return self._trained(entry.run) if entry and entry.run else None

    def others(
        self, dataset: str, partition: Partition, *, before: int, after: int
    ) -> tuple[Path, ...]:
        """Files of another dataset's partitions around a day, as known when the day ended."""
        state = self._state(dataset)
        days = (partition.shifted(n) for n in range(-before, after + 1))
        known = [state.revision(day.key, partition.end) for day in days]
        files = {self._place(dataset, each): each.md5 for each in known if each is not None}
        self.site.plane.place({path: md5 for path, md5 in files.items() if not path.exists()})
        return tuple(files)

    def _place(self, dataset: str, revision: Revision) -> Path:
        return self.folder / "others" / dataset / f"{revision.md5}.parquet"

    @cached_property
    def _ledger(self) -> LedgerState:
        return self.site.ledger(self.usecase).read()

    def _state(self, dataset: str) -> CatalogState:
        if dataset not in self._states:
            self._states[dataset] = self.site.catalog(self.usecase, dataset).read()
        return self._states[dataset]

    def _profile(self, content_hash: str) -> Profile | None:
        if content_hash not in self._read:
            key = profile_key(self.usecase.name, self.dataset, content_hash)
            self._read[content_hash] = _json(self.site.store, key)
        return self._read[content_hash]

    def _trained(self, run: str) -> Profile | None:
        """Pooled once for each training, and kept: a model reads hundreds of partitions."""
        name = f"trained-{run}"
        if (kept := self._profile(name)) is not None:
            return kept
        training = find_bundle(self.site.store, self.usecase.name, "train", run)
        lines = training.inputs.get("datasets", {}).get(self.dataset, ()) if training else ()
        parts = [self._profile(line["content_hash"]) for line in lines]
        known = [part for part in parts if part is not None]
        if not known or len(known) < len(parts):
            return None
        self._read[name] = pool(known)
        key = profile_key(self.usecase.name, self.dataset, name)
        self.site.store.create(key, canonical_json(self._read[name]))
        return self._read[name]


def profile_key(usecase: str, dataset: str, content_hash: str) -> str:
    """Where the profile of a content is: any revision's is found from the catalog.

    >>> profile_key("flights", "weather", "9f86d081")
    'profiles/flights/weather/9f86d081.json'
    """
    return f"profiles/{usecase}/{dataset}/{content_hash}.json"


def keep_profiles(
    site: Site, usecase: UseCase, dataset: str, profiles: Iterable[tuple[str, Profile]]
) -> None:
    """Keep profiles by the content hash of their rows; equal content has one already."""
    for content_hash, profile in profiles:
        key = profile_key(usecase.name, dataset, content_hash)
        site.store.create(key, canonical_json(profile))


def keep_failures(
    site: Site, prefix: str, dataset: str, validations: Mapping[Partition, Validation]
) -> None:
    """Keep what was not met, beside a run's Data Docs, for the reports of these days."""
    for partition, validation in validations.items():
        if validation.failures:
            said = [
                {
                    "severity": each.severity,
                    "text": each.line(f"{each.observed}; expected {each.expected}"),
                }
                for each in validation.failures
            ]
            document = {"outcome": validation.outcome, "failures": said}
            site.store.create(_failures_key(prefix, dataset, partition), canonical_json(document))


def read_failures(site: Site, prefix: str, dataset: str, partition: str) -> list[dict[str, str]]:
    """What :func:`keep_failures` kept: ``severity`` and ``text`` of each; none where nothing is."""
    document = _json(site.store, _failures_key(prefix, dataset, Partition.of(partition)))
    return list(document["failures"]) if document else []


def said_of(site: Site, usecase: UseCase, dataset: str, revision: Revision) -> list[str]:
    """What was not met by a published revision: each warning, infos counted, who released it."""
    said = []
    if (note := revision.release) is not None:
        said.append(f"released from quarantine by {note.by}: {note.reason}")
    prefix = f"runs/{usecase.name}/ingest/{revision.run}"
    failures = read_failures(site, prefix, dataset, revision.partition)
    said += [each["text"] for each in failures if each["severity"] == "warning"]
    if infos := sum(each["severity"] == "info" for each in failures):
        said.append(f"{infos} of severity info, in the Data Docs of the run")
    if revision.outcome == "warnings" and not failures:
        said.append("not every expectation was met; the Data Docs of the run say which")
    return said


def _failures_key(prefix: str, dataset: str, partition: Partition) -> str:
    return f"{prefix}/validation/{dataset}-{partition.key}.json"


def _json(store: Store, key: str) -> dict[str, Any] | None:
    try:
        return dict(json.loads(store.read(key)))
    except NotFound:
        return None
