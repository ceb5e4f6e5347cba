"""A person's own clone: its DVC is pointed at the store, by settings that git does not see."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dvc.config import Config

from laurel.adapters.dvc.faults import worded
from laurel.adapters.dvc.guard import refuse_gc
from laurel.adapters.dvc.plane import DataPlane
from laurel.errors import NotFound
from laurel.settings import Settings

LOCAL = ".dvc/config.local"


def local_configuration(folder: Path, settings: Settings) -> str:
    """The text of a clone's ``.dvc/config.local`` with the store as remote, and the shared cache.

    What else it says is kept. Credentials are not in it: DVC finds them where boto3 does. Raises
    :class:`NotFound` where the clone is no DVC repository.
    """
    if not (folder / ".dvc" / "config").is_file():
        raise NotFound(
            "this clone is no DVC repository",
            found=f"no {folder}/.dvc/config",
            hint="dvc init, and commit what it makes",
        )
    refuse_gc(settings.cache)
    there = folder / LOCAL
    with (
        worded("write DVC's configuration", str(there)),
        tempfile.TemporaryDirectory() as passing,
    ):
        copy = Path(passing) / Path(LOCAL).name
        copy.write_text(there.read_text() if there.is_file() else "")
        with Config(passing).edit("local") as local:
            _point(local, settings)
        return copy.read_text()


def _point(local: dict[str, dict[str, object]], settings: Settings) -> None:
    remote = DataPlane(settings).remote.url
    store: dict[str, object] = {"url": remote, "verify": True}
    if settings.s3_endpoint and remote.startswith("s3://"):
        store["endpointurl"] = settings.s3_endpoint
    local.setdefault("core", {}).update({"remote": "store"})
    local.setdefault("cache", {}).update({"dir": str(settings.cache), "type": "reflink,copy"})
    local.setdefault("remote", {})["store"] = store
