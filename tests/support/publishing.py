"""A store with a history, made without any use case: small files published, restated, left over."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from laurel.adapters.dvc.remote import object_key
from laurel.adapters.records import Catalog, PartitionFile, write_bundle, write_environment
from laurel.domain.bundle import Bundle, Code, Environment
from laurel.domain.data import FileRef
from laurel.domain.partition import Partition
from laurel.runs.site import Site

NOW = datetime(2024, 3, 1, tzinfo=UTC)
USECASE = "shop"


@dataclass(frozen=True)
class History:
    """What happened in a store."""

    site: Site
    folder: Path

    def put(self, files: Mapping[str, bytes]) -> dict[str, FileRef]:
        """Push the bytes of files, and name them nowhere."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (self.folder / name).write_bytes(data)
        return self.site.plane.put({name: self.folder / name for name in files})

    def publish(self, dataset: str, contents: Mapping[str, bytes]) -> tuple[str, ...]:
        """Publish partitions whose files have these bytes, in one entry."""
        refs = self.put(contents)
        files = [
            PartitionFile(
                partition=day,
                md5=ref.md5,
                size=ref.size,
                content_hash=hashlib.sha256(contents[day]).hexdigest(),
                rows=1,
                fingerprint="source",
                suite="suite",
                outcome="passed",
                known_at=Partition.of(day).end,
            )
            for day, ref in refs.items()
        ]
        catalog = Catalog(self.site.store, USECASE, dataset)
        merge = self.site.plane.merge
        return catalog.publish(files, merge=merge, run="run", published_at=NOW).partitions

    def train(self, run: str, model: Mapping[str, bytes], window: Mapping[str, FileRef]) -> Bundle:
        """The bundle of a training that read a window and made the files of a model."""
        tree = self.site.plane.merge(None, self.put(model))
        read = self.site.plane.merge(None, window)
        pointer = {"outs": [{"md5": read.md5, "size": read.size, "path": "visits"}]}
        store = self.site.store
        packages = write_environment(store, ["laurel 0.1.0"])
        bundle = Bundle(
            id=run,
            kind="train",
            usecase=USECASE,
            as_of=NOW,
            model_version=f"{USECASE}-{run}",
            code=Code(dirty=False, version="0.1.0"),
            environment=Environment(
                python="3.11", packages=packages, machine="x86_64", libc="glibc"
            ),
            outputs={"data/shop/model": {"md5": tree.md5, "size": tree.size, "nfiles": len(model)}},
            files={"data/shop/inputs/visits.dvc": yaml.safe_dump(pointer)},
        )
        store.create(f"{bundle.prefix}/decision.html", b"page")
        write_bundle(store, bundle)
        return bundle

    def stored(self, md5: str) -> Path:
        """Where the remote has an object."""
        return Path(self.site.plane.remote.url) / object_key(md5)

    def cached(self, md5: str) -> Path:
        """Where the cache has an object."""
        return self.site.settings.cache / object_key(md5)

    def age(self, days: float) -> None:
        """Let everything written so far be that many days older."""
        roots = (self.site.settings.cache, Path(self.site.plane.remote.url))
        for path in (*(p for root in roots for p in root.rglob("*")), *self.workspaces()):
            state = path.stat()
            os.utime(path, (state.st_atime, state.st_mtime - days * 86_400))

    def workspaces(self) -> list[Path]:
        """The folders of runs."""
        return sorted((self.site.settings.home / "workspaces").glob("*"))


def overwrite(path: Path, data: bytes) -> None:
    """Change a read-only file in place, as nobody may."""
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)
