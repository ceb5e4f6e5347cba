"""Prove runs: every file that one left has the bytes that the journal of runs names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from laurel.adapters.dvc.inventory import each
from laurel.adapters.records.runs import OBSERVED
from laurel.adapters.store import Store
from laurel.domain.bundle import bundle_prefix
from laurel.domain.proof import Finding
from laurel.domain.run_record import RunRecord, parse_run_record
from laurel.errors import IntegrityError, NotFound
from laurel.runs.proof.walk import Walked

THREADS = 16
"""Files read at once."""
LISTS = {"reports": "report.json", "restatements": "restatement.json"}
"""Where pages look for the newest runs, and the file of a run that a line of it is made of."""
WORDS = {"reports": ("verdict", "sentence"), "restatements": ("sentence", "sentence")}
"""What that file says, and what the line calls it."""


def prove_runs(store: Store, usecase: str, walked: Walked) -> Iterator[Finding | str]:
    """What contradicts the journal of runs; a text is a remark about what it does not name."""
    records = _newest(walked)
    named = {
        f"{bundle_prefix(usecase, record.kind, record.run)}/{name}": sha256
        for record in records.values()
        for name, sha256 in record.files.items()
    }

    def read(key: str) -> str | None:
        try:
            return hashlib.sha256(store.read(key)).hexdigest()
        except NotFound:
            return None

    for key, found in zip(named, each(read, list(named), threads=THREADS), strict=True):
        if found is None:
            yield Finding(key, "the file is missing", None, named[key])
        elif found != named[key]:
            fault = "the file is not the one that the journal of runs names"
            yield Finding(key, fault, found, named[key])
    for key in store.keys(f"runs/{usecase}/"):
        if key not in named and f"/{OBSERVED}" not in key:
            yield f"{key}: no entry of the journal of runs names it"
    yield from _under_their_digest(store, "environments/")
    for folder in LISTS:
        yield from _listed(store, usecase, folder)


def _under_their_digest(store: Store, folder: str) -> Iterator[Finding]:
    """Documents that are called by the digest of what they say."""
    for key in store.keys(folder):
        found = hashlib.sha256(store.read(key)).hexdigest()
        if key != f"{folder}{found}.json":
            yield Finding(key, "the document is not the one that its name says", found)


def _newest(walked: Walked) -> Mapping[str, RunRecord]:
    records: dict[str, RunRecord] = {}
    for entry in walked.entries:
        try:
            record = parse_run_record(entry)
        except IntegrityError as error:
            walked.wrong(f"{walked.prefix}, entry {entry.number}", error)
            continue
        records[record.name] = record
    return records


def _listed(store: Store, usecase: str, folder: str) -> Iterator[Finding]:
    """Each line of a list says of its run what the run's own file says."""
    theirs, ours = WORDS[folder]
    for key in store.keys(f"{folder}/{usecase}/"):
        try:
            line = json.loads(store.read(key))
            prefix, _, _ = str(line["page"]).rpartition("/")
            made = json.loads(store.read(f"{prefix}/{LISTS[folder]}"))
            run, said, expected = str(line["run"]), line[ours], made[theirs]
        except (ValueError, KeyError, TypeError, NotFound) as error:
            yield Finding(key, "the line of a list cannot be read", repr(error)[:100])
            continue
        if said != expected or not key.endswith(f"/{run}.json") or not prefix.endswith(f"/{run}"):
            yield Finding(key, "the line is not what its run says", str(said), str(expected))
