"""A scoring of the past, computed again from the revisions and the model that its bundle names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from laurel.adapters.dvc.bytefiles import md5_of
from laurel.adapters.environment import code_identity
from laurel.adapters.records import Ledger, read_bundle
from laurel.domain.bundle import Bundle
from laurel.domain.config import Scoring, UseCaseConfig
from laurel.domain.ledger import LedgerEntry
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, IntegrityError
from laurel.runs.beside import write_answers
from laurel.runs.inputs import lay_files, load_given, read_inputs
from laurel.runs.outputs import Compared, compare_outputs
from laurel.runs.site import Site
from laurel.runs.train import trained_files
from laurel.usecase import UseCase

if TYPE_CHECKING:
    from laurel.runs.reproduce import Options


def score_as_then(
    site: Site, bundle: Bundle, folder: Path, options: Options
) -> tuple[tuple[tuple[Compared, ...], tuple[str, ...]], tuple[str, ...]]:
    """Score a partition again in a folder and compare; also notes about the code.

    Features and trees are those of the model version; what is around them is the installed code.
    Raises :class:`IntegrityError` where the catalog has another revision than the bundle names.
    """
    entry, training = _champion(site, bundle)
    usecase = _as_then(bundle, training, folder)
    day = Partition.of(bundle.partitions[0])
    inputs = read_inputs(site, usecase, bundle.inputs, partition=day, champion=entry)
    given = load_given(site, usecase, inputs=inputs, folder=folder)
    model = lay_files(site, trained_files(site, training), folder=folder / "model")
    path = next(iter(bundle.outputs))
    version = bundle.model_version or ""
    write_answers(
        site, usecase, inputs, given=given, model=model, path=folder / path, version=version
    )
    compared = compare_outputs(
        site.plane,
        bundle.outputs,
        {path: md5_of(folder / path)},
        folder=folder,
        tolerance=options.tolerance,
    )
    return (compared, ()), tuple(_code_notes(site, bundle))


def _champion(site: Site, bundle: Bundle) -> tuple[LedgerEntry, Bundle]:
    """The model that scored, and its training as the bundle names it by digest."""
    entry = Ledger(site.store, bundle.usecase).read().version(bundle.model_version or "")
    if entry is None:
        raise IntegrityError(
            "the ledger does not know the model that scored",
            usecase=bundle.usecase,
            found=bundle.model_version,
        )
    named = bundle.inputs["bundle"]
    training = read_bundle(site.store, bundle.usecase, "train", run=entry.run or "", expected=named)
    return entry, training


def _as_then(bundle: Bundle, training: Bundle, folder: Path) -> UseCase:
    """The use case as its model's training had it, scoring by the rules of the run."""
    try:
        config = UseCaseConfig.model_validate(training.parameters)
        scoring = Scoring.model_validate(bundle.parameters)
    except ValidationError as error:
        raise ConfigError(
            "the configuration of then is not one that this version of Laurel reads",
            usecase=bundle.usecase,
            found=str(error).splitlines()[0],
            hint=f"reproduce it with laurel {bundle.code.version}",
        ) from error
    return UseCase(folder=folder, config=config.model_copy(update={"scoring": scoring}))


def _code_notes(site: Site, bundle: Bundle) -> Iterator[str]:
    here = code_identity(site.settings.checkout)
    if here["commit"] != bundle.code.commit or here["version"] != bundle.code.version:
        then, now = (
            f"{version} ({commit or 'no commit'})"
            for version, commit in (
                (bundle.code.version, bundle.code.commit),
                (here["version"], here["commit"]),
            )
        )
        yield f"code: scored by {then}, again by {now}; features and trees are the model's own"
