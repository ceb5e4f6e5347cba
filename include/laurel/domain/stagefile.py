"""The text of ``dvc.yaml`` and ``params.yaml``: the training stages of all use cases.

Every stage names the code it runs, the data it reads and the part of the configuration it obeys,
so DVC runs it again when any of them changes and at no other time. The configuration of a stage is
what ``params.yaml`` says, written from its ``usecase.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import yaml

from laurel.domain.config import UseCaseConfig
from laurel.domain.config.engine import changes_bytes
from laurel.domain.plotfiles import FOLDER as PLOTS
from laurel.domain.plotfiles import definitions
from laurel.domain.stagecode import CODE as CODE
from laurel.domain.stagecode import TUNE as TUNE

VERBS = ("assemble", "validate", "featurize", "train", "evaluate", "explain", "verdict")
"""The training stages of every use case, in their order."""
NOTE = "# Written by `laurel dvc sync` from the use cases: do not edit.\n"
DVC_YAML, PARAMS_YAML = "dvc.yaml", "params.yaml"

_PACKAGE = "include/laurel"


class Configured(Protocol):
    """A use case, as far as this file needs it."""

    @property
    def config(self) -> UseCaseConfig: ...


@dataclass(frozen=True)
class _Stage:
    """What a stage reads, obeys and writes, relative to ``data/<use case>``."""

    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


def dvc_yaml(usecases: Iterable[Configured]) -> str:
    """The text of ``dvc.yaml`` over these use cases, sorted by name: same input, same text."""
    configs = _sorted(usecases)
    stages = {
        stage_name(config.name, verb): _document(config, verb)
        for config in configs
        for verb in verbs_of(config)
    }
    plots = [plot for config in configs for plot in definitions(config)]
    return NOTE + _dump({"stages": stages, "plots": plots})


def params_yaml(usecases: Iterable[Configured]) -> str:
    """The text of ``params.yaml``: the whole configuration of each use case under its name."""
    return NOTE + _dump({config.name: config.document() for config in _sorted(usecases)})


def stage_name(usecase: str, verb: str) -> str:
    """The name of a stage in ``dvc.yaml``.

    >>> stage_name("flights", "train")
    'flights_train'
    """
    return f"{usecase}_{verb}"


def verbs_of(config: UseCaseConfig) -> tuple[str, ...]:
    """The training stages of a use case, in their order."""
    if config.training.tuning is None:
        return VERBS
    place = VERBS.index("train")
    return (*VERBS[:place], TUNE, *VERBS[place:])


def stage_names(config: UseCaseConfig) -> list[str]:
    """The names in ``dvc.yaml`` of a use case's training stages, in their order."""
    return [stage_name(config.name, verb) for verb in verbs_of(config)]


def code_files(usecase: Configured) -> list[str]:
    """The code that the stages depend on, relative to the root of the repository, sorted."""
    config = usecase.config
    return sorted({name for verb in verbs_of(config) for name in _code(config, verb)})


def _sorted(usecases: Iterable[Configured]) -> list[UseCaseConfig]:
    return sorted((usecase.config for usecase in usecases), key=lambda config: config.name)


def _code(config: UseCaseConfig, verb: str) -> list[str]:
    files = {f"{_PACKAGE}/{module}.py" for module in CODE[verb]}
    if verb in ("featurize", "train"):
        files.add(f"include/usecases/{config.name}/{config.features.file}")
    if verb == "validate":
        folder, _, suite = config.training.suite.partition(".")
        files.add(f"expectations/{folder}/{suite}.json")
    return sorted(files)


def _document(config: UseCaseConfig, verb: str) -> dict[str, Any]:
    stage = _stage(config, verb)
    data = f"data/{config.name}"
    document: dict[str, Any] = {
        "cmd": f"laurel stage {verb} {config.name}",
        "deps": sorted([*_code(config, verb), *(f"{data}/{name}" for name in stage.deps)]),
        "params": [f"{config.name}.{name}" for name in sorted(stage.params)],
        "outs": [f"{data}/{name}" for name in stage.outs],
        "metrics": [f"{data}/{name}" for name in stage.metrics],
    }
    return {key: value for key, value in document.items() if value}


def _stage(config: UseCaseConfig, verb: str) -> _Stage:
    shape = ("datasets", "label", "start")
    tuned = () if config.training.tuning is None else ("tuning",)
    stages = {
        "assemble": _Stage(
            deps=("window.json", *(f"inputs/{name}" for name in sorted(config.datasets))),
            params=(*shape, "scoring.horizon_hours"),
            outs=("snapshot",),
        ),
        "validate": _Stage(
            deps=("snapshot",),
            params=("training.suite",),
            outs=("validation.json", "validation.html"),
        ),
        "featurize": _Stage(
            deps=("window.json", "snapshot", "validation.json"),
            params=(*shape, "features", "training.weights"),
            outs=("frame",),
        ),
        TUNE: _Stage(
            deps=("window.json", "frame"),
            params=(
                "datasets",
                "label",
                "training.model",
                "training.tuning",
                "training.validation_days",
                "training.weights",
            ),
            outs=("tuning",),
        ),
        "train": _Stage(
            deps=("window.json", "snapshot", "frame", *tuned),
            params=(
                "datasets",
                "features",
                "label",
                "training.calibration",
                *(f"training.engine.{key}" for key in changes_bytes(config.training.engine)),
                "training.model",
                "training.weights",
            ),
            outs=("model",),
        ),
        "evaluate": _Stage(
            deps=("window.json", "snapshot", "frame", "model", "inputs/champion"),
            params=(
                *shape,
                "gate",
                *(("scoring.threshold",) if config.label.terms.threshold else ()),
                "training.calibration",
                "training.model.seed",
            ),
            outs=("evidence",),
            metrics=("metrics.json",),
        ),
        "explain": _Stage(
            deps=("frame", "model"), params=("datasets", "label"), outs=("explanation", PLOTS)
        ),
        "verdict": _Stage(deps=("evidence", "model"), params=("gate",), outs=("verdict.json",)),
    }
    return stages[verb]


def _dump(document: object) -> str:
    return yaml.safe_dump(
        document, sort_keys=False, default_flow_style=False, width=100, allow_unicode=True
    )
