from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.metrics import log_loss, roc_auc_score

from laurel.domain.canonical import canonical_json
from laurel.domain.objective import OBJECTIVES
from laurel.domain.performance import calibration, estimate, measure
from laurel.domain.profile import build_profile
from laurel.domain.report import DataWarning, Quarantined, Report
from laurel.errors import DataError
from laurel.stages.monitor import MonitorInput, monitor
from support.monitoring import (
    TODAY,
    VERSION,
    features_of,
    make_days,
    make_input,
    make_profile,
    make_rows,
    make_usecase,
    scores_of,
)

PROFILE = make_profile(5_000)
NIGHTS = make_days(14, rows=600)
TONIGHT = make_rows(900, seed=7, weekday=TODAY.day.weekday())


def calm(**changes: Any) -> MonitorInput:
    return make_input(days=NIGHTS, profile=PROFILE, **changes)


def report_on(given: MonitorInput, **monitoring: Any) -> Report:
    return monitor(make_usecase(**monitoring), given)


def checks(report: Report) -> list[str]:
    return [alarm.check for alarm in report.alarms]


def labelled(share: float = 1.0, *, flip: float = 0.0) -> dict[str, pd.DataFrame]:
    """The nights with some labels missing, and some turned over."""
    rng = np.random.default_rng(2)
    found = {}
    for key, frame in NIGHTS.items():
        label = np.where(rng.random(len(frame)) < flip, 1 - frame["label"], frame["label"])
        found[key] = frame.assign(label=np.where(rng.random(len(frame)) < share, label, np.nan))
    return found


def test_a_calm_night_leaves_the_crown_where_it_is() -> None:
    report = report_on(calm())
    assert report.alarms == ()
    assert report.standing == "deserved"
    assert report.verdict.startswith(f"The champion {VERSION} still deserves the crown: 900 rows")
    assert "(0.712 at promotion)" in report.verdict


def test_equal_inputs_make_equal_bytes() -> None:
    one, two = report_on(calm()), report_on(calm())
    assert canonical_json(one.document()) == canonical_json(two.document())
    assert one == two


def test_the_order_of_trailing_days_changes_nothing() -> None:
    given = calm()
    turned = dict(reversed(list(given.trailing_counts.items())))
    assert report_on(replace(given, trailing_counts=turned)) == report_on(given)


def test_a_night_without_rows_and_labels_is_undefined_and_never_zero() -> None:
    report = report_on(make_input(make_rows(0, seed=1), days={}, profile=PROFILE))
    document = report.document()
    assert document["mean_scores"] == {"score": None}
    assert document["decided"] == {}
    assert set(document["realised"]["champion"]["metrics"].values()) == {None}
    assert document["comparisons"][0]["features"][0]["psi"] is None
    assert report.standing == "unknown"
    assert report.verdict.startswith("Nothing speaks against the champion")
    assert len(report.notes) == 4
    canonical_json(document)


def test_a_broken_bound_on_performance_is_critical() -> None:
    report = report_on(make_input(days=labelled(flip=0.5), profile=PROFILE))
    (alarm,) = report.alarms
    assert (alarm.check, alarm.severity) == ("performance/auc", "critical")
    assert report.verdict.startswith("1 alarm: auc is 0.")
    assert alarm.bound == "at least 0.65"


def test_a_bound_from_above_is_broken_from_above() -> None:
    bounds = [{"kind": "at_most", "metric": "log_loss", "value": 0.1}]
    report = report_on(calm(), performance=bounds)
    assert checks(report) == ["performance/log_loss"]
    assert "above the bound of 0.1" in report.alarms[0].reason


def test_few_matured_labels_judge_nothing() -> None:
    report = report_on(make_input(days=labelled(0.02, flip=0.5), profile=PROFILE))
    assert report.alarms == ()
    assert report.standing == "unknown"
    assert "labels of the champion's rows have matured" in report.notes[0]
    assert report.realised.champion.outstanding == pytest.approx(0.98, abs=0.01)


def test_rows_of_other_versions_do_not_count_for_the_champion() -> None:
    given = calm()
    trailing = given.trailing.copy()
    first = trailing["partition"] < "2013-06-24"
    trailing.loc[first, "model_version"] = "flights-older"
    report = report_on(replace(given, trailing=trailing))
    assert report.realised.champion.rows == int((~first).sum())
    assert report.realised.served.rows == len(trailing)
    assert len(report.realised.days) == 14


def test_days_before_the_window_are_left_out() -> None:
    report = report_on(calm(), reference_days=7)
    assert report.realised.days[0].partition == "2013-06-25"
    assert report.comparisons[1].reference_rows == 7 * 600


def test_a_drifted_day_alarms_against_training_and_names_the_feature() -> None:
    today = make_rows(900, seed=7, weekday=0)
    today["wind"] = today["wind"] * 2
    report = report_on(make_input(today, days=NIGHTS, profile=PROFILE))
    assert checks(report) == ["drift/wind"]
    assert report.alarms[0].severity == "critical"


def test_slow_drift_shows_although_every_single_day_is_like_the_others() -> None:
    nights = {key: frame.assign(wind=frame["wind"] * 2) for key, frame in NIGHTS.items()}
    today = make_rows(900, seed=7, weekday=0)
    today["wind"] = today["wind"] * 2
    report = report_on(make_input(today, days=nights, profile=PROFILE))
    assert checks(report) == ["drift/wind"]
    assert "the trailing window against training" in report.alarms[0].reason


def test_retraining_is_asked_for_only_where_it_helps_and_is_configured() -> None:
    bad = make_input(days=labelled(flip=0.5), profile=PROFILE)
    stale = calm(newest={"flights": None})
    assert report_on(bad, retrain=True).retrain
    assert not report_on(bad).retrain
    assert checks(report_on(stale, retrain=True)) == ["freshness/flights"]
    assert not report_on(stale, retrain=True).retrain


def test_labels_may_lag_by_their_delay_and_rows_may_not() -> None:
    two_days = TODAY.shifted(-2)
    report = report_on(calm(newest={"labels": two_days, "flights": two_days}))
    assert checks(report) == ["freshness/flights"]
    assert report.alarms[0].found == "2 days behind"


def test_quarantine_warnings_and_skew_alarm() -> None:
    today = TONIGHT["score"].to_numpy()
    rescored = today + np.where(np.arange(900) < 3, 0.01, 0.0)
    given = calm(
        part={"rescored": rescored},
        warnings=(DataWarning("weather", "flights.weather", "wind: 3 of 72 values too large"),),
        quarantine=(Quarantined("flights", "8c1f", ("origin: 4 unknown airports",)),),
    )
    report = report_on(given)
    assert checks(report) == ["quarantine/flights", "skew", "data/weather"]
    assert report.skew is not None
    assert (report.skew.differing, round(report.skew.largest, 4)) == (3, 0.01)


def test_the_counts_of_a_report_serve_the_next_one() -> None:
    given = calm()
    report = report_on(given)
    earlier = dict(list(given.trailing_counts.items())[-6:])
    counts = {**earlier, report.partition: report.counts}
    later = replace(given, partition=TODAY.shifted(1), trailing_counts=counts)
    assert report_on(later).comparisons[1].reference_rows == 6 * 600 + report.rows


def test_the_window_is_compared_in_whole_weeks() -> None:
    given = calm()
    ten = dict(list(given.trailing_counts.items())[-10:])
    report = report_on(replace(given, trailing_counts=ten))
    assert [c.window_days for c in report.comparisons] == [10, 7, 7]
    assert report.alarms == ()


def test_on_a_champions_first_night_training_says_what_is_usual() -> None:
    frame = pd.concat(NIGHTS.values(), ignore_index=True)
    days = pd.Series([key for key, rows in NIGHTS.items() for _ in range(len(rows))])
    told = build_profile(features_of(frame), scores_of(frame), days=days)
    first = report_on(make_input(days={}, profile=told))
    assert "drift/weekday" not in checks(first)
    untold = report_on(make_input(days={}, profile=PROFILE))
    assert checks(untold) == ["drift/weekday"]
    assert any("is not known" in note for note in untold.notes)


@pytest.mark.parametrize("column", ["score", "decision"])
def test_predictions_without_a_column_are_refused(column: str) -> None:
    predictions = pd.DataFrame({"score": [0.5] * 900, "decision": [True] * 900})
    with pytest.raises(DataError, match="columns are missing"):
        calm(part={"predictions": predictions.drop(columns=column)})


def test_features_and_predictions_of_different_rows_are_refused() -> None:
    with pytest.raises(DataError, match="one score per row"):
        calm(part={"features": features_of(TONIGHT).iloc[1:]})


def test_a_bound_on_an_unknown_metric_is_refused_with_the_near_match() -> None:
    bounds = [{"kind": "at_least", "metric": "auk", "value": 0.6}]
    with pytest.raises(ValidationError, match="did you mean 'auc'"):
        report_on(calm(), performance=bounds)


def test_of_undecided_predictions_no_share_is_said() -> None:
    none = pd.array([None] * 900, dtype="boolean")
    undecided = pd.DataFrame({"score": TONIGHT["score"], "decision": none})
    assert report_on(calm()).decided["positive"] > 0
    assert report_on(calm(part={"predictions": undecided})).decided == {}


def test_performance_agrees_with_scikit_learn() -> None:
    frame = make_rows(2_000, seed=9)
    found = measure(frame, objective=OBJECTIVES["binary"]).metrics
    assert found["auc"] == pytest.approx(roc_auc_score(frame["label"], frame["score"]))
    assert found["log_loss"] == pytest.approx(log_loss(frame["label"], frame["score"]))


def test_the_estimate_meets_what_calibrated_scores_realise() -> None:
    frame = make_rows(40_000, seed=10)
    expected, found = (
        estimate(scores_of(frame), objective=OBJECTIVES["binary"]),
        measure(frame, objective=OBJECTIVES["binary"]).metrics,
    )
    for name, value in expected.items():
        assert value == pytest.approx(found[name], abs=0.015)


def test_calibration_intervals_hold_the_observed_rate() -> None:
    frame = make_rows(3_000, seed=11)
    points = calibration(
        frame["label"].to_numpy(), scores_of(frame), objective=OBJECTIVES["binary"]
    )
    assert sum(point.rows for point in points) == 3_000
    assert all(p.low <= p.observed <= p.high for p in points)
    assert [p.mean_score for p in points] == sorted(p.mean_score for p in points)
    assert calibration(np.array([]), np.array([]), objective=OBJECTIVES["binary"]) == ()
