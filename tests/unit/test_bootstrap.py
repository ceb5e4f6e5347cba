from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from laurel.domain.bootstrap import bounds, distribution, resamples
from laurel.domain.metric import BINARY


def sample(rows: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels = (draw.random(rows) < 0.3).astype(int)
    good = np.clip(0.3 + 0.2 * labels + 0.15 * draw.normal(size=rows), 0, 1).round(2)
    poor = np.clip(0.3 + 0.1 * labels + 0.15 * draw.normal(size=rows), 0, 1).round(2)
    return labels, good, poor


@pytest.mark.parametrize(
    ("name", "plain"), [("auc", roc_auc_score), ("average_precision", average_precision_score)]
)
def test_the_fast_form_equals_a_plain_loop_over_resampled_rows(name: str, plain: object) -> None:
    labels, good, poor = sample(120)
    found = distribution(labels, {"a": good, "b": poor}, [BINARY[name]], count=60, seed=5)
    counts = np.vstack(list(resamples(120, count=60, seed=5))).astype(int)
    for model, scores in (("a", good), ("b", poor)):
        expected = [
            plain(np.repeat(labels, times), np.repeat(scores, times))  # type: ignore[operator]
            for times in counts
        ]
        np.testing.assert_allclose(found[name][model], expected, atol=1e-12)


def test_every_resample_draws_as_many_rows_as_there_are() -> None:
    counts = np.vstack(list(resamples(50, count=30, seed=1)))
    assert counts.shape == (30, 50)
    assert (counts.sum(axis=1) == 50).all()


def test_the_same_seed_gives_the_same_resamples_and_another_one_others() -> None:
    one, same, other = (np.vstack(list(resamples(40, count=5, seed=s))) for s in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_two_equal_models_never_differ_on_any_resample() -> None:
    labels, good, _ = sample(200)
    found = distribution(
        labels, {"a": good, "b": good.copy()}, list(BINARY.values()), count=50, seed=1
    )
    for name in BINARY:
        assert (found[name]["a"] == found[name]["b"]).all()


def test_the_bounds_of_a_difference_are_narrower_than_those_of_unpaired_models() -> None:
    labels, good, _ = sample(400)
    near = np.clip(good + 0.01 * np.random.default_rng(3).normal(size=400), 0, 1)
    drawn = distribution(labels, {"a": good, "b": near}, [BINARY["auc"]], count=200, seed=1)["auc"]
    paired = np.std(drawn["a"] - drawn["b"])
    assert paired < 0.5 * np.hypot(np.std(drawn["a"]), np.std(drawn["b"]))


def test_the_lower_bound_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(120):
        values = np.random.default_rng(seed).random(150)
        drawn = distribution(np.zeros(150), {"a": values}, [BINARY["brier"]], count=200, seed=seed)
        found = bounds(drawn["brier"]["a"], 0.9)
        assert found is not None
        covered += found[0] <= 1 / 3
    assert 0.82 <= covered / 120 <= 0.97


def test_bounds_are_undefined_where_the_metric_is_in_many_resamples() -> None:
    assert bounds(np.array([1.0] * 8 + [np.nan] * 2), 0.95) is None
    assert bounds(np.array([1.0] * 19 + [np.nan]), 0.95) == (1.0, 1.0)
    assert bounds(np.empty(0), 0.95) is None


def test_no_rows_have_no_distribution() -> None:
    found = distribution(np.empty(0), {"a": np.empty(0)}, [BINARY["auc"]], count=10, seed=1)
    assert len(found["auc"]["a"]) == 0


@pytest.mark.slow
def test_a_thousand_resamples_of_fifteen_thousand_rows_take_less_than_ten_seconds() -> None:
    """Of a processor: how busy the machine is with other things does not count."""
    labels, good, poor = sample(15_000)
    began = time.process_time()
    distribution(labels, {"a": good, "b": poor}, list(BINARY.values()), count=1000, seed=1)
    assert time.process_time() - began < 10
