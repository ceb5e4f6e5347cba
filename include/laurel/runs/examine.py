"""One run of examination: the newest training's model and frame → what its features gain, cost."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter
from typing import Any

from pydantic import ValidationError

from laurel.adapters.environment import code_identity, environment_identity
from laurel.adapters.records import find_bundle, observe, write_bundle
from laurel.domain.bundle import Bundle, Code, bundle_prefix, run_id
from laurel.domain.canonical import canonical_json, digest, instant
from laurel.domain.config import UseCaseConfig
from laurel.errors import ConfigError
from laurel.pages.examination import render_examination
from laurel.runs.newest import newest_training
from laurel.runs.site import Site
from laurel.runs.train import named_training
from laurel.stages.cost import measure_cost
from laurel.stages.examine import examine as measure
from laurel.usecase import UseCase

Pages = MutableMapping[str, str]
Said = Callable[[str], None]
READ = ("frame", "model", "snapshot")
"""Outputs of a training that are read."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Examination:
    """What an examination found of a model."""

    usecase: str
    run: str
    training: str
    model_version: str
    said: str
    without_gain: tuple[str, ...]
    suspects: tuple[str, ...]
    page: str
    repeated: bool

    def sentence(self) -> str:
        """What was found, in a sentence."""
        return f"{self.said} (run {self.run}{', found again' if self.repeated else ''})"

    def reference(self) -> dict[str, Any]:
        """References for XCom and the asset event."""
        return {
            "run": self.run,
            "training": self.training,
            "model_version": self.model_version,
            "without_gain": len(self.without_gain),
            "suspects": len(self.suspects),
            "page": self.page,
        }


def examine(
    site: Site,
    usecase: UseCase,
    *,
    as_of: datetime,
    pages: Pages | None = None,
    said: Said = _LOG.info,
) -> Examination:
    """Examine the newest training by ``as_of``; a repeated run finds its own bundle.

    Fresh data is not looked at: the frame and the model are those of the training. said: is told
    what is done next. Raises :class:`laurel.errors.Pending` while the training that is due is not
    decided, :class:`laurel.errors.Refused` where there is none.
    """
    entry = newest_training(site, usecase, as_of=as_of)
    training = named_training(site, usecase, run=entry.run or "", bundle=entry.bundle or "")
    run = _run_id(site, usecase, training)
    known = find_bundle(site.store, usecase.name, "examine", run)
    if known is None:
        with site.workspace() as folder:
            _write(site, usecase, training=training, run=run, folder=folder, said=said)
    else:
        write_bundle(site.store, known)
    prefix = bundle_prefix(usecase.name, "examine", run)
    found = json.loads(site.store.read(f"{prefix}/examination.json"))
    if pages is not None:
        pages["Examination"] = f"{prefix}/examination.html"
    return Examination(
        usecase=usecase.name,
        run=run,
        training=training.id,
        model_version=training.model_version or "",
        said=found["sentence"],
        without_gain=tuple(found["without_gain"]),
        suspects=tuple(found["suspects"]),
        page=f"{prefix}/examination.html",
        repeated=known is not None,
    )


def _run_id(site: Site, usecase: UseCase, training: Bundle) -> str:
    assert training.as_of is not None  # noqa: S101 - a training bundle has one by construction
    return run_id(
        kind="examine",
        usecase=usecase.name,
        at=instant(training.as_of),
        inputs={"training": training.digest},
        code={"version": code_identity(site.settings.checkout)["version"]},
        parameters=usecase.config.examination.model_dump(mode="json"),
    )


def _write(
    site: Site, usecase: UseCase, *, training: Bundle, run: str, folder: Path, said: Said
) -> None:
    """Examine, then write what was found and its page and, once they are there, the bundle."""
    started = perf_counter()
    said(f"fetching frame, model and snapshot of {training.model_version}")
    own, data = lay_training(site, usecase, training=training, folder=folder)
    said("timing the feature code")
    cost = measure_cost(own, data)
    found = measure(
        data,
        own.config,
        usecase.config.examination,
        identity={"run": training.id, "model_version": training.model_version or ""},
        parts=cost.features(),
        said=said,
    ).document()
    bundle = Bundle(
        id=run,
        kind="examine",
        usecase=usecase.name,
        as_of=training.as_of,
        model_version=training.model_version,
        code=Code(**code_identity(site.settings.checkout)),
        environment=environment_identity(),
        parameters=usecase.config.examination.model_dump(mode="json"),
        inputs={
            "training": training.id,
            "bundle": training.digest,
            "outputs": {path: out["md5"] for path, out in _wanted(training).items()},
            "examination": digest(found),
        },
    )
    # what was measured is in the page and in an observation, outside every promise about bytes
    observed = {"cost": cost.document(), **_observed(started)}
    page = render_examination(found, observed=observed, run=run)
    site.store.create(f"{bundle.prefix}/examination.html", page.encode())
    site.store.create(f"{bundle.prefix}/examination.json", canonical_json(found))
    write_bundle(site.store, bundle)
    observe(site.store, bundle, observed)


def _wanted(training: Bundle) -> dict[str, dict[str, Any]]:
    data = f"data/{training.usecase}"
    return {f"{data}/{name}": training.outputs[f"{data}/{name}"] for name in READ}


def lay_training(
    site: Site, usecase: UseCase, *, training: Bundle, folder: Path
) -> tuple[UseCase, Path]:
    """The training's own configuration, and its outputs, each checked against its md5."""
    try:
        config = UseCaseConfig.model_validate(training.parameters)
    except ValidationError as error:
        raise ConfigError(
            "the configuration of a training cannot be read by this version of Laurel",
            usecase=usecase.name,
            found=error.errors()[0]["msg"],
            detail=training.prefix,
        ) from error
    for path, output in _wanted(training).items():
        names = site.plane.names(str(output["md5"]))
        site.plane.place({folder / path / name: md5 for name, md5 in names.items()})
    data = folder / "data" / usecase.name
    (data / "window.json").write_text(training.files[f"data/{usecase.name}/window.json"])
    return UseCase(folder=usecase.folder, config=config), data


def _observed(started: float) -> dict[str, float]:
    return {
        "seconds": round(perf_counter() - started, 3),
        "peak_memory_bytes": getrusage(RUSAGE_SELF).ru_maxrss * 1024,
    }
