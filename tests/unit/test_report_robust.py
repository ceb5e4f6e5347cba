"""A report is made of whatever a night brings: nothing, one thing alone, far too much."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from laurel.domain.canonical import canonical_json
from laurel.domain.objective import Numbers
from laurel.domain.profile import bin_counts, build_profile, count_batches
from laurel.domain.report import Report
from laurel.domain.sampling import sample_rows
from laurel.stages import seen
from laurel.stages.monitor import MonitorInput, monitor
from laurel.stages.seen import Part, Seen, see
from support.monitoring import (
    TODAY,
    features_of,
    make_days,
    make_input,
    make_profile,
    make_rows,
    make_usecase,
    scores_of,
)

PROFILE = make_profile(3_000)
NIGHTS = make_days(9, rows=300)
BATCHES, BATCH_ROWS = 40, 5_000


def reported(given: MonitorInput) -> Report:
    report = monitor(make_usecase(minimum_rows=200), given)
    assert canonical_json(report.document()) == canonical_json(report.document())
    return report


def night(**changes: object) -> MonitorInput:
    return make_input(days=NIGHTS, profile=PROFILE, **changes)


def test_an_empty_partition_is_undefined_against_everything() -> None:
    empty = make_rows(0, seed=1)
    samples = {day: sample_rows(features_of(frame), most=50) for day, frame in NIGHTS.items()}
    given = make_input(empty, days=NIGHTS, profile=PROFILE, samples=samples)
    report = reported(
        replace(given, reference=sample_rows(features_of(make_rows(500, seed=2)), most=400))
    )
    against, trailing, window = report.comparisons
    for comparison in (against, trailing):
        assert all(math.isnan(drift.psi) for drift in comparison.features)
        assert all(math.isnan(drift.now.missing) for drift in comparison.features)
        assert comparison.separation is not None
        assert math.isnan(comparison.separation.auc)
    assert window.rows == 7 * 300 - 300
    assert report.document()["comparisons"][0]["features"][0]["wasserstein"] is None


def test_a_column_that_became_constant_is_drift_and_breaks_nothing() -> None:
    today = make_rows(900, seed=7, weekday=0)
    today["wind"] = 11.0
    report = reported(make_input(today, days=NIGHTS, profile=PROFILE))
    drift = next(d for d in report.comparisons[0].features if d.name == "wind")
    assert (drift.now.mean, drift.now.std) == (11.0, 0.0)
    assert drift.severity == "critical"
    pairs = {(c.first, c.second) for c in report.comparisons[0].correlations}
    assert all("wind" not in pair for pair in pairs)


def test_without_any_label_performance_is_an_estimate_and_all_is_outstanding() -> None:
    given = night()
    report = reported(replace(given, trailing=given.trailing.assign(label=np.nan)))
    realised = report.realised
    assert realised.champion.outstanding == 1.0
    assert all(math.isnan(value) for value in realised.champion.metrics.values())
    assert (realised.nights, realised.estimate_errors, realised.gaps) == ((), {}, ())
    assert 0.5 < realised.estimate["auc"] < 1


def test_of_one_class_alone_no_area_is_said_and_the_rest_is() -> None:
    given = night()
    report = reported(replace(given, trailing=given.trailing.assign(label=0.0)))
    metrics = report.realised.champion.metrics
    assert math.isnan(metrics["auc"])
    assert metrics["log_loss"] > 0
    assert "auc" not in report.realised.estimate_errors
    assert report.realised.estimate_errors["log_loss"].nights == 9


def test_a_new_champion_in_the_window_is_judged_by_its_own_nights() -> None:
    given = night()
    trailing = given.trailing.copy()
    before = trailing["partition"] < TODAY.shifted(-2).key
    trailing.loc[before, "model_version"] = "flights-older"
    own = {day: c for day, c in given.trailing_counts.items() if day >= TODAY.shifted(-2).key}
    report = reported(replace(given, trailing=trailing, trailing_counts=own))
    assert len(report.realised.days) == 9
    assert [each.partition for each in report.realised.nights] == sorted(own)
    assert report.realised.champion.rows == 600
    assert report.comparisons[1].window_days == 0
    assert report.comparisons[1].separation is None


def test_five_hundred_features_are_profiled_counted_and_compared() -> None:
    rng = np.random.default_rng(3)
    names = [f"f{n:03}" for n in range(500)]
    then, now = (
        pd.DataFrame(rng.normal(0, 1, (rows, 500)).astype("float32"), columns=names)
        for rows in (1_200, 400)
    )
    profile = build_profile(then, rng.random(1_200))
    assert len(profile["together"]["names"]) == 24
    scores = rng.random(400)
    predictions = pd.DataFrame({"score": scores, "decision": scores >= 0.5})
    part = {"features": now, "predictions": predictions}
    report = reported(make_input(days={}, profile=profile, part=part))
    assert len(report.comparisons[0].features) == 500
    assert {d.severity for d in report.comparisons[0].features} == {"none"}


def batches() -> Iterator[tuple[pd.DataFrame, Numbers]]:
    for number in range(BATCHES):
        frame = make_rows(BATCH_ROWS, seed=number)
        yield features_of(frame), scores_of(frame)


def test_counting_in_batches_gives_the_counts_of_the_whole() -> None:
    parts = [make_rows(500, seed=n) for n in range(4)]
    whole = pd.concat([features_of(part) for part in parts], ignore_index=True)
    scores = np.concatenate([scores_of(part) for part in parts])
    streamed = count_batches(PROFILE, ((features_of(p), scores_of(p)) for p in parts))
    assert streamed == bin_counts(PROFILE, whole, scores)


@pytest.mark.parametrize("cuts", [[1], [300, 301], [0, 450, 900], [200, 200, 899]])
def test_a_night_seen_in_parts_is_the_night_seen_whole(
    cuts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "MEASURED", 400)
    today = make_rows(900, seed=5)
    rescored = scores_of(today) + np.where(np.arange(900) % 100 == 0, 0.1, 0.0)

    def cut(first: int, last: int) -> Part:
        said = {"score": today["score"], "decision": today["score"] >= 0.5}
        rows = slice(first, last)
        features = features_of(today).iloc[rows].reset_index(drop=True)
        return Part(features, pd.DataFrame(said).iloc[rows], rescored[rows])

    def saw(bounds: list[int]) -> Seen:
        parts = [cut(*pair) for pair in pairwise([0, *bounds, 900])]
        return see(make_usecase(), parts, profile=PROFILE, rows=900, partition=TODAY)

    whole, parted = saw([]), saw(cuts)
    assert whole.skew is not None
    assert (whole.rows, len(whole.scores), whole.skew.differing) == (900, 300, 9)
    assert np.array_equal(parted.scores, scores_of(today)[::3])
    assert parted.counts == whole.counts
    assert (parted.decided, parted.skew) == (whole.decided, whole.skew)
    assert parted.mean_scores["score"] == pytest.approx(whole.mean_scores["score"], rel=1e-12)
    pd.testing.assert_frame_equal(parted.sample, whole.sample)


def test_memory_of_counting_does_not_grow_with_the_rows() -> None:
    """200,000 rows hold no more than 10,000: what is held is one batch, whatever comes after it."""
    tracemalloc.start()
    try:
        peaks = []
        for count in (2, BATCHES):
            tracemalloc.reset_peak()
            rows = (pair for pair, _ in zip(batches(), range(count), strict=False))
            assert count_batches(PROFILE, rows)["rows"] == count * BATCH_ROWS
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
