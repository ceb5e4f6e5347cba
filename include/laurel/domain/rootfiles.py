"""The state of one use case, put into the root files that cover all use cases.

``dvc.yaml`` (stages and plots), ``params.yaml`` and ``dvc.lock`` of a run hold one use case. Laid
over those of a clone, what they say of that use case takes the place of what was said of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from laurel.domain.stagefile import DVC_YAML, NOTE, PARAMS_YAML
from laurel.errors import ConfigError

DVC_LOCK = "dvc.lock"
ROOT_FILES = (DVC_YAML, PARAMS_YAML, DVC_LOCK)

Document = dict[str, Any]


def merge_root_files(
    there: Mapping[str, str], run: Mapping[str, str], *, usecase: str, keep_unlocked: bool = False
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The texts of the root files with a run's state of a use case, and who has no state there.

    there: the texts of the clone, those that exist. run: the texts of the run's bundle. Other use
    cases keep their stages. One of which ``dvc.lock`` holds nothing is left out of ``dvc.yaml``
    unless ``keep_unlocked``: neither ``dvc pull`` nor ``dvc repro`` can succeed while it is there.
    Raises :class:`ConfigError` for a file that is no YAML mapping.
    """
    clone = {name: _load(there.get(name, ""), name) for name in ROOT_FILES}
    own = {name: _load(run[name], name) for name in ROOT_FILES}
    lock = _with_stages(clone[DVC_LOCK], own[DVC_LOCK], usecase=usecase)
    stages = _with_stages(clone[DVC_YAML], own[DVC_YAML], usecase=usecase)
    locked = {owner_of(stage) for stage in lock["stages"].values()}
    owners = sorted({owner_of(stage) or "" for stage in stages["stages"].values()} - {""})
    unlocked = tuple(name for name in owners if name not in locked)
    out = () if keep_unlocked else unlocked
    stages["stages"] = {
        name: stage for name, stage in stages["stages"].items() if owner_of(stage) not in out
    }
    plots = _plots(clone[DVC_YAML], without=(usecase, *out)) + _plots(own[DVC_YAML])
    stages.update({"plots": plots} if plots else {})
    texts = {
        DVC_YAML: NOTE + dump(stages),
        PARAMS_YAML: NOTE + dump(dict(sorted({**clone[PARAMS_YAML], **own[PARAMS_YAML]}.items()))),
        DVC_LOCK: dump({"schema": "2.0", **lock}),
    }
    return texts, unlocked


def owner_of(stage: Mapping[str, Any]) -> str | None:
    """The use case that a stage of ``dvc.yaml`` or ``dvc.lock`` belongs to, by its command.

    >>> owner_of({"cmd": "laurel stage train flights"})
    'flights'
    >>> owner_of({"cmd": "python train.py"}) is None
    True
    """
    words = str(stage.get("cmd", "")).split()
    return words[3] if words[:2] == ["laurel", "stage"] and len(words) > 3 else None


def dump(document: Document) -> str:
    """YAML as ``laurel dvc sync`` writes it: the same document, the same text."""
    return yaml.safe_dump(
        document, sort_keys=False, default_flow_style=False, width=100, allow_unicode=True
    )


def _with_stages(clone: Document, own: Document, *, usecase: str) -> Document:
    """A document whose ``stages`` of the use case are those of the run, where the first one was."""
    others = {
        name: stage
        for name, stage in (clone.get("stages") or {}).items()
        if owner_of(stage) != usecase
    }
    rest = {key: value for key, value in clone.items() if key not in ("stages", "plots")}
    before = {name: stage for name, stage in others.items() if _comes_before(stage, usecase)}
    after = {name: stage for name, stage in others.items() if name not in before}
    return {**rest, "stages": {**before, **(own.get("stages") or {}), **after}}


def _comes_before(stage: Mapping[str, Any], usecase: str) -> bool:
    return (owner_of(stage) or "") < usecase


def _plots(document: Document, *, without: tuple[str, ...] = ()) -> list[Any]:
    """Definitions of plots, but those whose file belongs to one of these use cases."""
    return [
        plot
        for plot in document.get("plots") or []
        if not any(_path(plot).startswith(f"data/{name}/") for name in without)
    ]


def _path(plot: object) -> str:
    return str(next(iter(plot), "")) if isinstance(plot, Mapping) else str(plot)


def _load(text: str, name: str) -> Document:
    try:
        document = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError("this file is no YAML", found=error, detail=name) from error
    if not isinstance(document, dict):
        raise ConfigError("this file holds no mapping", found=type(document).__name__, detail=name)
    return document
