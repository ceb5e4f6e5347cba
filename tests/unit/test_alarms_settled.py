"""Reports whose alarms are settled over nights: hysteresis, learned bounds, words of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from laurel.domain.alarms.counted import count_nights
from laurel.domain.alarms.judged import stated_bound
from laurel.domain.alarms.learned import Calibration, Learned
from laurel.domain.alarms.raised import Alarm
from laurel.domain.alarms.settled import UNCALIBRATED, Known, settle, told_by_day
from laurel.domain.alarms.state import Acknowledgement, State
from laurel.domain.canonical import canonical_json
from laurel.domain.config import Alarms, Monitoring
from laurel.domain.history import KNOWN_AT
from laurel.domain.objective import OBJECTIVES
from laurel.domain.partition import Partition
from laurel.domain.profile import Counts, build_profile
from laurel.domain.report import Report
from laurel.pages.report import render_report
from laurel.stages.monitor import MonitorInput, monitor
from support.monitoring import (
    TODAY,
    VERSION,
    features_of,
    make_days,
    make_input,
    make_rows,
    make_usecase,
    scores_of,
)
from support.nights import make_nights, shift

CHECK = "drift/wind"
TRAINING = pd.concat([make_rows(900, seed=n, weekday=n % 7) for n in range(14)], ignore_index=True)
PROFILE: Counts = build_profile(
    features_of(TRAINING),
    scores_of(TRAINING),
    days=pd.Series(np.repeat([f"2013-05-{n + 1:02}" for n in range(14)], 900)),
)
NIGHTS = make_days(14, rows=600)


def windy(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(wind=frame["wind"] + 6)


def given(shifted: Sequence[int] = (), **changes: Any) -> MonitorInput:
    """The nights, of which some before today (0) have another wind."""
    days = {
        key: windy(frame) if (TODAY.day - Partition.of(key).day).days in shifted else frame
        for key, frame in NIGHTS.items()
    }
    today = make_rows(900, seed=7, weekday=TODAY.day.weekday())
    return make_input(
        windy(today) if 0 in shifted else today, days=days, profile=PROFILE, **changes
    )


CONFIRMING = Alarms(uncalibrated="confirm")


def settled(
    made: MonitorInput,
    *,
    calibration: Calibration | None = None,
    said: Sequence[Acknowledgement] = (),
    alarms: Alarms | None = None,
    **monitoring: Any,
) -> Report:
    usecase = make_usecase(**monitoring)
    return settle(
        monitor(usecase, made),
        Known(made.trailing_counts, made.trailing, calibration, said),
        monitoring=usecase.config.monitoring,
        alarms=alarms or CONFIRMING,
        objective=OBJECTIVES["binary"],
    )


def found(report: Report, check: str = CHECK) -> Alarm | None:
    return next((alarm for alarm in report.alarms if alarm.check == check), None)


def calibrated(factor: float) -> Calibration:
    learned = Learned(CHECK, factor, nights=60, flagged=1)
    return Calibration("flights", "a", "b", (), 60, (), 0.05, {}, learned, 0, {CHECK: learned})


def test_calm_nights_have_no_alarm_and_the_weekday_is_no_drift() -> None:
    report = settled(given())

    assert report.alarms == ()
    assert report.standing == "deserved"


def test_one_night_is_suspected_and_changes_no_verdict() -> None:
    report = settled(given([0]))
    alarm = found(report)

    assert alarm is not None
    assert (alarm.state, alarm.change, alarm.since) == ("suspected", "suspected", TODAY.key)
    assert alarm.reason.startswith("suspected: wind has drifted")
    assert report.standing == "deserved"
    assert report.retrain is False


def test_two_of_three_nights_confirm_and_ask_for_retraining_where_that_is_wanted() -> None:
    report = settled(given([0, 2]), retrain=True)
    alarm = found(report)

    assert alarm is not None
    assert (alarm.state, alarm.change, alarm.severity) == ("confirmed", "confirmed", "critical")
    assert alarm.tally == "2 of the last 3 nights"
    assert alarm.belief == UNCALIBRATED
    assert report.verdict.startswith("1 alarm: wind has drifted")
    assert report.retrain is True
    assert settled(given([0, 2])).retrain is False


def test_a_bound_that_nobody_calibrated_is_shown_as_learning_and_disturbs_nobody() -> None:
    report = settled(given([0, 1, 2]), alarms=Alarms(), retrain=True)
    alarm = found(report)

    assert alarm is not None
    assert (alarm.state, alarm.change, alarm.severity) == ("learning", None, "critical")
    assert alarm.tally == "3 of the last 3 nights"
    assert alarm.belief == UNCALIBRATED
    assert not alarm.loud
    assert report.standing == "deserved"
    assert report.retrain is False
    assert "not calibrated yet, so nothing is said of it" in report.verdict
    known = settled(given([0, 1, 2]), calibration=calibrated(1.2), alarms=Alarms())
    assert found(known).state == "confirmed"
    gone = settled(given([3, 4, 5]), alarms=Alarms())
    assert (found(gone), gone.cleared) == (None, ())


def test_a_bound_on_performance_that_a_person_gave_needs_no_calibration() -> None:
    report = settled(labelled({}), alarms=Alarms())
    assert found(report, "performance/auc").state == "confirmed"


def test_an_alarm_clears_after_quiet_nights_and_says_so() -> None:
    assert found(settled(given([2, 3, 4]))) is not None
    report = settled(given([3, 4, 5]))

    assert found(report) is None
    assert report.cleared == (CHECK,)


def test_a_confirmed_alarm_that_is_back_within_its_bound_says_so_until_it_clears() -> None:
    alarm = found(settled(given([1, 2])))

    assert alarm is not None
    assert (alarm.state, alarm.tally) == ("confirmed", "2 of the last 3 nights")
    assert alarm.reason.startswith("wind had drifted and is within its bound now")


def test_a_learned_bound_decides_and_its_rate_is_beside_the_alarm() -> None:
    tight, wide = (settled(given([0, 1]), calibration=calibrated(f)) for f in (1.0, 1e6))
    alarm = found(tight)

    assert alarm is not None
    assert alarm.belief.startswith("exceeded on 1 of 60 quiet nights (at most 7.7%")
    assert tight.calibration == calibrated(1.0).digest
    assert found(wide) is None


def test_an_acknowledged_alarm_is_shown_and_silent() -> None:
    said = Acknowledgement(CHECK, "ada", "a storm", TODAY.key, None)
    report = settled(given([0, 1]), said=[said], retrain=True)
    alarm = found(report)

    assert alarm is not None
    assert alarm.silenced == "acknowledged by ada until it clears: a storm"
    assert (report.standing, report.retrain) == ("deserved", False)


def test_a_fact_is_confirmed_at_once_and_can_be_acknowledged() -> None:
    stale = {"flights": TODAY, "labels": TODAY, "weather": TODAY.shifted(-9)}
    said = Acknowledgement("freshness/weather", "ada", "moved", TODAY.key, TODAY.shifted(2).key)

    loud, silent = settled(given(newest=stale)), settled(given(newest=stale), said=[said])

    assert [(a.check, a.state) for a in loud.alarms] == [("freshness/weather", "confirmed")]
    assert loud.standing == "alarmed"
    assert silent.standing == "deserved"
    assert silent.alarms[0].silenced is not None


def test_nights_of_another_champion_neither_confirm_nor_clear() -> None:
    made = given([0, 1, 2])
    yesterday = TODAY.shifted(-1).key
    before = {k: v for k, v in made.trailing_counts.items() if k == yesterday}
    alone = settled(replace(made, trailing_counts={}))
    both = settled(replace(made, trailing_counts=before))

    first, second = found(alone), found(both)
    assert first is not None
    assert second is not None
    assert (first.state, second.state) == ("suspected", "confirmed")


def test_equal_nights_make_equal_bytes_whatever_their_order() -> None:
    made = given([0, 1])
    turned = replace(made, trailing_counts=dict(reversed(made.trailing_counts.items())))

    one, two = (canonical_json(settled(each).document()) for each in (made, turned))
    assert one == two


def labelled(known_at: dict[int, int], *, flipped: bool = True) -> MonitorInput:
    """Nights whose labels say the contrary; days back → days after that at which they are known."""
    made = given()
    frame = made.trailing.copy()
    back = frame["partition"].map(lambda key: (TODAY.day - Partition.of(key).day).days)
    if flipped:
        frame["label"] = 1 - frame["label"]
    ends = pd.to_datetime(frame["partition"], utc=True) + pd.Timedelta(days=1)
    delay = back.map(known_at).fillna(0)
    return replace(made, trailing=frame.assign(**{KNOWN_AT: ends + pd.to_timedelta(delay, "D")}))


def test_a_loss_of_performance_is_confirmed_by_what_was_known_on_each_night() -> None:
    long_known = settled(labelled({}))
    just_known = settled(labelled({back: back for back in range(1, 15)}))

    before, now = (found(report, "performance/auc") for report in (long_known, just_known))
    assert before is not None
    assert now is not None
    assert (before.state, now.state) == ("confirmed", "suspected")
    assert before.severity == "critical"
    assert found(settled(labelled({}, flipped=False)), "performance/auc") is None


def test_labels_that_never_came_and_an_empty_night_are_judged_by_nobody() -> None:
    made = given([0, 1])
    missing = replace(made, trailing=made.trailing.assign(label=float("nan")))
    empty = settled(make_input(make_rows(0, seed=1), days={}, profile=PROFILE))

    assert found(settled(missing), "performance/auc") is None
    assert empty.alarms == ()
    assert empty.standing == "unknown"
    assert made.champion.model_version == VERSION


def test_of_five_hundred_features_only_the_one_that_moved_exceeds_its_bound() -> None:
    profile, nights = make_nights(4, seed=5, features=500, rows=600)
    last = [*nights[:3], shift(nights[3], "x7", size=0.5)]
    made = {each.check: each for each in count_nights(profile, last, spans=(1,))}

    assert len(made) == 502
    over = {
        name
        for name, each in made.items()
        if each.index[-1] > stated_bound(each, rules=Monitoring()).warning
    }
    assert over == {"drift/x7"}


def test_without_the_times_of_labels_this_night_alone_is_judged() -> None:
    lost = labelled({})
    alarm = found(
        settled(replace(lost, trailing=lost.trailing.drop(columns=KNOWN_AT))), "performance/auc"
    )

    assert alarm is not None
    assert alarm.state == "suspected"


def test_a_feature_called_by_the_week_is_not_taken_for_a_week_of_another() -> None:
    states = {"drift/x": State("drift/x", standing="confirmed")}

    assert told_by_day("drift_week/x", states)
    assert not told_by_day("drift/x_week", states)
    assert not told_by_day("score_drift_week", states)


def test_the_page_shows_what_is_learning_apart_from_alarms() -> None:
    page = render_report(settled(given([0, 1, 2]), alarms=Alarms()))
    alarms = page[page.index("<h2>Alarms") : page.index("<h2>Scores and performance")]

    assert "<p>None.</p>" in alarms
    assert "beyond a bound that nobody has calibrated yet: learning, and no alarm" in alarms
    assert 'class="chip critical"' not in page
    assert 'class="chip critical"' in render_report(settled(given([0, 1, 2])))
