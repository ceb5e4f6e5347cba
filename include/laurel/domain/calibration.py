"""Calibration: margins of a classifier → probabilities that come true; plain numbers, no model.

Fitted on the validation days, whose rows the trees did not learn from (they did say when to stop),
and never on the hold-out. It stands after the trees: contributions of features are to the margin,
before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from laurel.domain.objective.rules import sigmoid, softmax

Floats = NDArray[np.float64]
STEPS = 100
RIDGE = 1e-9
"""Keeps a step of Newton's finite where the classes are separable."""
STILL = 1e-10
STEEPEST = 1e3


class Calibration(Protocol):
    """A map from margins to probabilities."""

    def apply(self, margins: Floats) -> Floats:
        """Probabilities of margins, in the order of the rows."""
        ...

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        ...


@dataclass(frozen=True)
class Sigmoid:
    """``1 / (1 + exp(-(slope * margin + intercept)))``.

    Source: Platt, Probabilistic outputs for support vector machines, 1999.
    """

    slope: float
    intercept: float

    def apply(self, margins: Floats) -> Floats:
        """Probabilities of margins of shape (rows,)."""
        return sigmoid(self.slope * margins + self.intercept)

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"method": "sigmoid", "slope": self.slope, "intercept": self.intercept}


@dataclass(frozen=True)
class Isotonic:
    """The nondecreasing steps that fit best, with straight lines between them.

    Source: Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability
    estimates, KDD 2002.
    """

    margins: tuple[float, ...]
    probabilities: tuple[float, ...]

    def apply(self, margins: Floats) -> Floats:
        """Probabilities of margins of shape (rows,); beyond the ends, those of the ends."""
        return np.interp(margins, self.margins, self.probabilities)

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "method": "isotonic",
            "margins": list(self.margins),
            "probabilities": list(self.probabilities),
        }


@dataclass(frozen=True)
class Temperature:
    """``softmax(margins / temperature)``: the order of the classes stays.

    Source: Guo et al., On calibration of modern neural networks, ICML 2017.
    """

    temperature: float

    def apply(self, margins: Floats) -> Floats:
        """Probabilities of margins of shape (rows, classes)."""
        return softmax(margins / self.temperature)

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"method": "temperature", "temperature": self.temperature}


def fit_calibration(
    method: str, margins: NDArray[Any], labels: NDArray[Any], weights: NDArray[Any] | None = None
) -> Calibration:
    """Fit a calibration; labels are 0 and 1, or places of classes.

    >>> found = fit_calibration("sigmoid", np.array([-2.0, -1, 1, 2]), np.array([0, 1, 0, 1]))
    >>> bool(abs(found.apply(np.zeros(1))[0] - 0.5) < 1e-6)
    True
    """
    margins, labels = np.asarray(margins, np.float64), np.asarray(labels, np.float64)
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    return FITS[method](margins, labels, weights)


def read_calibration(document: Mapping[str, Any]) -> Calibration:
    """Read what :meth:`Calibration.document` wrote; raises ``KeyError`` for an unknown method."""
    said = {name: value for name, value in document.items() if name != "method"}
    if document["method"] == "isotonic":
        said = {name: tuple(values) for name, values in said.items()}
    return KINDS[document["method"]](**said)


def _fit_sigmoid(margins: Floats, labels: Floats, weights: Floats) -> Sigmoid:
    # Platt's targets: a step away from 0 and 1, so that few rows do not promise too much
    positive = (weights * labels).sum()
    negative = (weights * (1 - labels)).sum()
    target = np.where(labels > 0, (positive + 1) / (positive + 2), 1 / (negative + 2))
    place = np.array([1.0, 0.0])
    loss = _cross_entropy(place, margins, target, weights)
    for _ in range(STEPS):
        step = _newton(place, margins, target, weights)
        after = _cross_entropy(place - step, margins, target, weights)
        while after > loss and np.abs(step).max() > STILL:
            step = step / 2
            after = _cross_entropy(place - step, margins, target, weights)
        if np.abs(step).max() <= STILL:
            break
        place, loss = place - step, after
    return Sigmoid(slope=float(place[0]), intercept=float(place[1]))


def _newton(place: Floats, margins: Floats, target: Floats, weights: Floats) -> Floats:
    found = sigmoid(place[0] * margins + place[1])
    gap, curve = weights * (found - target), weights * found * (1 - found)
    first = ((gap * margins).sum(), gap.sum())
    cross = (curve * margins).sum()
    aa, bb = (curve * margins**2).sum() + RIDGE, curve.sum() + RIDGE
    step = np.array([bb * first[0] - cross * first[1], aa * first[1] - cross * first[0]])
    return np.asarray(step / (aa * bb - cross**2))


def _cross_entropy(place: Floats, margins: Floats, target: Floats, weights: Floats) -> float:
    odds = place[0] * margins + place[1]
    return float((weights * (np.logaddexp(0, odds) - target * odds)).sum())


def _fit_isotonic(margins: Floats, labels: Floats, weights: Floats) -> Isotonic:
    kept = weights > 0
    margins, labels, weights = margins[kept], labels[kept], weights[kept]
    places, member = np.unique(margins, return_inverse=True)
    mass = np.bincount(member, weights=weights)
    means = np.bincount(member, weights=weights * labels) / mass
    fitted = isotonic_regression(means, weights=mass).x
    # a step of few rows must not promise 0 or 1, of which one counterexample costs without bound
    least = 1 / (mass.sum() + 2)
    fitted = np.clip(fitted, least, 1 - least)
    steps = np.diff(fitted) != 0
    ends = np.r_[True, steps] | np.r_[steps, True]
    return Isotonic(
        margins=tuple(float(each) for each in places[ends]),
        probabilities=tuple(float(each) for each in fitted[ends]),
    )


def _fit_temperature(margins: Floats, labels: Floats, weights: Floats) -> Temperature:
    own = np.take_along_axis(margins, labels.astype(int)[:, None], axis=1)[:, 0]
    beta = 1.0
    # the loss is convex in the inverse temperature: Newton's steps, never below a tenth
    for _ in range(STEPS):
        shares = softmax(margins * beta)
        middle = (shares * margins).sum(axis=1)
        slope = (weights * (middle - own)).sum()
        curve = (weights * ((shares * margins**2).sum(axis=1) - middle**2)).sum() + RIDGE
        after = float(np.clip(beta - slope / curve, max(beta / 10, 1 / STEEPEST), STEEPEST))
        if abs(after - beta) < 1e-12 * beta:
            break
        beta = after
    return Temperature(temperature=1 / beta)


KINDS: Mapping[str, Callable[..., Calibration]] = MappingProxyType(
    {"sigmoid": Sigmoid, "isotonic": Isotonic, "temperature": Temperature}
)
FITS: Mapping[str, Callable[[Floats, Floats, Floats], Calibration]] = MappingProxyType(
    {"sigmoid": _fit_sigmoid, "isotonic": _fit_isotonic, "temperature": _fit_temperature}
)
"""All methods by name."""
