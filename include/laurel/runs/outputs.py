"""The outputs of a run beside those made again: the same bytes, the same within a tolerance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from laurel.adapters.dvc import DataPlane
from laurel.adapters.dvc.bytefiles import md5_of
from laurel.adapters.tables import read_table
from laurel.domain.equivalence import (
    Verdict,
    documents_differ,
    tables_differ,
    texts_differ,
    worst,
)

_PAGES = (".html",)
"""Drawn from a document beside them, which is compared instead."""
_TEXTS = (".csv", ".py", ".txt", ".yaml", ".yml")
TREES = ".ubj"
OTHER_TREES = "other trees, judged by their scores in the evidence"
_EVIDENCE = "/evidence"


@dataclass(frozen=True)
class Compared:
    """An output of the run beside the one made again."""

    path: str
    expected: str
    found: str | None
    verdict: Verdict = "identical"
    told: str | None = None
    """The first thing in which the two differ, beyond their bytes."""

    @property
    def identical(self) -> bool:
        """Whether the bytes are the same."""
        return self.found == self.expected

    def line(self) -> str:
        """The verdict in a line."""
        mark = self.verdict if self.identical else f"{self.verdict}, found {self.found}"
        return f"{self.path}  {self.expected}  {mark}" + (f": {self.told}" if self.told else "")


def compare_outputs(
    plane: DataPlane,
    expected: Mapping[str, Mapping[str, Any]],
    found: Mapping[str, str],
    *,
    folder: Path,
    tolerance: float,
) -> tuple[Compared, ...]:
    """Compare every output of a run with the one of the same path in a folder.

    expected: path → ``{md5, …}`` as the bundle has it. found: path → md5 of what was made again.
    What has other bytes is fetched and looked into. Trees have no numbers to compare: they are
    judged by the scores that they give.
    """
    made = [
        _compare(plane, path, str(output["md5"]), found.get(path), folder, tolerance)
        for path, output in sorted(expected.items())
    ]
    scores = worst([each.verdict for each in made if each.path.endswith(_EVIDENCE)])
    return tuple(_judged(each, scores) for each in made)


def _compare(
    plane: DataPlane, path: str, expected: str, found: str | None, folder: Path, tolerance: float
) -> Compared:
    if found == expected:
        return Compared(path, expected, found)
    if found is None:
        return Compared(path, expected, None, "different", "it was not made")
    before = plane.names(expected) if expected.endswith(".dir") else {"": expected}
    made = folder / path
    after = _md5s(made)
    if before.keys() != after.keys():
        other = ", ".join(sorted(before.keys() ^ after.keys())[:3])
        return Compared(path, expected, found, "different", f"other files: {other}")
    changed = sorted(name for name in before if before[name] != after[name])
    said = {n: _differ(plane, before[n], made / n if n else made, tolerance) for n in changed}
    differing = [f"{name}: {told}" if name else told for name, told in said.items() if told]
    if differing:
        return Compared(path, expected, found, "different", differing[0])
    trees = any(name.endswith(TREES) for name in changed)
    return Compared(path, expected, found, "equivalent", OTHER_TREES if trees else None)


def _differ(plane: DataPlane, md5: str, made: Path, tolerance: float) -> str | None:
    """The first thing in which a file of the run and one made again are not equivalent."""
    kind = made.suffix
    if kind in (*_PAGES, TREES):
        return None
    if kind not in (".json", ".parquet", *_TEXTS):
        return "other bytes"
    then = plane.ensure(md5)
    if kind == ".json":
        documents = (json.loads(file.read_bytes()) for file in (then, made))
        return documents_differ(*documents, tolerance=tolerance)
    if kind == ".parquet":
        return tables_differ(read_table(then), read_table(made), tolerance=tolerance)
    return texts_differ(then.read_text(), made.read_text(), tolerance=tolerance)


def _judged(compared: Compared, scores: Verdict) -> Compared:
    """Other trees are equivalent where they give equivalent scores."""
    judged = compared.told == OTHER_TREES and scores == "different"
    return replace(compared, verdict="different") if judged else compared


def _md5s(made: Path) -> dict[str, str]:
    if made.is_file():
        return {"": md5_of(made)}
    files = (path for path in made.rglob("*") if path.is_file())
    return {path.relative_to(made).as_posix(): md5_of(path) for path in files}
