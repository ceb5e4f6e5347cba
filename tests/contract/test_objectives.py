"""What every objective keeps, and every metric of it: words, directions, weights, links, models."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from laurel.adapters.simple import SIMPLE, simple_scores
from laurel.adapters.xgboost import fit
from laurel.domain.calibration import FITS, KINDS
from laurel.domain.config import TERMS, Cost, Label, Model, Monitoring
from laurel.domain.drift import compare_scores
from laurel.domain.featureset import EXPOSURE, Part
from laurel.domain.metric import Metric, cost_metric, rates_of, resolve
from laurel.domain.objective import OBJECTIVES, Objective, find_objective
from laurel.domain.performance import by_day, calibration, estimate, matured, measure
from laurel.domain.profile import bin_counts, build_profile, empty_counts, merge
from laurel.pages.names import METRIC_NAMES

CLASSES = ("blue", "green", "red")
SAID: dict[str, dict[str, Any]] = {
    "binary": {},
    "multiclass": {"classes": CLASSES},
    "regression": {},
    "count": {"exposure": "hours"},
}
COSTS: dict[str, dict[str, Any]] = {
    "binary": {"kind": "outcomes", "false_positive": 2, "false_negative": 5, "at": "optimal"},
    "multiclass": {
        "kind": "matrix",
        "costs": {
            own: {said: 1.0 + abs(ours - theirs) for theirs, said in enumerate(CLASSES)}
            | {own: -0.5}
            for ours, own in enumerate(CLASSES)
        },
        "at": "optimal",
    },
    "regression": {"kind": "units", "under": 3, "over": 1},
    "count": {"kind": "units", "under": 1, "over": 2},
}
METRICS = [(name, metric) for name, entry in OBJECTIVES.items() for metric in entry.metrics]
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def bound(name: str) -> Objective:
    return find_objective(Label(column="y", objective=name, **SAID[name]))


@pytest.fixture(params=sorted(OBJECTIVES))
def objective(request: pytest.FixtureRequest) -> Objective:
    return bound(request.param)


def rows_of(objective: Objective, seed: int, count: int = 30) -> Rows:
    """Labels, scores and how often each row counts; every class is there."""
    draw = np.random.default_rng(seed)
    times = draw.integers(0, 4, count)
    if objective.name == "regression":
        labels = draw.normal(3, 2, count).round(1) + 20
        return labels, labels + draw.normal(0, 1, count), times
    if objective.name == "count":
        expected = draw.gamma(2, 1, count)
        return draw.poisson(expected), expected + 0.1, times
    width = max(2, objective.width)
    labels = np.arange(count) % width
    times[:width] += 1
    margins = draw.normal(0, 1, (count, objective.width)) + 1.5 * (
        labels[:, None] == np.arange(objective.width) + (0 if objective.classes else 1)
    )
    return labels, objective.link(margins if objective.classes else margins[:, 0]), times


def parts(objective: Objective, count: int = 240) -> Part:
    """Rows of which something can be learned, one number and one category."""
    draw = np.random.default_rng(5)
    x = draw.normal(size=count).astype("float32")
    features = pd.DataFrame({"x": x, "c": pd.Series(draw.choice(["a", "b"], count), dtype="str")})
    pull = 1.5 * x + np.where(features["c"] == "a", 0.5, -0.5)
    if objective.name == "regression":
        return Part(features, pull + draw.normal(0, 0.3, count))
    if objective.name == "count":
        hours = draw.uniform(0.5, 4, count).astype("float32")
        labels = draw.poisson(hours * np.exp(0.5 * pull))
        return Part(features.assign(**{EXPOSURE: hours}), labels)
    if objective.classes:
        return Part(features, np.digitize(pull + draw.normal(0, 0.5, count), [-1, 1]))
    return Part(features, (pull + draw.normal(0, 0.5, count) > 0).astype(int))


def test_every_objective_is_in_the_configuration_and_the_other_way_round() -> None:
    assert set(OBJECTIVES) == set(TERMS) == set(SAID)
    for name, entry in OBJECTIVES.items():
        assert entry.name == name
        assert entry.terms is TERMS[name]
        assert tuple(entry.metrics) == TERMS[name].metrics


def test_every_objective_has_a_simple_model_calibrations_and_names(objective: Objective) -> None:
    assert objective.simple in SIMPLE
    assert set(objective.terms.calibrations) <= set(FITS) == set(KINDS)
    assert bool(objective.terms.calibrations) == objective.probabilities
    assert set(objective.metrics) <= set(METRIC_NAMES)
    chosen = (objective.stopping, objective.against_constant, objective.against_simple)
    assert all(objective.metrics[metric.name] is metric for metric in chosen)
    assert set(objective.charted) <= set(objective.metrics)


def test_scores_of_the_trees_are_the_link_of_their_margins(objective: Objective) -> None:
    part = parts(objective)
    model = fit(part, part, Model(rounds=5), objective=objective, threads=1)
    margins = model.margin(part.features).astype(np.float64)
    assert model.predict(part.features).shape == margins.shape
    assert margins.shape == ((240, 3) if objective.classes else (240,))
    np.testing.assert_allclose(objective.link(margins), model.predict(part.features), rtol=2e-5)
    assert model.objective == objective


def test_a_model_beats_the_constant_and_no_row_gives_no_score(objective: Objective) -> None:
    part = parts(objective)
    model = fit(part, part, Model(rounds=20), objective=objective, threads=1)
    constant = objective.constant(part.labels, part.exposures, objective.classes)
    said = np.multiply.outer(part.exposures, constant)
    loss = objective.against_constant
    found, reference = (
        np.array([loss(part.labels, each)]) for each in (model.predict(part.features), said)
    )
    assert loss.gain(found, reference)[0] > 0
    none = part.features.iloc[:0]
    for ask in (model.predict, model.raw, model.margin):
        assert ask(none).shape == ((0, 3) if objective.classes else (0,))


def test_the_simple_model_learns_what_is_simple(objective: Objective) -> None:
    part = parts(objective)
    metric = objective.against_simple
    scores = simple_scores(part, part, objective=objective)
    constant = objective.constant(part.labels, part.exposures, objective.classes)
    said = np.multiply.outer(part.exposures, constant)
    assert metric(part.labels, scores) > metric(part.labels, said) + 0.2


def test_labels_that_are_right_come_back_as_numbers(objective: Objective) -> None:
    given = {
        "binary": [0, 1, None],
        "multiclass": ["red", "blue", None],
        "regression": [1.5, -2.0, None],
        "count": [0, 7, None],
    }[objective.name]
    numbers = objective.encode(pd.Series(given, dtype="str" if objective.classes else "float64"))
    assert np.isnan(numbers[2])
    assert objective.labels.are_right(numbers[:2])
    wrong = {"binary": 2.0, "multiclass": -1.0, "regression": np.inf, "count": 0.5}
    assert not objective.labels.are_right(np.array([0.0, wrong[objective.name]]))


def test_scores_go_into_a_table_and_come_back(objective: Objective) -> None:
    _, scores, _ = rows_of(objective, 1)
    names = objective.names("challenger")
    table = pd.DataFrame(objective.columns(scores, names))
    assert np.array_equal(objective.scores(table, names), scores)
    assert len(objective.score_columns) == len(set(objective.score_columns)) == objective.width


def test_a_part_without_rows_is_not_learned_from(objective: Objective) -> None:
    assert objective.labels.lacking(np.empty(0), objective.classes, "train")
    assert objective.labels.summary(np.empty(0), objective.classes) is not None


# --- what the nightly report says of each


def scored(objective: Objective, count: int = 6_000) -> pd.DataFrame:
    """Rows whose labels come as their scores say, of two days; some have no label yet."""
    draw = np.random.default_rng(9)
    names = objective.score_columns
    if objective.classes:
        scores = objective.link(draw.normal(0, 1.5, (count, 3)))
        places = (draw.random(count)[:, None] > scores.cumsum(axis=1)).sum(axis=1)
        labels = pd.Series(np.array(CLASSES, dtype=object)[places], dtype="str")
    elif objective.probabilities:
        scores = objective.link(draw.normal(0, 1.5, count))
        labels = pd.Series((draw.random(count) < scores).astype(float))
    else:
        scores = draw.gamma(4, 2, count)
        labels = pd.Series(draw.poisson(scores).astype(float))
    frame = pd.DataFrame(objective.columns(scores, names))
    days = np.where(np.arange(count) % 2, "2024-01-01", "2024-01-02")
    return frame.assign(
        label=labels.mask(np.arange(count) % 10 == 0), partition=days, model_version="v1"
    )


def test_realised_performance_counts_matured_labels_and_names_every_metric(
    objective: Objective,
) -> None:
    frame = scored(objective)
    found = measure(frame, objective=objective)
    assert (found.rows, found.labelled) == (6_000, 5_400)
    assert set(found.metrics) == set(objective.metrics)
    assert math.isnan(found.mean_label) == bool(objective.classes)
    assert [day.partition for day in by_day(frame, objective=objective)] == [
        "2024-01-01",
        "2024-01-02",
    ]
    none = measure(frame.iloc[:0], objective=objective)
    assert none.labelled == 0
    assert all(math.isnan(value) for value in none.metrics.values())


def test_scores_that_come_true_lie_on_the_reliability_curve(objective: Objective) -> None:
    labels, scores = matured(scored(objective), objective=objective)
    curve = calibration(labels, scores, objective=objective)
    assert sum(point.rows for point in curve) == len(labels)
    # intervals of 95 % may miss now and then, by little
    assert sum(point.low <= point.mean_score <= point.high for point in curve) >= 8
    assert all(point.low <= point.observed <= point.high for point in curve)


def test_an_estimate_is_what_scores_that_come_true_realise_and_only_of_probabilities(
    objective: Objective,
) -> None:
    labels, scores = matured(scored(objective), objective=objective)
    expected = estimate(scores, objective=objective)
    if not objective.probabilities:
        assert expected == {}
        return
    assert set(expected) == set(objective.metrics) - {"calibration_error"}
    for name, value in expected.items():
        assert value == pytest.approx(objective.metrics[name](labels, scores), abs=0.03)


def test_counts_of_scores_add_up_over_days_and_see_a_shift(objective: Objective) -> None:
    frame = scored(objective)
    scores = objective.scores(frame, objective.score_columns)
    features = pd.DataFrame({"x": np.arange(len(frame), dtype=float)})
    profile = build_profile(features, scores, objective=objective)
    assert set(profile["scores"]) == set(objective.score_columns)
    days = [frame["partition"] == day for day in ("2024-01-01", "2024-01-02")]
    parts = [bin_counts(profile, features[day], scores[day.to_numpy()]) for day in days]
    whole = merge(*parts)
    assert merge(empty_counts(profile), whole) == whole
    for name, entry in whole["scores"].items():
        assert entry["counts"] == profile["scores"][name]["counts"]
        assert entry["fine"] == profile["scores"][name]["fine"]["counts"]
    calm = compare_scores(profile, parts[0], monitoring=Monitoring())
    assert {drift.severity for drift in calm} == {"none"}
    moved = np.roll(scores, 1, axis=1) ** 3 if objective.classes else scores**3
    moved = moved / moved.sum(axis=1, keepdims=True) if objective.classes else moved
    shifted = bin_counts(profile, features, moved)
    drifts = compare_scores(profile, shifted, monitoring=Monitoring())
    assert all(drift.kind == "score" for drift in drifts)
    assert "critical" in {drift.severity for drift in drifts}


# --- every metric of every objective


@pytest.mark.parametrize(("name", "metric"), METRICS)
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_rows_that_weigh_are_rows_that_are_repeated(name: str, metric: str, seed: int) -> None:
    labels, scores, times = rows_of(bound(name), seed)
    found = OBJECTIVES[name].metrics[metric].of_weighted(labels, scores, times)
    repeated = OBJECTIVES[name].metrics[metric](np.repeat(labels, times), scores.repeat(times, 0))
    assert found == pytest.approx(repeated, abs=1e-9, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(("name", "metric"), METRICS)
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(name: str, metric: str, seed: int) -> None:
    labels, scores, _ = rows_of(bound(name), seed)
    order = np.random.default_rng(seed).permutation(len(labels))
    compute = OBJECTIVES[name].metrics[metric]
    assert compute(labels[order], scores[order]) == pytest.approx(
        compute(labels, scores), abs=1e-9, rel=1e-9, nan_ok=True
    )


@pytest.mark.parametrize(("name", "metric"), METRICS)
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_many_resamples_at_once_are_each_resample_alone(name: str, metric: str, seed: int) -> None:
    labels, scores, _ = rows_of(bound(name), seed)
    weights = np.random.default_rng(seed).integers(0, 3, (4, len(labels))).astype(float)
    compute = OBJECTIVES[name].metrics[metric].weighted(labels, scores)
    alone = [compute(row[None, :])[0] for row in weights]
    np.testing.assert_allclose(compute(weights), alone, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "metric"), METRICS)
def test_the_truth_gains_over_a_wrong_score_in_each_metric_s_own_direction(
    name: str, metric: str
) -> None:
    objective = bound(name)
    labels, scores, _ = rows_of(objective, 3)
    right = labels.astype(float)
    if objective.classes:
        right = np.eye(3)[labels] * 0.97 + 0.01
    elif name == "count":
        right = labels + 0.01
    wrong = scores[::-1] * 0.4 if not objective.classes else np.roll(right, 1, axis=1)
    compute = OBJECTIVES[name].metrics[metric]
    found, reference = (np.array([compute(labels, each)]) for each in (right, wrong))
    assert compute.gain(found, reference)[0] > 0


@pytest.mark.parametrize(("name", "metric"), METRICS)
def test_no_rows_no_weight_and_missing_scores_are_undefined(name: str, metric: str) -> None:
    labels, scores, _ = rows_of(bound(name), 4)
    compute = OBJECTIVES[name].metrics[metric]
    assert math.isnan(compute(labels[:0], scores[:0]))
    assert math.isnan(compute.of_weighted(labels, scores, np.zeros(len(labels))))
    holed = scores.copy()
    holed[2] = np.nan
    assert math.isnan(compute(labels, holed))


# --- what decisions cost


def costly(objective: Objective, **changes: Any) -> Metric:
    cost: Cost = TypeAdapter(Cost).validate_python({**COSTS[objective.name], **changes})
    return cost_metric(resolve(cost, 0.5), classes=objective.classes)


def cost_by_rows(objective: Objective, labels: np.ndarray, scores: np.ndarray) -> float:
    """Row by row, as one would on paper."""
    said = COSTS[objective.name]
    total = 0.0
    for label, score in zip(labels, scores, strict=True):
        if objective.name == "binary":
            positive = score >= np.float32(2 / 7)
            total += 0 if positive == bool(label) else 2 if positive else 5
        elif objective.classes:
            of_own = {own: dict(said["costs"][own]) for own in CLASSES}
            expected = {
                name: sum(of_own[own][name] * score[n] for n, own in enumerate(CLASSES))
                for name in CLASSES
            }
            total += said["costs"][CLASSES[int(label)]][min(expected, key=expected.__getitem__)]
        else:
            short = label - score
            total += said["under"] * short if short > 0 else -said["over"] * short
    return total / len(labels)


def test_a_cost_equals_what_each_row_costs_and_less_is_better(objective: Objective) -> None:
    labels, scores, _ = rows_of(objective, 3)
    metric = costly(objective)
    assert metric(labels, scores) == pytest.approx(cost_by_rows(objective, labels, scores))
    assert not metric.bigger_is_better
    assert metric.gain(np.array([1.0]), np.array([2.0]))[0] == 1
    assert "cost" in METRIC_NAMES


def test_a_cost_weighs_its_rows_and_is_undefined_of_none(objective: Objective) -> None:
    labels, scores, times = rows_of(objective, 4)
    metric = costly(objective)
    often = metric(np.repeat(labels, times), np.repeat(scores, times, axis=0))
    assert metric.of_weighted(labels, scores, times) == pytest.approx(often)
    assert math.isnan(metric(labels[:0], scores[:0]))
    unknown = np.full_like(scores, np.nan, dtype=float)
    assert math.isnan(metric(labels, unknown))


def test_the_optimal_decision_costs_no_more_than_any_other_where_scores_are_true() -> None:
    draw = np.random.default_rng(2)
    scores = draw.random(200_000)
    labels = (draw.random(200_000) < scores).astype(float)
    binary = bound("binary")
    best = costly(binary)(labels, scores)
    others = [costly(binary, at=at)(labels, scores) for at in (0.1, 0.2, 0.4, 0.5, 0.8)]
    assert best < min(others)


def test_rates_between_groups_are_shares_and_have_names(objective: Objective) -> None:
    labels, scores, _ = rows_of(objective, 5)
    rates = rates_of(
        classes=objective.classes, threshold=0.4 if objective.name == "binary" else None
    )
    found = {
        name: Metric(name, bigger_is_better=True, prepare=prepare)(labels, scores)
        for name, prepare in rates.items()
    }
    if objective.classes:
        assert sum(found.values()) == pytest.approx(1)
    else:
        assert found.pop("mean_score") == pytest.approx(scores.mean())
        assert set(found) <= set(METRIC_NAMES)
    if objective.name == "binary":
        decided = scores >= np.float32(0.4)
        assert found["positive_rate"] == pytest.approx(decided.mean())
        assert found["true_positive_rate"] == pytest.approx(decided[labels > 0].mean())
        assert found["false_positive_rate"] == pytest.approx(decided[labels == 0].mean())
