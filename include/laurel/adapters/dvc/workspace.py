"""A workspace: a folder of one run in which DVC's stages read windows and write outputs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NotRequired, TypedDict

import yaml

from laurel.adapters.dvc.bytefiles import PREFIX, md5_of
from laurel.adapters.dvc.faults import worded
from laurel.adapters.dvc.guard import refuse_gc
from laurel.adapters.dvc.plane import DataPlane
from laurel.adapters.dvc.reproduction import run_stages
from laurel.adapters.dvc.runcache import push_entries
from laurel.adapters.warm import WarmProcess
from laurel.domain.data import FileRef, TreeRef
from laurel.domain.yaml_text import read_yaml
from laurel.errors import ConfigError, IntegrityError, NotFound, Refused
from laurel.settings import Settings

_LOG = logging.getLogger(__name__)


class Output(TypedDict):
    """An output as ``dvc.lock`` has it."""

    md5: str
    size: int
    nfiles: NotRequired[int]
    stage: str


class Workspace:
    """A folder that DVC works in, with the shared cache and the remote of the store.

    Workspaces may work at the same time; within one, DVC allows one command at a time.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder.resolve()
        self.plane = DataPlane(settings)
        self._settings = settings
        self._made: dict[str, Any] = {}

    def create(self) -> None:
        """Make the folder a DVC repository without git; one that is there is configured anew.

        The remote is in its configuration, so that DVC's own commands work; credentials are not.
        """
        place = self.folder / ".dvc"
        with worded("create a workspace", str(self.folder)):
            (place / "tmp").mkdir(parents=True, exist_ok=True)
            refuse_gc(self._settings.cache)
            (place / "config").write_text(self._configuration())
            (self.folder / ".dvcignore").touch()

    def track(self, path: str, files: Mapping[str, FileRef]) -> TreeRef:
        """Write ``<path>.dvc``: a window, a directory that holds exactly these files.

        Its directory object is in the cache and at the remote, so that anybody can pull it.
        """
        tree = self.plane.merge(None, files)
        pointer = self.folder / f"{path}.dvc"
        out = {
            "md5": tree.md5,
            "size": tree.size,
            "nfiles": tree.nfiles,
            "hash": "md5",
            "path": PurePosixPath(path).name,
        }
        with worded("write a window", str(pointer)):
            pointer.parent.mkdir(parents=True, exist_ok=True)
            pointer.write_text(yaml.safe_dump({"outs": [out]}, sort_keys=False))
        return tree

    def pull(self, paths: Iterable[str]) -> None:
        """Fetch and place the named windows (``<path>`` or ``<path>.dvc``) and outputs of stages.

        Every file placed was checked against its md5. A directory then holds exactly what its
        directory object names: what else was in it is removed if the cache has it, else
        :class:`Refused` is raised.
        """
        for path in paths:
            name = path.removesuffix(".dvc")
            md5 = self._pointed(name)
            target = self.folder / name
            if not md5.endswith(".dir"):
                self.plane.place({target: md5})
                continue
            names = self.plane.names(md5)
            self._clear(target, keep=names.keys())
            self.plane.place({target / file: md5 for file, md5 in names.items()})

    def repro(
        self,
        stages: Sequence[str],
        *,
        force: bool = False,
        single: bool = False,
        warm: bool | WarmProcess = True,
        meanwhile: Callable[[], object] | None = None,
        echo: Callable[[str], object] = _LOG.info,
    ) -> None:
        """Run stages of ``dvc.yaml`` and what they depend on, or with ``single`` only these.

        What is up to date is not run; what was run before on equal inputs, here or by another
        worker that pushed, is taken from the run cache. ``echo`` gets each line that a command
        prints. ``warm`` runs the ``laurel stage`` commands one after the other in one process,
        which costs less, and which may be one that has begun; else each has a process
        of its own, which holds less memory. ``meanwhile`` is called in a thread while each command
        but the first runs, since this process waits then; what it raises is logged. Raises
        :class:`LaurelError` with the name of the stage that failed and what it said last,
        :class:`IntegrityError` when a window is not what its ``.dvc`` file names.
        """
        before = self._pointers()
        self._expect_whole(before)
        try:
            run_stages(
                self.folder,
                self.plane,
                stages,
                cache=self._settings.cache,
                force=force,
                single=single,
                warm=WarmProcess() if warm is True else warm or None,
                meanwhile=meanwhile,
                echo=echo,
            )
        finally:
            self._expect_unchanged(before)

    def push(self, stages: Iterable[str]) -> int:
        """Push the outputs of stages and their run cache, checked; returns the objects sent.

        Raises :class:`NotFound` for a stage without outputs, :class:`IntegrityError` for an object
        that is damaged in the cache.
        """
        lock = self._lock()
        if lacking := [stage for stage in stages if stage not in lock]:
            raise NotFound("a stage has no output yet", found=", ".join(lacking))
        return self._push([lock[stage] for stage in stages])

    def push_made(self) -> int:
        """Push what stages have put out since this was last asked for; see :meth:`push`."""
        lock = self._lock()
        sent = self._push([said for name, said in lock.items() if said != self._made.get(name)])
        self._made = lock
        return sent

    def outputs(self) -> dict[str, Output]:
        """The outputs of all stages that ``dvc.lock`` knows, by path from the workspace."""
        found: dict[str, Output] = {}
        for stage, lock in self._lock().items():
            for out in lock.get("outs", []):
                found[out["path"]] = Output(md5=out["md5"], size=out["size"], stage=stage)
                if "nfiles" in out:
                    found[out["path"]]["nfiles"] = out["nfiles"]
        return dict(sorted(found.items()))

    def _lock(self) -> dict[str, Any]:
        """What ``dvc.lock`` says of each stage that has run."""
        file = self.folder / "dvc.lock"
        if not file.exists():
            return {}
        document: dict[str, Any] = read_yaml(file.read_text()) or {}
        found: dict[str, Any] = document.get("stages", {})
        return found

    def _push(self, stages: Sequence[Mapping[str, Any]]) -> int:
        md5s = {str(out["md5"]) for stage in stages for out in stage.get("outs", [])}
        trees = {md5 for md5 in md5s if md5.endswith(".dir")}
        files = md5s - trees
        for tree in trees:
            files.update(self.plane.names(tree).values())
        # a directory object comes after its files: whoever sees it may take it for whole
        sent = self.plane.push(files) + self.plane.push(trees)
        return sent + sum(push_entries(self.plane, stage) for stage in stages)

    def _configuration(self) -> str:
        remote = self.plane.remote.url
        endpoint = self._settings.s3_endpoint if remote.startswith("s3://") else None
        lines = [
            "[core]",
            "    remote = store",
            "    no_scm = true",
            "    analytics = false",
            "    check_update = false",
            f'    site_cache_dir = "{self.folder / ".dvc" / "site"}"',
            "[cache]",
            f'    dir = "{self._settings.cache}"',
            "    type = reflink,copy",
            "['remote \"store\"']",
            f'    url = "{remote}"',
            "    verify = true",
            *([f"    endpointurl = {endpoint}"] if endpoint else []),
        ]
        return "\n".join(lines) + "\n"

    def _pointed(self, name: str) -> str:
        """The md5 that a ``.dvc`` file, or else ``dvc.lock``, has for a path."""
        pointer = self.folder / f"{name}.dvc"
        if pointer.is_file():
            return _pointed_by(pointer.read_text(), place=str(pointer))
        outputs = self.outputs()
        if name not in outputs:
            raise NotFound(
                "neither a .dvc file nor dvc.lock names this path",
                found=name,
                expected=", ".join(outputs) or None,
                detail=str(self.folder),
            )
        return outputs[name]["md5"]

    def _pointers(self) -> dict[Path, str]:
        return {
            path: path.read_text() for path in sorted(self.folder.rglob("*.dvc")) if path.is_file()
        }

    def _expect_whole(self, pointers: Mapping[Path, str]) -> None:
        """Before stages run: DVC would take a window that lacks files for a new, smaller one."""
        for pointer, text in pointers.items():
            target = pointer.with_suffix("")
            md5 = _pointed_by(text, place=str(pointer))
            if not target.is_dir() or not md5.endswith(".dir"):
                continue
            expected, found = set(self.plane.names(md5)), _files(target)
            if expected != found:
                raise IntegrityError(
                    "a window does not hold the files that it names; nothing was run",
                    found=f"{len(found)} files, {len(expected - found)} missing, "
                    f"{len(found - expected)} unknown",
                    expected=f"{len(expected)} files",
                    detail=str(pointer),
                    hint="pull it whole",
                )

    def _expect_unchanged(self, before: Mapping[Path, str]) -> None:
        changed = [
            path for path, text in before.items() if not path.exists() or path.read_text() != text
        ]
        for path in changed:
            path.write_text(before[path])
        if changed:
            raise IntegrityError(
                "inputs changed while stages ran; what they wrote cannot be used",
                found="\n".join(str(path.relative_to(self.folder)) for path in changed[:5]),
                expected="windows as they were pulled (their .dvc files are restored)",
                hint="pull the windows again and look which stage writes into them",
            )

    def _clear(self, target: Path, *, keep: Iterable[str]) -> None:
        """Remove from a directory what it should not hold; never the only copy of something."""
        target.mkdir(parents=True, exist_ok=True)
        for name in sorted(_files(target) - set(keep)):
            file = target / name
            if not file.name.startswith(PREFIX) and not self.plane.holds(md5_of(file)):
                raise Refused(
                    "a file that nobody else has is in the way of a window",
                    found=file,
                    hint="move it somewhere else",
                )
            file.unlink()


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _pointed_by(text: str, *, place: str) -> str:
    try:
        (out,) = yaml.safe_load(text)["outs"]
        return str(out["md5"])
    except (yaml.YAMLError, TypeError, KeyError, ValueError) as error:
        raise ConfigError("this .dvc file does not name one directory", detail=place) from error
