"""Cost: how long a model's own feature code takes over the last days of its hold-out.

A function that makes many columns cannot be timed column by column. Feature code that is put
together from parts says so in ``PARTS``, functions by name, each ``(rows, context) → frame`` as
``featurize`` itself; then each part is timed by itself, and its columns share its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time
from typing import Any

from laurel.adapters.documents import read_json
from laurel.adapters.xgboost import FEATURES
from laurel.domain.featureset import Featurizer, compute_features
from laurel.domain.history import PARTITION
from laurel.domain.objective import as_learned
from laurel.domain.window import lookback, read_window
from laurel.errors import ConfigError
from laurel.stages.featurize import labelled, load_featurizer, load_snapshot
from laurel.usecase import UseCase, load_module

DAYS = 3
WHOLE = "featurize"
"""The name of the only part of feature code that names none."""


@dataclass(frozen=True)
class PartCost:
    """One part of the feature code."""

    name: str
    features: tuple[str, ...]
    seconds: float
    """Of processor time; an observation, another one each time."""


@dataclass(frozen=True)
class Cost:
    """What building features took, part by part."""

    parts: tuple[PartCost, ...]
    seconds: float
    """Of the whole feature code."""
    rows: int
    partitions: int

    def features(self) -> dict[str, tuple[str, ...]]:
        """Features by part; none where the code names no parts."""
        return {part.name: part.features for part in self.parts if part.name != WHOLE}

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def measure_cost(usecase: UseCase, data: Path) -> Cost:
    """Time the feature code of the model in ``data`` over its snapshot there.

    Raises :class:`ConfigError` for ``PARTS`` that make other columns than ``featurize`` does.
    """
    about = read_json(data / "model" / "model.json")
    config = as_learned(usecase.config, about)
    window = read_window(read_json(data / "window.json"))
    looked = lookback(config, window.holdout.first)
    rows, past = load_snapshot(usecase, data, first=looked.first if looked else None)
    rows = labelled(rows, window, config, splits=("holdout",))
    days = sorted(rows[PARTITION].unique())[-DAYS:]
    rows = rows[rows[PARTITION].isin(days)].reset_index(drop=True)

    def timed(featurizer: Featurizer) -> tuple[tuple[str, ...], float]:
        started = process_time()
        made = compute_features(featurizer, rows, past, config=config)
        return tuple(map(str, made.columns)), round(process_time() - started, 4)

    file = data / "model" / FEATURES
    names, seconds = timed(load_featurizer(file, usecase=usecase.name))
    parts = {name: timed(part) for name, part in _parts(file, usecase.name).items()}
    _check(names, parts, usecase=usecase.name)
    if not parts:
        parts = {WHOLE: (names, seconds)}
    found = (PartCost(name, features, spent) for name, (features, spent) in parts.items())
    return Cost(parts=tuple(found), seconds=seconds, rows=len(rows), partitions=len(days))


def _parts(file: Path, usecase: str) -> Mapping[str, Featurizer]:
    parts = getattr(load_module(file, usecase=usecase), "PARTS", {})
    if not isinstance(parts, Mapping) or not all(map(callable, parts.values())):
        raise ConfigError(
            "PARTS of the feature code are functions by name",
            usecase=usecase,
            found=type(parts).__name__,
            detail=str(file),
        )
    return parts


def _check(
    names: tuple[str, ...], parts: Mapping[str, tuple[tuple[str, ...], float]], *, usecase: str
) -> None:
    made = [name for features, _ in parts.values() for name in features]
    if parts and sorted(made) != sorted(names):
        differing = sorted({*names} ^ {*made}) or sorted({n for n in made if made.count(n) > 1})
        raise ConfigError(
            "the parts of the feature code do not make the features that featurize makes",
            usecase=usecase,
            found=f"other columns: {', '.join(differing[:6])}",
            hint="let featurize put PARTS together, so that they cannot differ",
        )
