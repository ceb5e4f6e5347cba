from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from laurel.domain.bootstrap import Days, bounds, distribution, resamples
from laurel.domain.metric import BINARY, Metric
from laurel.domain.metric.base import mean


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


@pytest.mark.parametrize("things", [1, 5, 255, 256, 257, 700])
def test_a_thing_is_drawn_as_often_as_any_other_and_as_a_multinomial_spreads(things: int) -> None:
    counts = np.vstack(list(resamples(things, count=4000, seed=2))).astype(float)
    assert (counts.sum(axis=1) == things).all()
    # of 4,000 resamples: means within five standard errors, spread as the theory has it
    spread = np.sqrt(1 - 1 / things)
    assert np.abs(counts.mean(axis=0) - 1).max() <= 5 * spread / np.sqrt(4000)
    assert counts.std(axis=0).mean() == pytest.approx(spread, abs=0.02)
    if things > 300:
        across = np.corrcoef(counts[:, 0], counts[:, 299])[0, 1]
        assert abs(across + 1 / (things - 1)) < 5 / np.sqrt(4000)


def test_bounds_of_a_paired_difference_equal_those_of_scipy() -> None:
    labels, good, poor = sample(400)

    def auc(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        positive = (y > 0).sum(axis=-1)
        ranks = (stats.rankdata(x, axis=-1) * (y > 0)).sum(axis=-1)
        return (ranks - positive * (positive + 1) / 2) / (positive * (y.shape[-1] - positive))

    theirs = stats.bootstrap(
        (labels, good, poor),
        lambda y, a, b, **_: auc(y, a) - auc(y, b),
        paired=True,
        vectorized=True,
        confidence_level=0.9,
        n_resamples=6000,
        method="percentile",
        rng=np.random.default_rng(5),
    )
    ours = difference(labels, good, poor, count=6000)
    expected = theirs.confidence_interval
    error = theirs.standard_error / 20
    assert ours == pytest.approx((expected.low, expected.high), abs=error)


def test_bounds_of_a_difference_of_areas_equal_those_of_delong() -> None:
    """DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988: from placements, without a draw."""
    labels, good, poor = sample(3000)
    positive, negative = labels > 0, labels == 0
    placed = [
        np.subtract(stats.rankdata(scores)[side], stats.rankdata(scores[side])) / (~side).sum()
        for scores in (good, poor)
        for side in (positive, negative)
    ]
    by_positive, by_negative = placed[0] - placed[2], placed[1] - placed[3]
    variance = by_positive.var(ddof=1) / positive.sum() + by_negative.var(ddof=1) / negative.sum()
    middle, half = by_positive.mean(), stats.norm.ppf(0.95) * np.sqrt(variance)
    ours = difference(labels, good, poor, count=4000)
    assert ours == pytest.approx((middle - half, middle + half), abs=0.08 * half)


def difference(
    labels: np.ndarray, good: np.ndarray, poor: np.ndarray, *, count: int
) -> tuple[float, float] | None:
    """Bounds at 0.95 of the difference of two areas under the curve."""
    metric = BINARY["auc"]
    drawn = distribution(labels, {"a": good, "b": poor}, [metric], count=count, seed=9)["auc"]
    return bounds(metric.gain(drawn["a"], drawn["b"]), 0.95)


def test_where_days_share_an_effect_whole_days_cover_the_truth_and_rows_do_not() -> None:
    metric = Metric("mean", bigger_is_better=True, prepare=lambda _, scores: mean(scores))
    days = Days(np.repeat(np.arange(14), 50), 14)
    covered = {"days": 0, "rows": 0}
    for seed in range(200):
        draw = np.random.default_rng(seed)
        values = draw.normal(0, 0.3, 14)[days.of_row] + draw.normal(0, 1, 700)
        for way, told in (("days", days), ("rows", None)):
            drawn = distribution(
                np.zeros(700), {"a": values}, [metric], count=200, seed=seed, days=told
            )
            found = bounds(drawn["mean"]["a"], 0.95)
            assert found is not None
            covered[way] += found[0] <= 0
    assert 0.90 <= covered["days"] / 200 <= 0.98
    assert covered["rows"] / 200 <= 0.86


def test_a_day_is_drawn_whole_and_the_same_for_whatever_rows_of_it_are_looked_at() -> None:
    of_row = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5])
    whole = np.vstack(list(resamples(9, count=20, seed=1, days=Days(of_row, 6))))
    assert all((whole[:, of_row == day][:, 0] == whole[:, of_row == day].T).all() for day in of_row)
    assert (whole[:, [0, 2, 3, 6, 7, 8]].sum(axis=1) == 5).all()
    some = np.vstack(list(resamples(3, count=20, seed=1, days=Days(of_row[[1, 4, 8]], 6))))
    assert (some == whole[:, [1, 4, 8]]).all()


def test_too_few_days_have_no_bounds() -> None:
    days = Days(np.array([0, 1, 2, 3]), 4)
    assert list(resamples(4, count=10, seed=1, days=days)) == []
