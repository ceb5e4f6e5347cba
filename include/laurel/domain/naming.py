"""What records name: each object with its size, where a record says one, and who names it.

An object that is named must be there, whole; one that nothing names may be dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from laurel.domain.bundle import Bundle

Role = Literal["partition", "directory", "output", "input", "quarantine"]

_MD5 = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?:\.dir)?(?![0-9a-f])")


@dataclass(frozen=True, slots=True)
class By:
    """A record that names an object."""

    role: Role
    usecase: str
    place: str
    """The dataset; of a run the path in its workspace."""
    partition: str = ""
    revision: int = 0
    """Of a directory the number of the catalog's entry."""
    run: str = ""
    """``<kind>/<id>``."""
    model_version: str = ""
    """Of a run: the model that it made or used."""

    def text(self) -> str:
        """Who names it, in words.

        >>> By("partition", "toy", "visits", "2024-01-05", 2).text()
        'toy visits 2024-01-05, revision 2'
        >>> By("output", "toy", "data/toy/model", run="train/1a2b", model_version="toy-1").text()
        'run train/1a2b of toy (toy-1), its output data/toy/model'
        """
        if self.role == "partition":
            return f"{self.usecase} {self.place} {self.partition}, revision {self.revision}"
        if self.role == "directory":
            return f"{self.usecase} {self.place}, the directory after entry {self.revision}"
        if self.role == "quarantine":
            return f"{self.usecase} {self.place} {self.partition}, in quarantine"
        model = f" ({self.model_version})" if self.model_version else ""
        return f"run {self.run} of {self.usecase}{model}, its {self.role} {self.place}"

    def document(self) -> dict[str, Any]:
        """Plain JSON values, without what is empty."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Name:
    """One record's word on one object."""

    md5: str
    size: int | None
    """Bytes; ``None`` where the record does not say. Of a directory object those of its text."""
    by: By


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory that a run names: its members are named through it."""

    md5: str
    total: int | None
    """Bytes of all its files."""
    by: By


@dataclass(slots=True)
class Named:
    """All that is said of one object."""

    size: int | None = None
    by: dict[By, None] = field(default_factory=dict)
    """Who says it, each once, in the order of reading."""

    def add(self, name: Name) -> None:
        """Take in another record's word."""
        self.size = name.size if self.size is None else self.size
        self.by[name.by] = None


def collect(names: Iterable[Name], into: dict[str, Named] | None = None) -> dict[str, Named]:
    """What is said of each object, by its md5.

    >>> by = By("partition", "toy", "visits", "2024-01-05", 1)
    >>> collect([Name("ab", None, by), Name("ab", 7, by)])["ab"].size
    7
    """
    found = {} if into is None else into
    for name in names:
        found.setdefault(name.md5, Named()).add(name)
    return found


def bundle_folders(bundle: Bundle) -> Iterator[Folder]:
    """The directories that a bundle names: outputs, and the windows that the run read."""
    for path, output in sorted(bundle.outputs.items()):
        if str(output["md5"]).endswith(".dir"):
            yield Folder(str(output["md5"]), output.get("size"), _by(bundle, "output", path))
    for path, text in sorted(bundle.files.items()):
        if path.endswith(".dvc"):
            for out in yaml.safe_load(text)["outs"]:
                by = _by(bundle, "input", path.removesuffix(".dvc"))
                yield Folder(str(out["md5"]), out.get("size"), by)


def bundle_files(bundle: Bundle) -> Iterator[Name]:
    """The single files that a bundle names among its outputs."""
    for path, output in sorted(bundle.outputs.items()):
        if not str(output["md5"]).endswith(".dir"):
            yield Name(str(output["md5"]), output.get("size"), _by(bundle, "output", path))


def mentioned(record: bytes) -> set[str]:
    """Everything in the bytes of a record that could be the md5 of an object.

    What this finds is never dropped, whatever record of whatever version says it.

    >>> sorted(mentioned(b'{"a":"d751713988987e9331980363e24189ce.dir","b":"' + b"0" * 64 + b'"}'))
    ['d751713988987e9331980363e24189ce.dir']
    """
    return {found.decode() for found in _MD5.findall(record)}


def _by(bundle: Bundle, role: Role, path: str) -> By:
    return By(
        role=role,
        usecase=bundle.usecase,
        place=path,
        run=f"{bundle.kind}/{bundle.id}",
        model_version=bundle.model_version or "",
    )
