"""What differs between a training run and the same run made again: the first cause first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from laurel.adapters.dvc import DataPlane
from laurel.adapters.tables import read_table
from laurel.domain.bundle import Bundle
from laurel.domain.window import window_files


def changed_inputs(plane: DataPlane, bundle: Bundle, clone: Path) -> Iterator[str]:
    """Partitions whose bytes are not those that the run read, and how they differ."""
    for name in sorted(bundle.inputs["datasets"]):
        window = f"data/{bundle.usecase}/inputs/{name}"
        given = plane.names(_pointed(clone / f"{window}.dvc"))
        lines = window_files(bundle.inputs, name)
        read = {file: str(line["md5"]) for file, line in lines.items()}
        key = list(bundle.parameters["datasets"][name]["key"])
        for file in sorted(read.keys() | given.keys()):
            before, after = read.get(file), given.get(file)
            if before != after:
                partition = file.removesuffix(".parquet")
                how = _how(plane, clone / ".dvc" / "tmp", (before, after), key=key)
                yield f"input {name}, partition {partition}: {how} (md5 {before}, now {after})"


def changed_stages(before: str, after: Path) -> Iterator[str]:
    """Inputs, code and parameters of stages that differ from those in the run's ``dvc.lock``.

    Outputs of earlier stages are left out: what they depend on is named instead.
    """
    old, new = yaml.safe_load(before)["stages"], yaml.safe_load(after.read_text())["stages"]
    made = {out["path"] for stage in old.values() for out in stage.get("outs", [])}
    for name, stage in old.items():
        again = new.get(name, {})
        for dep in stage.get("deps", []):
            found = {d["path"]: d.get("md5") for d in again.get("deps", [])}.get(dep["path"])
            if dep["path"] not in made and found != dep.get("md5"):
                yield f"input of {name}: {dep['path']} was {dep.get('md5')}, is {found}"
        for file, params in stage.get("params", {}).items():
            found_params: Mapping[str, object] = again.get("params", {}).get(file, {})
            for key, value in params.items():
                yield from changed_values(key, value, found_params.get(key))


def changed_values(name: str, before: object, after: object) -> Iterator[str]:
    """Parameters that differ, each by its own name.

    >>> list(changed_values("toy.model", {"rounds": 60, "seed": 7}, {"rounds": 50, "seed": 7}))
    ['parameter toy.model.rounds was 60, is 50']
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            yield from changed_values(f"{name}.{key}", before.get(key), after.get(key))
    elif before != after:
        yield f"parameter {name} was {before!r}, is {after!r}"


def _how(
    plane: DataPlane, folder: Path, md5s: tuple[str | None, str | None], *, key: list[str]
) -> str:
    before, after = md5s
    if before is None or after is None:
        return "not read by the run" if before is None else "missing"
    paths = {folder / f"{md5}.parquet": md5 for md5 in (before, after)}
    plane.place(paths)
    return difference(*(read_table(path) for path in paths), key=key)


def difference(before: pd.DataFrame, after: pd.DataFrame, *, key: list[str]) -> str:
    """In what two tables differ, in a few words.

    >>> one = pd.DataFrame({"id": [1, 2], "x": [3, 4]})
    >>> difference(one, one.iloc[::-1], key=["id"])
    'the same rows in another order'
    >>> difference(one, one.assign(x=[3, 5]), key=["id"])
    'other values of x'
    """
    if list(before.columns) != list(after.columns):
        return f"columns {', '.join(before.columns)}, now {', '.join(after.columns)}"
    if len(before) != len(after):
        return f"{len(before)} rows, now {len(after)}"
    if before.reset_index(drop=True).equals(after.reset_index(drop=True)):
        return "the same rows, written otherwise"
    old, new = (t.sort_values(key, kind="stable", ignore_index=True) for t in (before, after))
    changed = [name for name in old.columns if not old[name].equals(new[name])]
    return f"other values of {', '.join(changed)}" if changed else "the same rows in another order"


def _pointed(pointer: Path) -> str:
    document: dict[str, Any] = yaml.safe_load(pointer.read_text())
    return str(document["outs"][0]["md5"])
