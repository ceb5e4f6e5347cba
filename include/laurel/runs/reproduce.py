"""Reproduce: a fresh clone, the bundle laid over it, ``dvc pull``, ``dvc repro --force``, compare.

*Reproduced* means identical bytes of every output. It is promised on the same architecture with
the same locked packages and C library; the first thing that differs is named.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from laurel.adapters.dvc import Workspace
from laurel.adapters.environment import (
    changed_versions,
    code_identity,
    environment_identity,
    installed_versions,
)
from laurel.adapters.records import find_bundle, read_environment
from laurel.domain.bundle import Bundle
from laurel.errors import LaurelError, NotFound, Refused
from laurel.runs.code import lay_package
from laurel.runs.differences import changed_inputs, changed_stages
from laurel.runs.failure import told_failure
from laurel.runs.site import KEPT, Site
from laurel.runs.train import input_paths, stage_names
from laurel.usecase import find_usecases, get_usecase

SECONDS = 3600


@dataclass(frozen=True)
class Compared:
    """An output of the run beside the one made again."""

    path: str
    expected: str
    found: str | None

    @property
    def identical(self) -> bool:
        """Whether the bytes are the same."""
        return self.found == self.expected


@dataclass(frozen=True)
class Reproduction:
    """The verdict about a run that was made again."""

    run: str
    model_version: str
    outputs: tuple[Compared, ...]
    differences: tuple[str, ...]
    """What differs in code, environment or inputs, the first cause first."""
    folder: Path | None

    @property
    def reproduced(self) -> bool:
        """Whether every output has identical bytes."""
        return bool(self.outputs) and all(output.identical for output in self.outputs)

    @property
    def first_difference(self) -> str | None:
        """The first cause that is known, else the first output; ``None`` where all is the same."""
        changed = [f"{o.path}, from the same inputs" for o in self.outputs if not o.identical]
        return next(iter((*self.differences, *changed)), None)

    def text(self) -> str:
        """The verdict, a line per output."""
        verdict = "reproduced: identical bytes" if self.reproduced else "NOT reproduced"
        lines = [f"{self.model_version} (run {self.run}): {verdict}"]
        for output in self.outputs:
            mark = "identical" if output.identical else f"differs, found {output.found}"
            lines.append(f"  {output.path}  {output.expected}  {mark}")
        if not self.reproduced:
            lines.append(f"first difference: {self.first_difference}")
        lines += [f"note: {text}" for text in self.differences[0 if self.reproduced else 1 :]]
        lines += [f"folder: {self.folder}"] if self.folder else []
        return "\n".join(lines)


def reproduce(site: Site, run: str, *, keep: bool = False) -> Reproduction:
    """Make a training run again from a fresh clone and compare every output's bytes.

    ``run`` is the id of a training run or its model version. Raises :class:`NotFound` for an
    unknown run, and what the stages raise.
    """
    return reproduce_bundle(site, find_training(site, run), keep=keep)


def reproduce_bundle(site: Site, bundle: Bundle, *, keep: bool = False) -> Reproduction:
    """Make the run of a bundle again; see :func:`reproduce`."""
    with site.workspace() as passing:
        clone = _kept_folder(passing, bundle) if keep else passing / "clone"
        notes = [*_lay_code(site, bundle, clone), *_environment(site, bundle)]
        try:
            outputs, changed = _again(site, bundle, clone)
        except LaurelError as error:
            detail = error.detail if keep else None  # else it goes with the clone
            raise told_failure(error, usecase=bundle.usecase, detail=detail) from error
    return Reproduction(
        run=bundle.id,
        model_version=bundle.model_version or "",
        outputs=outputs,
        differences=(*changed, *notes),
        folder=clone if keep else None,
    )


def find_training(site: Site, run: str) -> Bundle:
    """The bundle of a training run, by its id or its model version; raises :class:`NotFound`."""
    for name in find_usecases(site.settings):
        bundle = find_bundle(site.store, name, "train", run)
        if bundle is None and run.startswith(f"{name}-"):
            entry = site.ledger(get_usecase(name, site.settings)).read().version(run)
            bundle = find_bundle(site.store, name, "train", entry.run or "") if entry else None
        if bundle is not None:
            return bundle
    raise NotFound(
        "there is no such training run",
        found=run,
        expected="the id of a training run, or a model version from: laurel ledger NAME",
    )


def _kept_folder(passing: Path, bundle: Bundle) -> Path:
    """Where a reproduction stays: DVC's configuration in it names its own place."""
    folder = passing.with_name(f"{KEPT}{bundle.id}")
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _lay_code(site: Site, bundle: Bundle, clone: Path) -> Iterator[str]:
    """Bring the run's code into ``clone``; yields what is not as it was in the run."""
    checkout = site.settings.checkout
    if bundle.code.commit and checkout:
        _clone(checkout, bundle.code.commit, clone)
        if bundle.code.dirty:
            yield f"the run was made from a dirty tree: {bundle.code.commit} is not all of its code"
    else:
        clone.mkdir(parents=True)
        lay_package(clone)
        version = code_identity(checkout)["version"]
        if version != bundle.code.version:
            yield f"code: package {bundle.code.version} in the run, {version} here"
    for name, text in bundle.files.items():
        target = clone / name
        if name.startswith("include/laurel/"):
            continue
        if target.is_file() and target.read_text() != text and not _is_run_state(name):
            yield f"code: {name} at {bundle.code.commit} is not the one that ran; the run's is used"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def _is_run_state(name: str) -> bool:
    return name.startswith("data/") or name in ("dvc.yaml", "params.yaml", "dvc.lock")


def _clone(checkout: Path, commit: str, target: Path) -> None:
    git = shutil.which("git")
    if git is None:
        raise Refused("a fresh clone needs git", hint="install git")
    for words in (
        ["clone", "--quiet", "--no-hardlinks", "--no-checkout", str(checkout), str(target)],
        ["-C", str(target), "checkout", "--quiet", "--detach", commit],
    ):
        done = subprocess.run(  # noqa: S603 - a fixed list of words, no shell
            [git, *words], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        if done.returncode:
            raise LaurelError(
                "the code of the run cannot be cloned",
                found=done.stderr.strip()[-300:],
                expected=f"commit {commit} in {checkout}",
                hint="fetch the commit into this checkout",
            )


def _environment(site: Site, bundle: Bundle) -> Iterator[str]:
    """What differs between the run's environment and this one."""
    here, there = environment_identity(), bundle.environment
    for name in ("python", "machine", "libc"):
        found, expected = getattr(here, name), getattr(there, name)
        if found != expected:
            yield f"environment: {name} {expected} in the run, {found} here"
    if here.packages != there.packages:
        try:
            before = read_environment(site.store, there.packages)
        except NotFound:
            yield "environment: other packages are installed; the run's list is not in the store"
            return
        for change in changed_versions(before, installed_versions()):
            yield f"dependency: {change}"


def _again(site: Site, bundle: Bundle, clone: Path) -> tuple[tuple[Compared, ...], tuple[str, ...]]:
    """Pull the windows, run every stage again, compare; also what changed among the inputs."""
    workspace = Workspace(clone, site.settings)
    workspace.create()
    workspace.pull(input_paths(bundle.usecase, bundle.inputs["datasets"]))
    with _own_code(clone):
        workspace.repro(stage_names(bundle.usecase), force=True)
    made = workspace.outputs()
    compared = tuple(
        Compared(
            path=path,
            expected=str(output["md5"]),
            found=made[path]["md5"] if path in made else None,
        )
        for path, output in sorted(bundle.outputs.items())
    )
    changed = [
        *changed_inputs(site.plane, bundle, clone),
        *changed_stages(bundle.files["dvc.lock"], clone / "dvc.lock"),
    ]
    return compared, tuple(changed)


@contextmanager
def _own_code(clone: Path) -> Iterator[None]:
    """Let the stages import the clone's package, not the installed one."""
    before = os.environ.get("PYTHONPATH")
    parts = [str(clone / "include"), *([before] if before else [])]
    os.environ["PYTHONPATH"] = os.pathsep.join(parts)
    try:
        yield
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
