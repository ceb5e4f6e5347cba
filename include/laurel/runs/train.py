"""One run of training: snapshot → the stages of ``dvc.yaml`` → a run bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from laurel.adapters.environment import code_identity, environment_identity, installed_versions
from laurel.adapters.records import find_bundle, observe, write_bundle, write_environment
from laurel.adapters.spent import spent_since
from laurel.adapters.warm import WarmProcess, begin_stages
from laurel.domain.bundle import Bundle, Code, model_version, run_id
from laurel.domain.canonical import instant
from laurel.domain.data import FileRef
from laurel.domain.stagefile import stage_names
from laurel.errors import LaurelError, Refused
from laurel.runs.code import code_digest, kept_texts
from laurel.runs.failure import kept_failure
from laurel.runs.probation import conclude_due
from laurel.runs.searches import drop_kept_trials
from laurel.runs.site import Site
from laurel.runs.workspace import lay_inputs
from laurel.settings import Settings
from laurel.stages.snapshot import Snapshot, snapshot
from laurel.usecase import UseCase

Pages = MutableMapping[str, str]


@dataclass(frozen=True)
class Trained:
    """A challenger, its bundle and what the gate says of it."""

    usecase: str
    run: str
    bundle: str
    model_version: str
    as_of: datetime
    outcome: str
    reasons: tuple[str, ...]
    repeated: bool

    def sentence(self) -> str:
        """What happened, in a sentence."""
        how = "found the bundle of" if self.repeated else "trained"
        said = f"{how} {self.model_version} (run {self.run}): the gate says {self.outcome}"
        return f"{said}; {self.reasons[0]}" if self.reasons else said

    def reference(self) -> dict[str, Any]:
        """References for XCom."""
        return {
            "run": self.run,
            "bundle": self.bundle,
            "model_version": self.model_version,
            "as_of": instant(self.as_of),
            "outcome": self.outcome,
        }


def expect_gate(settings: Settings, usecase: UseCase) -> None:
    """Raise :class:`Refused` in production for a use case whose gate is off."""
    if settings.environment == "production" and usecase.config.gate.mode == "off":
        raise Refused(
            "in production no model is promoted unasked",
            usecase=usecase.name,
            found="gate.mode: off",
            expected="enforce or shadow",
            hint="say gate.mode: enforce, or run with LAUREL_ENVIRONMENT=development",
        )


def inputs_ready(site: Site, usecase: UseCase, *, as_of: datetime) -> None:
    """Raise :class:`Pending` while a partition of the window is not published, or a probation that
    is over by ``as_of`` cannot be judged."""
    conclude_due(site, usecase, t=as_of)
    snapshot(usecase, _catalogs(site, usecase), as_of=as_of)


def train(
    site: Site,
    usecase: UseCase,
    *,
    as_of: datetime,
    pages: Pages | None = None,
    warm: WarmProcess | None = None,
) -> Trained:
    """Train a challenger on what was known at ``as_of``; a repeated run finds its own bundle.

    warm: the process that runs the stages, where the caller has begun one (:func:`begin_stages`).
    Raises :class:`Pending` when a partition is missing, :class:`Refused` for a dirty tree in
    production, and what a stage that failed says, its whole output kept in the store.
    """
    expect_gate(site.settings, usecase)
    conclude_due(site, usecase, t=as_of)
    code = _code(site, usecase)
    chosen = snapshot(usecase, _catalogs(site, usecase), as_of=as_of)
    champion = _champion(site, usecase, as_of)
    inputs = {"window": chosen.digest, "champion": champion["model_version"]}
    parameters = usecase.config.document()
    run = run_id(
        kind="train",
        usecase=usecase.name,
        at=instant(as_of),
        inputs=inputs,
        code={"digest": code["digest"]},
        parameters=parameters,
    )
    known = find_bundle(site.store, usecase.name, "train", run)
    if known is None:
        with warm or begin_stages(site.settings.cache) as warm, site.workspace() as folder:
            bundle = _run(
                site, usecase, chosen=chosen, champion=champion, folder=folder, run=run, warm=warm
            )
    else:
        bundle = known
        write_bundle(site.store, bundle)
    from laurel.runs.train_pages import name_pages

    name_pages(bundle, pages)
    return _trained(bundle, repeated=known is not None)


@dataclass(frozen=True)
class Made:
    """What the stages of a training left."""

    outputs: dict[str, dict[str, Any]]
    files: dict[str, str]
    verdict: dict[str, Any]


def run_stages(
    site: Site,
    usecase: UseCase,
    *,
    chosen: Snapshot,
    champion: Mapping[str, Any],
    folder: Path,
    run: str,
    warm: WarmProcess,
) -> Made:
    """Run every stage of a training and push what they made; raises what a failed one says.

    champion: ``model_version``, ``run`` and ``files``. warm: the process that runs the stages.
    """
    data = folder / "data" / usecase.name
    workspace = lay_inputs(site, usecase, chosen=chosen, champion=champion, folder=folder)
    stages = stage_names(usecase.config)

    def meanwhile() -> None:
        from laurel.runs.train_pages import read_templates

        workspace.push_made()
        read_templates()

    try:
        workspace.repro(stages, warm=warm, meanwhile=meanwhile)
    except LaurelError as error:
        raise kept_failure(site.store, error, usecase=usecase.name, run=run, data=data) from error
    workspace.push(stages)
    drop_kept_trials(site, usecase.name, data)
    metrics = json.loads((data / "metrics.json").read_text())["challenger"]
    verdict = {**json.loads((data / "verdict.json").read_text()), "metrics": metrics}
    outputs = {path: dict(out) for path, out in workspace.outputs().items()}
    return Made(outputs, kept_texts(folder, usecase), verdict)


def _run(
    site: Site,
    usecase: UseCase,
    *,
    chosen: Snapshot,
    champion: Mapping[str, Any],
    folder: Path,
    run: str,
    warm: WarmProcess,
) -> Bundle:
    started, as_of = perf_counter(), chosen.window.as_of
    made = run_stages(
        site, usecase, chosen=chosen, champion=champion, folder=folder, run=run, warm=warm
    )
    bundle = Bundle(
        id=run,
        kind="train",
        usecase=usecase.name,
        as_of=as_of,
        model_version=model_version(usecase.name, as_of, run),
        code=Code(**_code(site, usecase)),
        environment=environment_identity(),
        parameters=usecase.config.document(),
        inputs={
            "window": chosen.digest,
            "champion": champion["model_version"],
            **chosen.read(),
            "card": usecase.config.card.model_dump(mode="json"),
        },
        outputs=made.outputs,
        files=made.files,
        verdict=made.verdict,
    )
    from laurel.runs.train_pages import write_pages

    write_pages(site, bundle, folder)
    write_environment(site.store, installed_versions())
    write_bundle(site.store, bundle)
    rows = sum(revision.rows for revision in chosen.revisions[usecase.config.rows_name])
    observe(site.store, bundle, spent_since(started, rows=rows))
    return bundle


def _code(site: Site, usecase: UseCase) -> dict[str, Any]:
    code = {
        **code_identity(site.settings.checkout),
        "digest": code_digest(usecase, site.settings),
    }
    if site.settings.environment == "production" and code["dirty"]:
        raise Refused(
            "a run from a dirty tree could not be reproduced",
            usecase=usecase.name,
            found=f"uncommitted changes on {code['commit']}",
            hint="commit them, or run with LAUREL_ENVIRONMENT=development",
        )
    return code


def _catalogs(site: Site, usecase: UseCase) -> dict[str, Any]:
    return {name: site.catalog(usecase, name) for name in usecase.config.datasets}


def _champion(site: Site, usecase: UseCase, as_of: datetime) -> dict[str, Any]:
    """The champion that the challenger would replace, by the decisions for earlier as_ofs."""
    ledger = site.ledger(usecase).read()
    entry = ledger.champion_before(as_of, t=as_of + usecase.config.decision_lag)
    if entry is None:
        return {"model_version": None, "run": None, "files": {}}
    return {
        "model_version": entry.model_version,
        "run": entry.run,
        "files": model_files(site, usecase, run=entry.run or "", bundle=entry.bundle or ""),
    }


def model_files(site: Site, usecase: UseCase, *, run: str, bundle: str) -> dict[str, FileRef]:
    """The files of a model version, as the bundle that the ledger names by digest has them."""
    return trained_files(site, named_training(site, usecase, run=run, bundle=bundle))


def named_training(site: Site, usecase: UseCase, *, run: str, bundle: str) -> Bundle:
    """The bundle of a training that the ledger names by digest; raises :class:`Refused`."""
    if (named := find_bundle(site.store, usecase.name, "train", run, expected=bundle)) is None:
        raise Refused(
            "the bundle that the ledger names is not in the store",
            usecase=usecase.name,
            found=f"no run {run}",
            expected=f"bundle {bundle}",
            hint="restore it: no model is used without its bundle",
        )
    return named


def trained_files(site: Site, training: Bundle) -> dict[str, FileRef]:
    """The files of the model that a training made, by name."""
    return site.plane.tree(training.outputs[f"data/{training.usecase}/model"]["md5"])


def _trained(bundle: Bundle, *, repeated: bool) -> Trained:
    verdict = bundle.verdict or {}
    assert bundle.as_of is not None  # noqa: S101 - a training bundle has one by construction
    return Trained(
        usecase=bundle.usecase,
        run=bundle.id,
        bundle=bundle.digest,
        model_version=bundle.model_version or "",
        as_of=bundle.as_of,
        outcome=str(verdict["outcome"]),
        reasons=tuple(verdict["reasons"]),
        repeated=repeated,
    )
