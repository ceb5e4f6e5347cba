"""The tables of plots: what they say, for each objective, and that DVC finds what it draws."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve
from sklearn.metrics import roc_curve as sklearn_roc

from laurel.domain.plotfiles import plots_of
from laurel.domain.plots import POINTS, plot_tables, precision_recall, roc_curve
from laurel.domain.scorecurve import describe_scores

IMPORTANCE = [{"name": "amount, net", "gain_share": 0.75}, {"name": "hour", "gain_share": 0.25}]


def tables(objective: str, labels: Any, scores: Any, classes: tuple[str, ...] = ()) -> Any:
    curve = describe_scores(labels, scores, classes=classes)["curves"][0]
    texts = plot_tables(
        objective, labels, scores, classes=classes, curve=curve, importance=IMPORTANCE
    )
    return {name: list(csv.DictReader(io.StringIO(text))) for name, text in texts.items()}


@pytest.mark.parametrize("objective", ["binary", "regression", "count"])
def test_each_plot_has_the_columns_that_dvc_is_told_to_draw(objective: str) -> None:
    labels, scores = np.array([0, 1, 1, 0, 1]), np.array([0.1, 0.8, 0.4, 0.4, 0.9])

    found = tables(objective, labels, scores)

    assert set(found) == {plot.file for plot in plots_of(objective)}
    for plot in plots_of(objective):
        assert found[plot.file], plot.file
        assert set(found[plot.file][0]) == {plot.x, plot.y}
    assert found["importance.csv"][0] == {"gain": "0.75", "feature": "amount, net"}
    assert sum(float(row["share"]) for row in found["scores.csv"]) == pytest.approx(1, abs=1e-5)


def test_classes_are_drawn_as_a_confusion_of_the_most_likely_one() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]])

    found = tables("multiclass", np.array([0, 1, 1]), scores, ("red", "green", "blue"))

    pairs = [(row["actual"], row["predicted"]) for row in found["confusion.csv"]]
    assert pairs == [("red", "red"), ("green", "blue"), ("green", "green")]
    assert set(found) == {"confusion.csv", "importance.csv"}


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=60))
def test_curves_are_those_of_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    labels = np.array([int(label) for label, _ in rows])
    scores = np.array([score / 10 for _, score in rows], np.float32)
    if labels.min() == labels.max():
        return

    false, true, _ = sklearn_roc(labels, scores, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(labels, scores)

    np.testing.assert_allclose(roc_curve(labels, scores), np.c_[false, true])
    # scikit-learn ends at recall 0 and precision 1, which is no threshold's
    own = np.array(precision_recall(labels, scores))[::-1]
    np.testing.assert_allclose(own, np.c_[recall, precision][:-1])


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1]])
def test_a_curve_of_one_outcome_is_empty(labels: list[int]) -> None:
    assert roc_curve(np.array(labels), np.array([0.1, 0.2, 0.3])) == []


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    rng = np.random.default_rng(3)
    labels, scores = rng.integers(0, 2, 5000), rng.random(5000)

    found = roc_curve(labels, scores)

    assert len(found) <= POINTS + 1
    assert (found[0], found[-1]) == ((0.0, 0.0), (1.0, 1.0))
