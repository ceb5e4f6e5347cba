"""The workspace of a training run, with everything that its stages read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from laurel.adapters.dvc import Workspace
from laurel.domain.canonical import canonical_json
from laurel.runs.code import lay_code
from laurel.runs.site import Site
from laurel.stages.snapshot import Snapshot
from laurel.usecase import UseCase


def lay_inputs(
    site: Site, usecase: UseCase, *, chosen: Snapshot, champion: Mapping[str, Any], folder: Path
) -> Workspace:
    """Make the workspace of a training run: code, window, and the window ``.dvc`` files."""
    lay_code(folder, usecase, site.settings)
    workspace = Workspace(folder, site.settings)
    workspace.create()
    data = folder / "data" / usecase.name
    (data / "inputs").mkdir(parents=True)
    (data / "window.json").write_bytes(canonical_json(chosen.document()))
    for name in sorted(usecase.config.datasets):
        workspace.track(f"data/{usecase.name}/inputs/{name}", chosen.files(name))
    note = data / "champion.json"
    named = {name: champion[name] for name in ("model_version", "run")}
    note.write_bytes(canonical_json(named))
    files = {**site.plane.put({"champion.json": note}), **champion["files"]}
    note.unlink()
    workspace.track(f"data/{usecase.name}/inputs/champion", files)
    windows = (*sorted(usecase.config.datasets), "champion")
    workspace.pull(f"data/{usecase.name}/inputs/{name}" for name in windows)
    return workspace
