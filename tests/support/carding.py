"""A training by its stages alone, and the bundle that a run would have written of it."""

from __future__ import annotations

import json
from pathlib import Path

from laurel.domain.bundle import Bundle, Code, Environment, model_version
from laurel.domain.card import Made
from laurel.runs.train_pages import read_made
from laurel.stages.assemble import assemble
from laurel.stages.evaluate import evaluate
from laurel.stages.explain import explain
from laurel.stages.featurize import featurize
from laurel.stages.train import train
from laurel.stages.verdict import verdict
from laurel.usecase import UseCase
from support.synthetic import AS_OF

RUN = "0123456789abcdef"


def run_stages(usecase: UseCase, folder: Path) -> Path:
    """Run every pure stage but the validation in a laid workspace; the data folder."""
    assemble(usecase, folder)
    featurize(usecase, folder)
    train(usecase, folder, threads=1)
    evaluate(usecase, folder)
    explain(usecase, folder)
    verdict(usecase, folder)
    return folder / "data" / usecase.name


def make_bundle(usecase: UseCase, data: Path) -> Bundle:
    """The bundle of that training."""
    return Bundle(
        id=RUN,
        kind="train",
        usecase=usecase.name,
        as_of=AS_OF,
        model_version=model_version(usecase.name, AS_OF, RUN),
        code=Code(commit="c0ffee", dirty=False, version="0.1"),
        environment=Environment(python="3.11", packages="abc", machine="x86_64", libc="glibc 2"),
        parameters=usecase.config.document(),
        inputs={"card": usecase.config.card.model_dump(mode="json")},
        outputs={f"data/{usecase.name}/model": {"md5": "d" * 32}},
        files={f"data/{usecase.name}/window.json": (data / "window.json").read_text()},
        verdict=json.loads((data / "verdict.json").read_text()),
    )


def made_of(usecase: UseCase, data: Path) -> tuple[Bundle, Made]:
    """What :func:`laurel.domain.card.make_card` is given."""
    bundle = make_bundle(usecase, data)
    return bundle, read_made(bundle, data)
