"""DVC's run cache, looked up at the remote for one stage at a time, and never trusted unread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from dvc.stage.cache import StageCache, _get_cache_hash, _get_stage_hash

from laurel.adapters.dvc.bytefiles import PREFIX, aside, md5_of
from laurel.adapters.dvc.plane import DataPlane
from laurel.errors import IntegrityError, NotFound, StoreFault

_LOG = logging.getLogger(__name__)


class RunCache(StageCache):  # type: ignore[misc]
    """What stages put out for which inputs: shared by all workspaces, and with other workers.

    DVC's own pulls and pushes everything ever run, takes the file that another process is just
    writing for damaged and deletes it, and hands out objects that nobody read.
    """

    def __init__(
        self,
        repo: Any,
        plane: DataPlane,
        *,
        echo: Callable[[str], object],
        restored: Callable[[], object],
    ) -> None:
        super().__init__(repo)
        self._plane = plane
        self._echo = echo
        self._restored = restored

    def restore(self, stage: Any, *args: Any, **options: Any) -> None:
        """Take the outputs of an equal run; raises DVC's error, and the stage runs, for none."""
        super().restore(stage, *args, **options)
        self._restored()
        self._echo(f"stage {stage.addressing}: the outputs of an equal run were taken")

    def _load(self, stage: Any) -> Any:
        """The entry for the inputs of a stage; of several the first by name, on every machine."""
        key = _get_stage_hash(stage)
        prefix, folder = self._places(key)
        try:
            self._fetch(prefix, folder)
        except StoreFault as error:
            _LOG.warning("the run cache of other workers cannot be had: %s", error)
        for name in _names(folder):
            found = self._load_cache(key, name)
            if found and _get_cache_hash(found) == name:
                return found
            _LOG.warning("passed over a damaged entry of the run cache: %s", folder / name)
        return None

    def _create_stage(self, cache: Any, wdir: str | None = None) -> Any:
        """Have the outputs of an entry in the cache, read and found good, before DVC copies them.

        An output that is nowhere is left missing: DVC then runs the stage.
        """
        for out in cache.get("outs", []):
            try:
                self._have(str(out["md5"]))
            except (NotFound, IntegrityError, StoreFault) as error:
                _LOG.info("an output of an earlier run cannot be had: %s", error)
        return super()._create_stage(cache, wdir=wdir)

    def _uncached_outs(self, stage: Any, cache: Any) -> Any:
        """DVC asks this after each run; it has nothing to do where all outputs are cached."""
        if all(out.use_cache for out in stage.outs):
            return iter(())
        return super()._uncached_outs(stage, cache)

    def _fetch(self, prefix: str, folder: Path) -> None:
        for name in self._plane.remote.names(prefix):
            if not (folder / name).exists():
                with aside(folder) as part:
                    self._plane.remote.receive(prefix + name, part)
                    part.replace(folder / name)

    def _have(self, md5: str) -> None:
        self._plane.ensure(md5)
        if md5.endswith(".dir"):
            self._plane.ensure_all(self._plane.names(md5).values())

    def _places(self, key: str) -> tuple[str, Path]:
        return _prefix(key), Path(self._get_cache_dir(key))


def push_entries(plane: DataPlane, stage: Mapping[str, Any]) -> int:
    """Push the entries of a stage that the remote lacks; returns how many.

    stage: what ``dvc.lock`` says of it, which is what DVC's run cache knows it by.
    """
    prefix = _prefix(_get_cache_hash(deepcopy(stage), key=True))
    folder = plane.local(prefix)
    there = set(plane.remote.names(prefix))
    missing = [name for name in _names(folder) if name not in there]
    for name in missing:
        plane.remote.send(folder / name, prefix + name, md5=md5_of(folder / name))
    return len(missing)


def _prefix(key: str) -> str:
    return f"runs/{key[:2]}/{key}/"


def _names(folder: Path) -> list[str]:
    """Entries of a folder of the run cache; hidden ones are being written."""
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith((".", PREFIX)))
