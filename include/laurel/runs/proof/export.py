"""Export: a self-contained package of records that an auditor verifies without Laurel."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from laurel.adapters.dvc.inventory import Inventory, open_inventory
from laurel.adapters.dvc.listing import Listing
from laurel.adapters.dvc.remote import object_key
from laurel.adapters.records import Catalog, Ledger, read_bundle
from laurel.domain.canonical import canonical_json, instant
from laurel.domain.config import PREDICTIONS
from laurel.domain.ledger import LedgerEntry
from laurel.errors import Refused
from laurel.runs.proof.journals import heads
from laurel.runs.site import Site

MOMENT = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the package: equal records give equal bytes."""
README = """\
What this is: the records of the use case {usecase} in {store}.
Whole journals (ledger and catalogs), because a chain is proved from its first entry; the bundles,
evidence and pages of decisions with as_of from {first} to {last}, and of predictions of those days.

To verify it: python3 verify.py     (Python 3.11 or later, nothing else)
With heads that were kept outside the store: python3 verify.py --heads heads.json
With a public key whose signatures you trust: python3 verify.py --key key.pub

verify.py is short and needs nothing of Laurel: read it before you believe it.
"""


@dataclass(frozen=True)
class Exported:
    """What a package holds."""

    file: Path
    decisions: int
    predictions: int
    files: int
    sha256: str
    """Of the package."""

    def sentence(self) -> str:
        """What was written, in a sentence."""
        return (
            f"wrote {self.file}: {self.decisions} decisions, {self.predictions} predictions, "
            f"{self.files} files; sha256 {self.sha256}"
        )


def export(site: Site, usecase: str, *, first: datetime, last: datetime, file: Path) -> Exported:
    """Write the package of decisions with as_of, and predictions of partitions, in [first, last].

    Equal records give equal bytes. Raises :class:`Refused` where the file exists or there are no
    records, :class:`laurel.errors.IntegrityError` where a journal is not whole.
    """
    if file.exists():
        raise Refused("a package is never overwritten", found=str(file), hint="name another file")
    prefixes = sorted(heads(site, usecase))
    chosen = [
        entry
        for entry in Ledger(site.store, usecase).read().history
        if first <= entry.as_of <= last and entry.run and entry.bundle
    ]
    keys = [key for prefix in prefixes for key in site.store.keys(f"{prefix}/entries/")]
    keys += list(site.store.keys(f"signatures/{usecase}/"))
    scored = _scored(site, usecase, first=first, last=last)
    runs = [f"runs/{usecase}/train/{entry.run}/" for entry in chosen]
    ended = [entry.concluded.run for entry in chosen if entry.concluded]
    runs += [f"runs/{usecase}/probation/{run}/" for run in ended]
    runs += [f"runs/{usecase}/score/{run}/" for run in scored]
    for run in dict.fromkeys(runs):
        keys += [key for key in site.store.keys(run) if "/observed/" not in key]
    files = {f"records/{key}": site.store.read(key) for key in keys}
    files |= _objects(site, usecase, chosen)
    files |= _words(site, usecase, first=first, last=last)
    manifest = {
        "laurel": metadata.version("laurel"),
        "usecase": usecase,
        "from": instant(first),
        "to": instant(last),
        "journals": prefixes,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    _write(file, {**files, "manifest.json": canonical_json(manifest)})
    package = hashlib.sha256(file.read_bytes()).hexdigest()
    return Exported(file, len(chosen), len(scored), len(files) + 1, package)


def _scored(site: Site, usecase: str, *, first: datetime, last: datetime) -> list[str]:
    """The runs that made the predictions of these days, every revision."""
    published = Catalog(site.store, usecase, PREDICTIONS).read().revisions
    days = (instant(first)[:10], instant(last)[:10])
    return [
        revision.run
        for partition, revisions in sorted(published.items())
        if days[0] <= partition <= days[1]
        for revision in revisions
    ]


def _objects(site: Site, usecase: str, chosen: list[LedgerEntry]) -> dict[str, bytes]:
    """The evidence of the decisions, with the directory objects that name it."""
    inventory = open_inventory(site.settings)
    found: dict[str, bytes] = {}
    for entry in chosen:
        bundle = read_bundle(
            site.store, usecase, "train", run=entry.run or "", expected=entry.bundle
        )
        found |= dict(_evidence(inventory, bundle.outputs[f"data/{usecase}/evidence"]))
    return found


def _evidence(inventory: Inventory, output: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    tree = str(output["md5"])
    text = inventory.read(object_key(tree))
    yield f"objects/{tree}", text
    md5 = Listing(text).find("evidence.json")
    if md5 is not None:
        yield f"objects/{md5}", inventory.read(object_key(md5))


def _words(site: Site, usecase: str, *, first: datetime, last: datetime) -> dict[str, bytes]:
    """What a person reads, and the program that verifies."""
    text = README.format(
        usecase=usecase, store=site.store.url, first=instant(first), last=instant(last)
    )
    program = resources.files("laurel.runs.proof").joinpath("standalone.py").read_bytes()
    return {"README.txt": text.encode(), "verify.py": program}


def _write(file: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(file, "x", zipfile.ZIP_DEFLATED) as package:
        for name, data in sorted(files.items()):
            about = zipfile.ZipInfo(name, MOMENT)
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = 0o644 << 16
            package.writestr(about, data)
