"""The reports of nights, found from the store: of several of one night, the one that knows most."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from laurel.adapters.records import find_bundle
from laurel.adapters.store import Store
from laurel.domain.bundle import bundle_prefix
from laurel.domain.nights import NightLine, parse_line

THREADS = 16
"""Reads under way at once."""


@dataclass(frozen=True)
class NightReport:
    """One listed report."""

    usecase: str
    line: NightLine
    """As it is listed."""
    store: Store

    @property
    def partition(self) -> str:
        """The night."""
        return self.line.partition

    @property
    def run(self) -> str:
        """The run that wrote it."""
        return self.line.run

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The report as it was written."""
        prefix = bundle_prefix(self.usecase, "monitor", self.run)
        found: Mapping[str, Any] = json.loads(self.store.read(f"{prefix}/report.json"))
        return found


def list_reports(
    store: Store, usecase: str, nights: Collection[str] | None = None
) -> tuple[NightReport, ...]:
    """The newest report of each night, or of some, in the order of nights."""
    prefix = f"reports/{usecase}/"
    keys: dict[str, list[str]] = {}
    for key in store.keys(prefix):
        night = key.removeprefix(prefix).partition("/")[0]
        if nights is None or night in nights:
            keys.setdefault(night, []).append(key)
    with ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda night: _newest(store, usecase, keys[night]), sorted(keys))
        return tuple(found)


def newest_documents(
    store: Store, usecase: str, nights: Iterable[str]
) -> dict[str, Mapping[str, Any]]:
    """Partition → the document of its newest report, where there is one."""
    return {each.partition: each.document for each in list_reports(store, usecase, set(nights))}


def _newest(store: Store, usecase: str, keys: list[str]) -> NightReport:
    listed = [json.loads(store.read(key)) for key in keys]
    if len(listed) > 1:
        listed.sort(key=lambda said: _knows(store, usecase, said["run"]))
    return NightReport(usecase, parse_line(listed[-1]), store)


def _knows(store: Store, usecase: str, run: str) -> tuple[int, int, bool, str]:
    """How much a report knew: revisions read, acknowledgements, whether it was calibrated."""
    bundle = find_bundle(store, usecase, "monitor", run)
    inputs = bundle.inputs if bundle else {}
    read = sum(number for lines in inputs.get("read", {}).values() for _, number, *_ in lines)
    alarms = inputs.get("alarms", {})
    said = len(alarms.get("acknowledgements", ()))
    return read, said, bool(alarms.get("calibration")), run
