"""The mathematics that entries are made of: checks of labels, links, constant models."""

from __future__ import annotations

import numpy as np

from laurel.domain.objective.base import Classes, Numbers

# --- what labels may be


def zero_or_one(labels: Numbers) -> bool:
    """Whether labels are of two outcomes."""
    return bool(np.isin(labels, (0.0, 1.0)).all())


def places(labels: Numbers) -> bool:
    """Whether labels are places of classes; what is no class is nan before."""
    return bool((labels >= 0).all())


def finite(labels: Numbers) -> bool:
    """Whether labels are numbers."""
    return bool(np.isfinite(labels).all())


def counts(labels: Numbers) -> bool:
    """Whether labels are whole and not below zero."""
    return bool((np.isfinite(labels) & (labels >= 0) & (labels == np.floor(labels))).all())


# --- what a part must hold


def lacking_an_outcome(labels: Numbers, _classes: Classes, _split: str) -> str | None:
    """Every part needs both outcomes.

    >>> lacking_an_outcome(np.array([1, 1]), (), "train")
    'both outcomes'
    """
    return "both outcomes" if len(np.unique(labels)) < 2 else None


def lacking_a_class(labels: Numbers, classes: Classes, split: str) -> str | None:
    """The train days need every class, the others a row.

    >>> lacking_a_class(np.array([0, 2]), ("a", "b", "c"), "train")
    'the class b'
    """
    rows = np.bincount(labels.astype(int), minlength=len(classes))
    never = [str(each) for each, n in zip(classes, rows, strict=True) if not n]
    if never and split == "train":
        return f"the class {', '.join(never)}"
    return lacking_rows(labels, classes, split)


def lacking_rows(labels: Numbers, _classes: Classes, _split: str) -> str | None:
    """Every part needs a row."""
    return None if len(labels) else "a row with an outcome"


def lacking_events(labels: Numbers, classes: Classes, split: str) -> str | None:
    """Every part needs something that was counted."""
    return lacking_rows(labels, classes, split) or (
        None if labels.sum() > 0 else "anything counted"
    )


# --- what is said of them


def positives(labels: Numbers, _classes: Classes) -> dict[str, float]:
    """How many are positive."""
    return {"positive": int(labels.sum())}


def rows_by_class(labels: Numbers, classes: Classes) -> dict[str, float]:
    """How many there are of each class.

    >>> rows_by_class(np.array([0, 2, 2]), ("a", "b", "c"))
    {'a': 1, 'b': 0, 'c': 2}
    """
    rows = np.bincount(labels.astype(int), minlength=len(classes))
    return {str(each): int(n) for each, n in zip(classes, rows, strict=True)}


def moments(labels: Numbers, _classes: Classes) -> dict[str, float]:
    """Their mean and spread; nothing of no labels."""
    if not len(labels):
        return {}
    return {"mean": round(float(np.mean(labels)), 9), "std": round(float(np.std(labels)), 9)}


def events(labels: Numbers, _classes: Classes) -> dict[str, float]:
    """How much was counted."""
    return {"counted": int(labels.sum())}


# --- links


def sigmoid(margins: Numbers) -> Numbers:
    """Log odds → probability.

    >>> sigmoid(np.array([0.0]))
    array([0.5])
    """
    # the two halves, so that no exponential overflows
    small = np.exp(-np.abs(margins))
    return np.where(margins >= 0, 1 / (1 + small), small / (1 + small))


def softmax(margins: Numbers) -> Numbers:
    """Margins of shape (rows, classes) → probabilities that add up to one."""
    shares = np.exp(margins - margins.max(axis=1, keepdims=True, initial=-np.inf))
    found: Numbers = shares / shares.sum(axis=1, keepdims=True)
    return found


def same(margins: Numbers) -> Numbers:
    """The margin is the score."""
    return margins


# --- constant models


def mean(labels: Numbers, _exposures: Numbers, _classes: Classes) -> Numbers:
    """The mean label."""
    return np.array(np.mean(labels))


def shares(labels: Numbers, _exposures: Numbers, classes: Classes) -> Numbers:
    """The share of each class."""
    return np.bincount(labels.astype(int), minlength=len(classes)) / len(labels)


def rate(labels: Numbers, exposures: Numbers, _classes: Classes) -> Numbers:
    """What was counted, by exposure."""
    return np.array(labels.sum() / exposures.sum())


# --- what a reliability curve shows


def as_they_are(labels: Numbers, scores: Numbers) -> tuple[Numbers, Numbers]:
    """Labels against scores."""
    return labels, scores


def of_the_likeliest(labels: Numbers, scores: Numbers) -> tuple[Numbers, Numbers]:
    """Whether the most probable class is the own one, against its probability."""
    if not len(labels):
        return labels, labels.astype(np.float64)
    return (scores.argmax(axis=1) == labels).astype(np.float64), scores.max(axis=1)
