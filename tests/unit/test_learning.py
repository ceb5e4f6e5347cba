"""What a use case may say of learning, and what that does: weights, classes, constraints."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from laurel.adapters.xgboost import fit, model_bytes
from laurel.domain.config import Label, Model, UseCaseConfig, Weights
from laurel.domain.featureset import EXPOSURE, Part
from laurel.domain.objective import (
    Objective,
    as_learned,
    check_same_objective,
    find_objective,
    judged_objective,
)
from laurel.domain.part import frame_head, split_part
from laurel.domain.weights import balanced, class_weights, row_weights
from laurel.domain.window import plan
from laurel.errors import ConfigError, DataError
from support.objectives import LABELS, document
from support.synthetic import AS_OF

BINARY = find_objective(Label(column="y"))
COUNT = find_objective(Label(column="y", objective="count", exposure="hours"))
QUICK = Model(rounds=30, params={"max_depth": 3})


def config(objective: str = "binary", **changes: Any) -> UseCaseConfig:
    """The use case of an objective; changes are by dotted name."""
    said = document(objective)
    for name, value in changes.items():
        place = said
        *path, last = name.split("__")
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
    return UseCaseConfig.model_validate(said)


def part(count: int = 600, seed: int = 3) -> Part:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(count, 2)).astype("float32")
    labels = (draw.random(count) < 1 / (1 + np.exp(2 - x[:, 0] - np.sin(4 * x[:, 1])))).astype(int)
    shop = pd.Series(draw.choice(["a", "b"], count), dtype="str")
    return Part(pd.DataFrame({"x": x[:, 0], "z": x[:, 1], "shop": shop}), labels)


def fitted(learned: Part, model: Model = QUICK, objective: Objective = BINARY) -> Any:
    return fit(learned, learned, model, objective=objective, threads=1)


# --- words of the configuration


@pytest.mark.parametrize("objective", LABELS)
def test_every_objective_can_be_said(objective: str) -> None:
    said = config(objective)
    assert said.label.objective == objective
    assert UseCaseConfig.model_validate(said.document()) == said


UNITS = {"kind": "units", "under": 3, "over": 1}
OUTCOMES = {"kind": "outcomes", "false_positive": 1, "false_negative": 5}
COSTLY = {"kind": "at_most", "metric": "cost", "value": 1.0}


def matrix(**changes: list[str]) -> dict[str, Any]:
    """A matrix in which each error costs 1, but for what is changed: own class, decided ones."""
    names = ("kept", "small", "worn")
    whole = {own: [said for said in names if said != own] for own in names}
    costs = {own: dict.fromkeys(said, 1.0) for own, said in {**whole, **changes}.items()}
    return {"kind": "matrix", "costs": costs}


@pytest.mark.parametrize(
    ("objective", "cost"),
    [
        ("binary", OUTCOMES),
        ("binary", {**OUTCOMES, "at": "optimal"}),
        ("multiclass", matrix()),
        ("regression", UNITS),
        ("count", UNITS),
    ],
)
def test_a_cost_may_be_asked_for_by_the_gate_and_by_monitoring(
    objective: str, cost: dict[str, Any]
) -> None:
    said = config(
        objective,
        gate__cost=cost,
        gate__thresholds=[COSTLY],
        monitoring__performance=[COSTLY],
    )
    found = judged_objective(said)
    assert list(found.metrics) == [*find_objective(said.label).metrics, "cost"]
    assert not found.metric("cost").bigger_is_better
    assert UseCaseConfig.model_validate(said.document()) == said
    with pytest.raises(ValidationError, match="examination"):
        config(objective, gate__cost=cost, examination__metric="cost")


@pytest.mark.parametrize(
    ("objective", "changes", "message"),
    [
        ("multiclass", {"label__classes": []}, "needs label.classes"),
        ("multiclass", {"label__classes": ["kept", "kept"]}, "given twice"),
        ("multiclass", {"label__classes": ["kept", 1]}, "several types"),
        ("multiclass", {"label__classes": [1, 2]}, "learns from int64 or float64"),
        ("binary", {"label__classes": ["a", "b"]}, "classes are not for binary"),
        ("binary", {"label__exposure": "items"}, "exposure is not for binary"),
        ("count", {"label__exposure": "itemz"}, "did you mean 'items'"),
        ("count", {"label__exposure": "coupon"}, "must be a number that is never null"),
        ("regression", {"label__column": "reason"}, "of type string"),
        ("regression", {"scoring__threshold": 0.5}, "threshold is not for regression"),
        ("regression", {"training__model__balance": "balanced"}, "it has no classes"),
        ("multiclass", {"training__model__balance": 3.0}, "not a number"),
        ("binary", {"training__calibration": "temperature"}, "none, sigmoid, isotonic"),
        ("count", {"training__calibration": "sigmoid"}, "is not for count"),
        ("binary", {"training__weights__column": "shop"}, "must be a number"),
        ("binary", {"training__weights__half_life_days": 0}, "greater than 0"),
        ("binary", {"training__model__params": {"nthread": 2}}, "not the use case's to set"),
        (
            "binary",
            {"training__model__params": {"scale_pos_weight": 2}},
            "say training.model.balance",
        ),
        ("binary", {"gate__cost": UNITS}, "of binary is of kind outcomes, not units"),
        ("count", {"gate__cost": OUTCOMES}, "of count is of kind units, not outcomes"),
        ("regression", {"gate__cost": {**UNITS, "over": 0, "under": 0}}, "must cost something"),
        ("binary", {"gate__cost": {**OUTCOMES, "false_negative": -1}}, "more than the right"),
        ("binary", {"gate__cost": OUTCOMES, "scoring__threshold": None}, "say optimal or a number"),
        ("multiclass", {"gate__cost": matrix(kept=["worn"])}, "kept decided small"),
        ("multiclass", {"gate__cost": matrix(torn=["worn"])}, "no class of label.classes: torn"),
        ("binary", {"gate__thresholds": [COSTLY]}, "gate.cost gives a cost"),
        ("multiclass", {"gate__thresholds": [COSTLY]}, "gate.cost gives a cost"),
        ("binary", {"training__model__monotone": {"amount": "up"}}, "increasing"),
    ],
)
def test_what_does_not_fit_the_objective_is_refused_in_words(
    objective: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        config(objective, **changes)


@pytest.mark.parametrize("objective", LABELS)
@pytest.mark.parametrize("where", ["gate__thresholds", "monitoring__performance"])
def test_a_metric_of_another_objective_is_refused_with_the_allowed_ones(
    objective: str, where: str
) -> None:
    foreign = "mae" if objective in ("binary", "multiclass") else "log_loss"
    allowed = ", ".join(find_objective(config(objective).label).metrics)
    with pytest.raises(ValidationError, match=allowed):
        config(objective, **{where: [{"kind": "at_most", "metric": foreign, "value": 1.0}]})


def test_ranking_is_not_there_and_the_objectives_that_are_get_named() -> None:
    with pytest.raises(ValidationError, match="'binary', 'multiclass', 'regression' or 'count'"):
        config("binary", label__objective="ranking")


# --- weights


def test_rows_lose_half_their_weight_with_each_half_life_before_the_last_train_day() -> None:
    rows = pd.DataFrame({"partition": ["2024-01-01", "2024-01-11", "2024-01-12"], "w": [2.0, 2, 2]})
    weights = Weights(column="w", half_life_days=10)
    found = row_weights(rows, weights, last=date(2024, 1, 11))
    assert found == pytest.approx([1.0, 2.0, 2 * 2**0.1])


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_weights_that_are_no_weights_are_refused(wrong: float) -> None:
    rows = pd.DataFrame({"partition": ["2024-01-01"] * 2, "w": [1.0, wrong]})
    with pytest.raises(DataError, match="not all numbers of at least 0"):
        row_weights(rows, Weights(column="w"), last=date(2024, 1, 1))


def test_a_row_of_weight_two_teaches_what_two_rows_do() -> None:
    one = part(300)
    often = np.random.default_rng(1).integers(1, 4, 300)
    rows = np.repeat(np.arange(300), often)
    twice = Part(one.features.iloc[rows].reset_index(drop=True), one.labels[rows])
    heavy = one._replace(weights=often.astype(float))
    for features in (one.features, twice.features):
        scores = [fitted(each).predict(features) for each in (heavy, twice)]
        np.testing.assert_allclose(*scores, atol=2e-3)


def test_weights_of_one_are_no_weights() -> None:
    one = part()
    weighed = one._replace(weights=np.ones(len(one.labels)))
    scores = [fitted(each).predict(one.features) for each in (one, weighed)]
    assert np.array_equal(*scores)


def test_early_stopping_weighs_its_rows_too() -> None:
    train, unseen = part(), part(seed=4)
    wrong = np.arange(len(unseen.labels)) < 300
    mixed = unseen._replace(labels=np.where(wrong, 1 - unseen.labels, unseen.labels))
    rounds = [
        fit(
            train,
            mixed._replace(weights=np.where(wrong, weight, 1.0)),
            QUICK,
            objective=BINARY,
            threads=1,
        ).about["best_iteration"]
        for weight in (0.0, 5.0)
    ]
    assert rounds[0] > rounds[1]


# --- classes


def test_balanced_classes_weigh_the_same_in_all_and_the_rows_as_before() -> None:
    labels = np.array([0] * 6 + [1] * 3 + [2])
    weights = class_weights(labels, "balanced", classes=3)
    assert weights is not None
    own = balanced(labels, None, weights)
    assert own is not None
    assert own.sum() == pytest.approx(10)
    assert [own[labels == k].sum() for k in range(3)] == pytest.approx([10 / 3] * 3)


def test_a_number_weighs_the_positives_and_none_weighs_nothing() -> None:
    labels = np.array([0, 1, 1])
    assert balanced(labels, None, class_weights(labels, 4.0, classes=2)) == pytest.approx([1, 4, 4])
    assert class_weights(labels, "none", classes=2) is None
    assert balanced(labels, None, None) is None


def test_balance_raises_the_scores_of_a_rare_class_and_calibration_brings_them_back() -> None:
    rare = part(2_000)
    plain = fitted(rare)
    even = fitted(rare, Model(rounds=30, params={"max_depth": 3}, balance="balanced"))
    rate = rare.labels.mean()
    assert plain.predict(rare.features).mean() == pytest.approx(rate, abs=0.03)
    assert even.predict(rare.features).mean() > rate + 0.1
    again = even.calibrated("sigmoid", rare)
    assert again.predict(rare.features).mean() == pytest.approx(rate, abs=0.01)
    assert np.array_equal(again.raw(rare.features), even.predict(rare.features))


# --- constraints


def test_a_monotone_feature_never_turns_the_score_round() -> None:
    model = fitted(part(), Model(rounds=30, monotone={"z": "decreasing"}))
    line = pd.DataFrame({"x": 0.0, "z": np.linspace(-3, 3, 200), "shop": "a"})
    assert (np.diff(model.margin(line)) <= 0).all()
    free = fitted(part()).margin(line)
    assert not (np.diff(free) <= 0).all()


def test_features_that_may_not_meet_add_up() -> None:
    model = fitted(part(), Model(rounds=30, interactions=[["x"], ["z", "shop"]]))
    values = np.linspace(-2, 2, 9)
    grid = pd.DataFrame([{"x": x, "z": z, "shop": "a"} for x in values for z in values])
    table = model.margin(grid).reshape(9, 9)
    steps = np.diff(table, axis=0)
    np.testing.assert_allclose(steps, steps[:, :1].repeat(9, axis=1), atol=1e-5)


@pytest.mark.parametrize(
    "model",
    [Model(monotone={"amont": "increasing"}), Model(interactions=[["x", "amont"]])],
)
def test_a_constraint_on_a_feature_that_there_is_not_names_the_near_one(model: Model) -> None:
    learned = part()
    learned = learned._replace(features=learned.features.rename(columns={"z": "amount"}))
    with pytest.raises(ConfigError, match="did you mean 'amount'"):
        fitted(learned, model)


def test_a_category_has_no_direction() -> None:
    with pytest.raises(ConfigError, match="categories, which have no order"):
        fitted(part(), Model(monotone={"shop": "increasing"}))


def test_the_seed_and_nothing_else_draws_the_rows() -> None:
    drawn = {"subsample": 0.5, "max_depth": 3}
    one, same, other = (
        model_bytes(fitted(part(), Model(rounds=5, params=drawn, seed=seed))) for seed in (1, 1, 2)
    )
    assert one == same != other


# --- exposure


def counted(count: int = 800, seed: int = 5) -> Part:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=count).astype("float32")
    hours = draw.uniform(0.5, 6, count).astype("float32")
    return Part(pd.DataFrame({"x": x, EXPOSURE: hours}), draw.poisson(hours * np.exp(0.6 * x - 1)))


def test_twice_the_exposure_is_twice_the_expected_count() -> None:
    learned = counted()
    model = fitted(learned, objective=COUNT)
    once = learned.features.assign(**{EXPOSURE: np.float32(1)})
    twice = learned.features.assign(**{EXPOSURE: np.float32(2)})
    np.testing.assert_allclose(model.predict(twice), 2 * model.predict(once), rtol=1e-5)
    assert [feature.name for feature in model.features] == ["x"]


def test_trees_begin_at_the_rate_of_the_training_days() -> None:
    learned = counted()
    model = fitted(learned, Model(rounds=1, params={"eta": 1e-6}), objective=COUNT)
    rate = learned.labels.sum() / learned.exposures.sum()
    np.testing.assert_allclose(model.predict(learned.features), rate * learned.exposures, rtol=1e-4)


def test_a_model_with_an_exposure_is_not_asked_without_one() -> None:
    model = fitted(counted(), objective=COUNT)
    with pytest.raises(DataError, match="features of the model are missing"):
        model.predict(counted().features.drop(columns=EXPOSURE))


# --- labels, parts and models of another objective


@pytest.mark.parametrize(
    ("objective", "wrong", "message"),
    [
        ("binary", 2.0, "not of binary classification"),
        ("multiclass", "lost", "not of multiclass classification"),
        ("regression", np.inf, "not of regression"),
        ("count", 1.5, "not of counts"),
        ("count", -1.0, "not of counts"),
    ],
)
def test_labels_that_the_objective_cannot_learn_from_are_shown(
    objective: str, wrong: Any, message: str
) -> None:
    said = config(objective, training__weights={})
    good = {"binary": 1.0, "multiclass": "kept", "regression": 2.5, "count": 3.0}[objective]
    rows = pd.DataFrame(
        {
            "visit_id": ["a", "b"],
            "partition": "2024-01-10",
            "split": "train",
            LABELS[objective]: [good, wrong],
        }
    )
    window = plan(said, AS_OF)
    with pytest.raises(DataError, match=message) as caught:
        frame_head(rows, said, window)
    assert str(wrong) in str(caught.value.found)
    assert frame_head(rows.iloc[:1], said, window)["label"].notna().all()


def test_train_days_without_one_of_the_classes_are_refused_by_its_name() -> None:
    said = config("multiclass")
    frame = pd.DataFrame(
        {"visit_id": ["a"], "partition": "2024-01-10", "split": "train", "label": [0], "x": [1.0]}
    )
    with pytest.raises(DataError, match="do not hold the class small, worn"):
        split_part(frame, "train", said)
    assert len(split_part(frame.assign(split="holdout"), "holdout", said).labels) == 1


@pytest.mark.parametrize("split", ["train", "validation"])
def test_days_whose_rows_weigh_nothing_are_refused(split: str) -> None:
    frame = pd.DataFrame(
        {
            "visit_id": ["a", "b"],
            "partition": "2024-01-10",
            "split": split,
            "label": [0, 1],
            "row_weight": 0.0,
            "x": [1.0, 2.0],
        }
    )
    with pytest.raises(DataError, match=f"rows of the {split} days weigh nothing"):
        split_part(frame, split, config("binary"))
    assert (
        split_part(frame.assign(split="holdout"), "holdout", config("binary")).weights is not None
    )


@pytest.mark.parametrize("objective", LABELS)
def test_a_model_of_another_label_objective_or_classes_is_refused(objective: str) -> None:
    said = config(objective)
    about = {"label": said.label.column, **find_objective(said.label).document()}
    check_same_objective(about, said)
    other = "regression" if objective == "count" else "count"
    for wrong in ({"label": "refund"}, {"objective": other}, {"classes": ["x", "y"]}):
        with pytest.raises(ConfigError, match="another objective") as caught:
            check_same_objective({**about, **wrong}, said)
        assert "a use case of its own" in str(caught.value)


def test_a_champion_s_rows_are_read_with_its_own_exposure() -> None:
    said = config("count")
    assert as_learned(said, {"exposure": None}).label.exposure is None
    assert as_learned(said, {"exposure": "items"}) is said
    with pytest.raises(ConfigError, match="no longer have the column"):
        as_learned(said, {"exposure": "minutes"})


# --- classes that are numbers, and what is decided


def test_classes_may_be_whole_numbers_in_a_column_with_nulls() -> None:
    stars = find_objective(Label(column="y", objective="multiclass", classes=(5, 1, 3)))
    for kind in ("float64", "Int64"):
        found = stars.encode(pd.Series([1, 5, None, 3, 2], dtype=kind))
        np.testing.assert_array_equal(found, [1, 0, np.nan, 2, np.nan])
    assert stars.score_columns == ("score_5", "score_1", "score_3")
    scores = np.array([[0.2, 0.5, 0.3], [0.4, 0.3, 0.3]], np.float32)
    decided = stars.decide(scores, None)
    assert decided is not None
    assert decided.tolist() == [1, 5]
    assert decided.dtype == "int64"
    assert stars.decision is not None
    assert stars.decision.type == "int64"


@pytest.mark.parametrize("objective", ["regression", "count"])
def test_numbers_and_counts_decide_nothing(objective: str) -> None:
    learned = find_objective(config(objective).label)
    assert learned.decision is None
    assert learned.decide(np.ones(2), None) is None


def test_a_score_of_the_very_threshold_is_decided_positive() -> None:
    scores = np.array([0.35, 0.34999], np.float32)
    decided = BINARY.decide(scores, 0.35)
    assert decided is not None
    assert decided.tolist() == [True, False]
