"""What a use case says that does not fit its objective."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from laurel.domain.config.column import Column
from laurel.domain.config.terms import unknown

if TYPE_CHECKING:
    from laurel.domain.config.usecase import UseCaseConfig

NUMBERS = ("int64", "float64")
CLASS_TYPES = {int: NUMBERS, str: ("string",)}


def faults(config: UseCaseConfig) -> Iterator[str]:
    """Each thing that does not fit, as a sentence."""
    yield from _label(config)
    yield from _metrics(config)
    yield from _training(config)
    if config.scoring.threshold is not None and not config.label.terms.threshold:
        yield f"scoring.threshold is not for {config.label.objective}"


def _label(config: UseCaseConfig) -> Iterator[str]:
    label, terms = config.label, config.label.terms
    column = config.labels.columns[label.column]
    types = CLASS_TYPES[type(label.classes[0])] if label.classes else terms.label_types
    if column.type not in types:
        yield (
            f"the label column {label.column!r} is of type {column.type}, but {label.objective} "
            f"{'with these classes ' if label.classes else ''}learns from {' or '.join(types)}"
        )
    if label.exposure is not None:
        yield from _number_of_the_rows(config, "label.exposure", label.exposure)


def _metrics(config: UseCaseConfig) -> Iterator[str]:
    known = config.label.terms.metrics
    named = {
        "gate.thresholds": config.gate.thresholds,
        "monitoring.performance": config.monitoring.performance,
    }
    for where, thresholds in named.items():
        for threshold in thresholds:
            if threshold.metric not in known:
                yield (
                    f"{where} names a metric that {config.label.objective} does not have: "
                    f"{unknown(threshold.metric, known)}"
                )

    wanted = config.examination.metric
    if wanted is not None and wanted not in known:
        yield (
            f"examination.metric is none that {config.label.objective} has: "
            f"{unknown(wanted, known)}"
        )


def _training(config: UseCaseConfig) -> Iterator[str]:
    training, label = config.training, config.label
    terms, balance = label.terms, config.training.model.balance
    if balance != "none" and not terms.balanced:
        yield f"training.model.balance is not for {label.objective}: it has no classes"
    if isinstance(balance, float) and terms.balanced and not terms.positive_weight:
        yield f"training.model.balance of {label.objective} is none or balanced, not a number"
    if training.calibration not in ("none", *terms.calibrations):
        yield (
            f"training.calibration {training.calibration} is not for {label.objective}: "
            f"there is {', '.join(('none', *terms.calibrations))}"
        )
    if training.weights.column is not None:
        yield from _number_of_the_rows(config, "training.weights.column", training.weights.column)


def _number_of_the_rows(config: UseCaseConfig, where: str, name: str) -> Iterator[str]:
    columns = config.rows.columns
    column: Column | None = columns.get(name)
    if column is None:
        yield f"{where} is no column of the rows: {unknown(name, columns)}"
    elif column.type not in NUMBERS or column.nullable:
        yield f"{where} must be a number that is never null, but {name!r} is not"
