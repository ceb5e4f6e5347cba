"""What a use case says that does not fit its objective."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from laurel.domain.config.column import Column
from laurel.domain.config.cost import COST, MatrixCost, OutcomeCost
from laurel.domain.config.terms import CLASS_RATE, MEAN_SCORE, POSITIVE_RATES, unknown
from laurel.domain.config.thresholds import GapAtMost

if TYPE_CHECKING:
    from laurel.domain.config.usecase import UseCaseConfig

NUMBERS = ("int64", "float64")
CLASS_TYPES = {int: NUMBERS, str: ("string",)}


def faults(config: UseCaseConfig) -> Iterator[str]:
    """Each thing that does not fit, as a sentence."""
    yield from _label(config)
    yield from _metrics(config)
    yield from _cost(config)
    yield from _training(config)
    if config.scoring.threshold is not None and not config.label.terms.threshold:
        yield f"scoring.threshold is not for {config.label.objective}"
    yield from _beside(config)


def _beside(config: UseCaseConfig) -> Iterator[str]:
    """What is said of challengers beside the champion and cannot be."""
    asked, canary = config.gate.shadow, config.scoring.canary
    decides = config.label.classes or config.scoring.threshold is not None
    if asked is not None and asked.changed_at_most is not None and not decides:
        yield "gate.shadow.changed_at_most needs decisions: classes, or scoring.threshold"
    if canary is None:
        return
    strange = [name for name in canary.by if name not in config.rows.columns]
    if strange:
        yield f"scoring.canary.by must be columns of the rows, these are not: {strange}"
    if config.gate.approval is not None:
        yield (
            "scoring.canary would let a model answer that nobody has approved: "
            "leave out gate.approval or the canary"
        )


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
    judged = known if config.gate.cost is None else (*known, COST)
    gaps = (*judged, *_rates(config))
    for threshold in config.gate.thresholds:
        there = gaps if isinstance(threshold, GapAtMost) else judged
        yield from _strange(config, "gate.thresholds names", threshold.metric, there)
    for asked in config.gate.shadow.realised if config.gate.shadow else ():
        yield from _strange(config, "gate.shadow.realised names", asked.metric, known)
    for bound in config.monitoring.performance:
        yield from _strange(config, "monitoring.performance names", bound.metric, judged)
    wanted = config.examination.metric
    if wanted is not None and wanted not in known:
        yield (
            f"examination.metric is none that {config.label.objective} has: "
            f"{unknown(wanted, known)}"
        )


def _strange(
    config: UseCaseConfig, where: str, metric: str, known: tuple[str, ...]
) -> Iterator[str]:
    if metric not in known:
        no_cost = metric == COST and config.gate.cost is None
        yield (
            f"{where} a metric that {config.label.objective} does not have: "
            f"{unknown(metric, known)}{'; gate.cost gives a cost' if no_cost else ''}"
        )


def _rates(config: UseCaseConfig) -> tuple[str, ...]:
    """The rates of what is predicted."""
    if config.label.classes:
        return tuple(f"{CLASS_RATE}{each}" for each in config.label.classes)
    return (MEAN_SCORE, *(POSITIVE_RATES if config.scoring.threshold is not None else ()))


def _cost(config: UseCaseConfig) -> Iterator[str]:
    cost, label = config.gate.cost, config.label
    if cost is None:
        return
    if cost.kind != label.terms.cost:
        yield f"gate.cost of {label.objective} is of kind {label.terms.cost}, not {cost.kind}"
    elif isinstance(cost, MatrixCost):
        try:
            cost.rows(label.classes)
        except ValueError as error:
            yield str(error)
    elif (
        isinstance(cost, OutcomeCost) and cost.at == "decision" and config.scoring.threshold is None
    ):
        yield (
            "gate.cost.at is decision, but scoring.threshold is not given: give it, or say "
            "optimal or a number"
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
