"""The code of an earlier run, brought into a folder: from its commit, or from what is installed.

A run is made again by the code that made it, whatever is checked out here now. A commit that this
repository has is cloned; else the installed package is taken, if its files are byte for byte those
that the run's ``dvc.lock`` names; else the reproduction is refused.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import yaml

import laurel
from laurel.adapters import git
from laurel.adapters.dvc.bytefiles import md5_of
from laurel.adapters.environment import code_identity
from laurel.domain.bundle import Bundle
from laurel.domain.rootfiles import DVC_LOCK, ROOT_FILES
from laurel.errors import NotFound, Refused
from laurel.runs.code import PACKAGE, lay_package
from laurel.runs.site import Site

_SHOWN = 4


def lay_run_code(site: Site, bundle: Bundle, folder: Path) -> Iterator[str]:
    """Bring a training run's code, stages and windows into a new folder.

    Yields, in sentences, what could not be had as it was in the run. Raises :class:`Refused` where
    neither a commit nor the installed package has the run's code.
    """
    checkout, commit = site.settings.checkout, bundle.code.commit
    cloned = bool(checkout and commit and git.has_commit(checkout, commit))
    if cloned:
        git.clone_at(checkout, commit, folder)  # type: ignore[arg-type]  # both are there
    else:
        folder.mkdir(parents=True, exist_ok=True)
        lay_package(folder)
    yield from _lay_files(bundle, folder)
    taken, lacking = _complete(bundle, folder)
    if lacking and not cloned:
        raise _nowhere(site, bundle, lacking)
    if commit and not cloned:
        yield f"code: {commit} is not in this repository; the files here are byte for byte its own"
    if bundle.code.dirty:
        yield f"code: the run was made from a dirty tree on {commit}" + (
            f"; files of it found here: {_names(taken)}" if taken else ""
        )
    if lacking:
        yield f"code: these files cannot be had as they were: {_names(lacking)}"


def other_code(bundle: Bundle, folder: Path) -> dict[str, str]:
    """Files of code in a folder that are not those of a training run, with the md5 of the run's."""
    return {
        str(dep["path"]): str(dep["md5"])
        for lock in yaml.safe_load(bundle.files[DVC_LOCK])["stages"].values()
        for dep in lock.get("deps", [])
        if not str(dep["path"]).startswith("data/") and _md5(folder / dep["path"]) != dep["md5"]
    }


def _lay_files(bundle: Bundle, folder: Path) -> Iterator[str]:
    for name, text in sorted(bundle.files.items()):
        if name.startswith(PACKAGE):
            continue
        target = folder / name
        state = name.startswith("data/") or name in ROOT_FILES
        if not state and target.is_file() and target.read_text() != text:
            yield f"code: {name} at {bundle.code.commit} is not the one that ran; the run's is used"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def _complete(bundle: Bundle, folder: Path) -> tuple[list[str], list[str]]:
    """Take what the commit lacks from the installed package; what was taken, what is nowhere."""
    taken, lacking = [], []
    for name, md5 in sorted(other_code(bundle, folder).items()):
        here = Path(laurel.__file__).parent / name.removeprefix(PACKAGE)
        if name.startswith(PACKAGE) and _md5(here) == md5:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(here, folder / name)
            taken.append(name)
        else:
            lacking.append(name)
    return taken, lacking


def _nowhere(site: Site, bundle: Bundle, lacking: list[str]) -> Refused | NotFound:
    version, commit = bundle.code.version, bundle.code.commit
    here = code_identity(site.settings.checkout)
    return Refused(
        "the code of the run is not here: what other code gives would be no reproduction",
        usecase=bundle.usecase,
        found=f"version {here['version']}, commit {here['commit'] or 'none'}; "
        f"{len(lacking)} files are others: {_names(lacking)}",
        expected=f"commit {commit}" if commit else f"laurel {version}, as installed for the run",
        hint="git fetch the commit into this checkout" if commit else f"install laurel=={version}",
    )


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _md5(file: Path) -> str | None:
    return md5_of(file) if file.is_file() else None
