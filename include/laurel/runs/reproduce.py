"""Reproduce: a run made again by its own code in a folder of its own, each output compared.

*Reproduced* means identical bytes of every output. It is promised on the same architecture with
the same locked packages and C library; elsewhere the outputs are *equivalent* where every number
agrees within a tolerance. The first thing that differs is named. Nothing is written to the store.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from laurel.adapters.dvc import Workspace
from laurel.adapters.environment import (
    changed_versions,
    environment_identity,
    installed_versions,
)
from laurel.adapters.records import read_environment
from laurel.domain.bundle import Bundle
from laurel.domain.equivalence import TOLERANCE, Verdict, worst
from laurel.domain.rootfiles import DVC_LOCK
from laurel.domain.stagefile import DVC_YAML
from laurel.errors import LaurelError, NotFound, Refused
from laurel.runs.differences import changed_inputs, changed_stages
from laurel.runs.failure import told_failure
from laurel.runs.outputs import Compared, compare_outputs
from laurel.runs.rescore import score_as_then
from laurel.runs.runcode import lay_run_code
from laurel.runs.searches import drop_kept_trials
from laurel.runs.site import KEPT, Site

WORDING: Mapping[Verdict, str] = {
    "identical": "reproduced: identical bytes",
    "equivalent": "equivalent, not identical",
    "different": "NOT reproduced",
}
EXIT_CODES: Mapping[Verdict, int] = {"identical": 0, "different": 1, "equivalent": 3}

SCORINGS = ("score", "shadow")
"""Kinds of runs that are computed again from revisions and a model."""
Again = tuple[tuple[Compared, ...], tuple[str, ...]]
"""Every output compared, and what differs among the inputs."""


@dataclass(frozen=True)
class Options:
    """How a run is made again."""

    folder: Path | None = None
    """Where, kept for looking at; a passing folder when ``None``."""
    threads: int | None = None
    tolerance: float = TOLERANCE


@dataclass(frozen=True)
class Reproduction:
    """The verdict about a run that was made again."""

    run: str
    model_version: str
    outputs: tuple[Compared, ...]
    differences: tuple[str, ...]
    """What differs in code, environment or inputs, the first cause first."""
    folder: Path | None
    tolerance: float = TOLERANCE

    @property
    def verdict(self) -> Verdict:
        """That of the worst output."""
        return worst([each.verdict for each in self.outputs]) if self.outputs else "different"

    @property
    def reproduced(self) -> bool:
        """Whether every output has identical bytes."""
        return bool(self.outputs) and all(output.identical for output in self.outputs)

    @property
    def exit_code(self) -> int:
        """0 for identical bytes, 3 for equivalent outputs, 1 for different ones."""
        return EXIT_CODES[self.verdict]

    @property
    def first_difference(self) -> str | None:
        """The first cause that is known, else the first output; ``None`` where all is the same."""
        changed = [f"{o.path}, from the same inputs" for o in self.outputs if not o.identical]
        return next(iter((*self.differences, *changed)), None)

    def text(self) -> str:
        """The verdict, a line per output, and what differs."""
        within = f" (tolerance {self.tolerance:g})" if self.verdict == "equivalent" else ""
        lines = [f"{self.model_version} (run {self.run}): {WORDING[self.verdict]}{within}"]
        lines += [f"  {output.line()}" for output in self.outputs]
        if not self.reproduced:
            lines.append(f"first difference: {self.first_difference}")
        lines += [f"note: {text}" for text in self.differences[0 if self.reproduced else 1 :]]
        lines += [f"folder: {self.folder}"] if self.folder else []
        return "\n".join(lines)


def _expect_outputs(bundle: Bundle) -> None:
    if bundle.kind == "shadow" and not bundle.outputs:
        raise Refused(
            "this challenger could not score the partition: there is nothing to make again",
            usecase=bundle.usecase,
            partition=bundle.partitions[0],
            found=bundle.files["failed.json"],
        )


def reproduce(site: Site, bundle: Bundle, options: Options | None = None) -> Reproduction:
    """Make a run of training or of scoring again, and compare every output.

    A training runs all its stages in a fresh clone of its commit; a scoring is computed from the
    revisions and the model that its bundle names. Raises :class:`Refused` for runs of other kinds,
    for code that is nowhere and for a folder that holds something; and what the stages raise.
    """
    options = options or Options()
    if DVC_YAML not in bundle.files and bundle.kind not in SCORINGS:
        raise _no_way(bundle)
    _expect_outputs(bundle)
    if options.folder is not None:
        _expect_empty(options.folder)
    with site.workspace() as passing:
        folder = (options.folder or passing / "again").absolute()
        made = score_as_then if bundle.kind in SCORINGS else _training
        (outputs, changed), notes = made(site, bundle, folder, options)
    return Reproduction(
        run=bundle.id,
        model_version=bundle.model_version or "",
        outputs=outputs,
        differences=(*changed, *notes, *environment_notes(site, bundle)),
        folder=folder if options.folder else None,
        tolerance=options.tolerance,
    )


def kept_folder(site: Site, bundle: Bundle) -> Path:
    """Where a reproduction stays that is kept without a place of its own."""
    folder = site.settings.home / "workspaces" / f"{KEPT}{bundle.id}"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def environment_notes(site: Site, bundle: Bundle) -> Iterator[str]:
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


def _training(
    site: Site, bundle: Bundle, folder: Path, options: Options
) -> tuple[Again, tuple[str, ...]]:
    notes = tuple(lay_run_code(site, bundle, folder))
    try:
        return _again(site, bundle, folder, options), notes
    except LaurelError as error:
        detail = error.detail if options.folder else None  # else it goes with the folder
        raise told_failure(error, usecase=bundle.usecase, detail=detail) from error


def _again(site: Site, bundle: Bundle, folder: Path, options: Options) -> Again:
    """Pull the windows, run every stage again, compare; also what changed among the inputs."""
    workspace = Workspace(folder, site.settings)
    workspace.create()
    workspace.pull(sorted(name for name in bundle.files if name.endswith(".dvc")))
    stages = list(yaml.safe_load(bundle.files[DVC_YAML])["stages"])
    with _own_code(folder, threads=options.threads):
        workspace.repro(stages, force=True)
    # else the next reproduction on this machine would not compute them
    drop_kept_trials(site, bundle.usecase, folder / "data" / bundle.usecase)
    compared = compare_outputs(
        site.plane,
        bundle.outputs,
        {path: output["md5"] for path, output in workspace.outputs().items()},
        folder=folder,
        tolerance=options.tolerance,
    )
    changed = [
        *changed_inputs(site.plane, bundle, folder),
        *changed_stages(bundle.files[DVC_LOCK], folder / DVC_LOCK),
    ]
    return compared, tuple(changed)


@contextmanager
def _own_code(folder: Path, *, threads: int | None) -> Iterator[None]:
    """Let the stages import the folder's package, and use so many threads."""
    path = os.pathsep.join([str(folder / "include"), *_set(os.environ.get("PYTHONPATH"))])
    count = {name: str(threads) for name in ("LAUREL_THREADS", "OMP_NUM_THREADS") if threads}
    before = {name: os.environ.get(name) for name in ("PYTHONPATH", *count)}
    os.environ.update({"PYTHONPATH": path, **count})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            os.environ.update({name: value} if value is not None else {})


def _set(value: str | None) -> list[str]:
    return [value] if value else []


def _expect_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(
            "a reproduction begins in a folder of its own",
            found=f"{folder}, which holds something",
            expected="a folder that is empty or not there",
        )


def _no_way(bundle: Bundle) -> Refused:
    why = {
        "monitor": (
            "a report is measured by the code of its night",
            "its bundle names the report's digest: laurel audit verify checks it",
        ),
        "probation": (
            "it is judged by the evidence in its bundle",
            "laurel audit verify judges it again",
        ),
        "restate": (
            "a scoring as corrected is found again by its restatement",
            "repeat the restatement: it finds its own bundles, or says what differs",
        ),
    }
    fact, hint = why.get(bundle.kind, ("its bundle holds no stages", None))
    return Refused(
        f"a run of kind {bundle.kind} is not made again by this command: {fact}",
        usecase=bundle.usecase,
        found=f"run {bundle.id}",
        expected="a run of training or of scoring",
        hint=hint,
    )
