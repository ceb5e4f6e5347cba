"""Checkout: the state of a training run, laid over a person's clone for DVC's own commands.

What a run was is in its bundle: the stages, the parameters, the lock and the windows. They are
merged into the clone's files, DVC is pointed at the store, and nothing else of the clone changes:
not its commit, not the state of other use cases. What was there before is kept for the way back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

import laurel
from laurel.adapters import git
from laurel.adapters.dvc.clone import LOCAL, local_configuration
from laurel.domain.bundle import Bundle
from laurel.domain.rootfiles import DVC_LOCK, ROOT_FILES, merge_root_files
from laurel.errors import NotFound, Refused
from laurel.runs.code import PACKAGE
from laurel.runs.laid import Laying, lay, take_back, texts_of
from laurel.runs.runcode import other_code
from laurel.runs.site import Site

_SHOWN = 4
_WIDTH = 28


@dataclass(frozen=True)
class Laid:
    """A run's state in a clone: what was written, and which commands now work."""

    run: str
    model_version: str
    folder: Path
    written: tuple[str, ...]
    """Files that were not as they are now, relative to the clone."""
    target: str
    """The stage that DVC's commands have to name; empty where they need not name any."""
    stale: tuple[str, ...]
    """Stages that ``dvc repro`` runs again, since the clone's code is not that of the run."""
    notes: tuple[str, ...]

    def text(self) -> str:
        """What was done, and what can be done now."""
        done = f"{len(self.written)} files written" if self.written else "it is there already"
        last = f" {self.target}" if self.target else ""
        told = f"runs {self.stale[0]} again, and what follows" if self.stale else "up to date"
        return "\n".join(
            [
                f"{self.model_version} (run {self.run}) is laid over {self.folder}: {done}",
                *(f"  {path}" for path in self.written),
                *(f"note: {text}" for text in self.notes),
                f"now, in {self.folder}:",
                _line(f"dvc pull -d{last}" if last else "dvc pull", "its data, model and evidence"),
                _line(f"dvc repro{last}", told),
                _line("dvc metrics diff", "against the commit of this clone"),
                _line("dvc plots diff", "the same as a page"),
                _line("laurel checkout --undo", "the files as they were"),
            ]
        )


def checkout(
    site: Site, bundle: Bundle, *, folder: Path, force: bool = False, keep_others: bool = False
) -> Laid:
    """Lay the state of a training run over the clone that ``folder`` is in.

    A folder that is not there becomes a clone of this checkout at the commit of the run. force:
    also over what only the clone has; it is kept for the way back. keep_others: leave the stages
    of use cases that have no state in the clone. Raises :class:`Refused` where it would overwrite
    what git does not have, :class:`NotFound` for a folder that is no clone of the source.
    """
    if not folder.exists():
        _make_clone(site, bundle, folder)
    clone = _clone(folder)
    root = {name: text for name, text in texts_of(clone, ROOT_FILES).items() if text is not None}
    merged, unlocked = merge_root_files(
        root, bundle.files, usecase=bundle.usecase, keep_unlocked=keep_others
    )
    own = {name: text for name, text in bundle.files.items() if not name.startswith(PACKAGE)}
    local = {LOCAL: local_configuration(clone, site.settings)}
    wanted = {**own, **merged, **local}
    written = lay(clone, wanted, run=bundle.id, force=force, merged=[LOCAL])
    other = sorted(other_code(bundle, clone))
    *_, last = yaml.safe_load(bundle.files[DVC_LOCK])["stages"]
    left = () if keep_others else unlocked
    return Laid(
        run=bundle.id,
        model_version=bundle.model_version or "",
        folder=clone,
        written=written,
        target=last if unlocked and keep_others else "",
        stale=tuple(_stale(bundle, other)),
        notes=(*_left(left), *_code_notes(bundle, clone, other), *_elsewhere(clone)),
    )


def undo(folder: Path, *, force: bool = False) -> Laying:
    """Put back the files that the last checkout wrote over; see :func:`take_back`."""
    return take_back(git.top_of(folder), force=force, merged=[LOCAL])


def _make_clone(site: Site, bundle: Bundle, folder: Path) -> None:
    checkout = site.settings.checkout
    if checkout is None or bundle.code.commit is None:
        raise Refused(
            "a clone at the commit of the run cannot be made",
            usecase=bundle.usecase,
            found="an installed package, not a checkout" if not checkout else "a run of no commit",
            hint="clone the source, and name that folder with --into",
        )
    git.clone_at(git.top_of(checkout), bundle.code.commit, folder)


def _clone(folder: Path) -> Path:
    top = git.top_of(folder)
    if not (top / PACKAGE).is_dir():
        raise NotFound(
            "this is no clone of the source: the stages of a run depend on its code",
            found=f"no {PACKAGE} in {top}",
            hint="name a clone with --into; one is made where the folder is not there",
        )
    return top


def _stale(bundle: Bundle, other: list[str]) -> Iterator[str]:
    """The stages that depend on files of other code, in their order."""
    for stage, lock in yaml.safe_load(bundle.files[DVC_LOCK])["stages"].items():
        if any(dep["path"] in other for dep in lock.get("deps", [])):
            yield stage


def _left(left: tuple[str, ...]) -> Iterator[str]:
    for name in left:
        yield (
            f"this clone has no state of {name}: its stages are left out of dvc.yaml, since "
            "dvc pull fails on them (--keep-others leaves them in)"
        )


def _code_notes(bundle: Bundle, clone: Path, other: list[str]) -> Iterator[str]:
    commit = bundle.code.commit
    if not other:
        return
    names = [*other[:_SHOWN], *(["…"] if len(other) > _SHOWN else [])]
    yield f"{len(other)} files of code are not those of the run: {', '.join(names)}"
    if bundle.code.dirty:
        yield f"the run was made from a dirty tree: {commit} is not all of its code"
    elif commit and commit != git.head(clone):
        yield f"for the code of the run: git switch --detach {commit}, then this checkout again"


def _elsewhere(clone: Path) -> Iterator[str]:
    runs = Path(laurel.__file__).resolve().parent
    if runs != (clone / PACKAGE).resolve():
        yield (
            f"laurel runs from {runs}: for dvc repro let it run from the clone "
            f"(export PYTHONPATH={clone / 'include'})"
        )


def _line(command: str, what: str) -> str:
    return f"  {command.ljust(_WIDTH)}# {what}"
