from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from laurel.domain.canonical import parse_instant
from laurel.domain.config import UseCaseConfig
from laurel.domain.partition import Partition
from laurel.domain.window import Days, TrainingWindow, lookback, plan, read_window
from laurel.errors import IntegrityError, Refused
from support.synthetic import USECASE_YAML

AS_OF = parse_instant("2024-02-12")


def config(**changes: int | date) -> UseCaseConfig:
    document = yaml.safe_load(USECASE_YAML)
    document["start"] = changes.pop("start", document["start"])
    document["label"]["delay_days"] = changes.pop("delay_days", 1)
    document["features"]["history_days"] = changes.pop("history_days", 7)
    document["training"] |= changes
    return UseCaseConfig.model_validate(document)


configs = st.builds(
    config,
    delay_days=st.integers(0, 9),
    history_days=st.integers(0, 40),
    train_days=st.integers(1, 60),
    validation_days=st.integers(1, 10),
    holdout_days=st.integers(1, 20),
)
moments = st.integers(0, 24 * 330).map(
    lambda hours: datetime(2024, 2, 5, tzinfo=UTC) + timedelta(hours=hours)
)


def planned(usecase: UseCaseConfig, as_of: datetime) -> TrainingWindow | None:
    try:
        return plan(usecase, as_of)
    except Refused:
        return None


def test_the_days_of_a_window_are_those_of_the_sketch() -> None:
    assert plan(config(), AS_OF).document() == {
        "usecase": "toy",
        "as_of": "2024-02-12T00:00:00Z",
        "label_delay_days": 1,
        "embargo_days": 1,
        "days": {
            "history": ["2024-01-01", "2024-01-07"],
            "train": ["2024-01-08", "2024-01-28"],
            "validation": ["2024-01-29", "2024-02-02"],
            "holdout": ["2024-02-04", "2024-02-10"],
        },
    }


@settings(deadline=None)
@given(configs, moments)
def test_every_hold_out_label_is_known_at_as_of_and_the_next_day_s_is_not(
    usecase: UseCaseConfig, as_of: datetime
) -> None:
    if window := planned(usecase, as_of):
        newest = window.partitions("labels")[-1]
        assert newest.end <= as_of < newest.shifted(1).end
        assert newest.day == window.holdout.last + usecase.label_delay


@settings(deadline=None)
@given(configs, moments)
def test_no_partition_of_a_window_is_known_after_as_of(
    usecase: UseCaseConfig, as_of: datetime
) -> None:
    if window := planned(usecase, as_of):
        for role in ("rows", "labels", "context"):
            assert all(partition.end <= as_of for partition in window.partitions(role))


@settings(deadline=None)
@given(configs, moments)
def test_whoever_scores_the_first_hold_out_day_knows_every_label_that_was_learned_from(
    usecase: UseCaseConfig, as_of: datetime
) -> None:
    if window := planned(usecase, as_of):
        last_label = Partition(window.validation.last).shifted(usecase.label.delay_days)
        assert last_label.end <= Partition(window.holdout.first).start


@settings(deadline=None)
@given(configs, moments)
def test_the_parts_follow_each_other_and_only_the_embargo_lies_between(
    usecase: UseCaseConfig, as_of: datetime
) -> None:
    if window := planned(usecase, as_of):
        splits = [window.split(partition.day) for partition in window.events]
        history = len(window.history or ())
        assert splits == [
            *[None] * history,
            *["train"] * len(window.train),
            *["validation"] * usecase.training.validation_days,
            *[None] * usecase.label.delay_days,
            *["holdout"] * usecase.training.holdout_days,
        ]
        assert window.events.first >= usecase.start


@settings(deadline=None)
@given(configs, moments)
def test_a_window_read_back_is_the_same(usecase: UseCaseConfig, as_of: datetime) -> None:
    if window := planned(usecase, as_of):
        assert read_window(window.document()) == window


@settings(deadline=None)
@given(configs, moments)
def test_the_history_is_what_scoring_the_first_train_day_would_look_back_on(
    usecase: UseCaseConfig, as_of: datetime
) -> None:
    if window := planned(usecase, as_of):
        assert window.history == lookback(usecase, window.train.first)


def test_train_days_are_cut_off_at_the_first_partition() -> None:
    window = plan(config(train_days=60), AS_OF)
    assert (window.train.first, window.history) == (date(2024, 1, 1), None)


def test_fewer_train_days_than_validation_and_hold_out_days_are_refused() -> None:
    with pytest.raises(Refused, match="not enough history") as caught:
        plan(config(start=date(2024, 1, 18)), AS_OF)
    assert "11 days to train on" in str(caught.value)
    assert plan(config(start=date(2024, 1, 17)), AS_OF).train.first == date(2024, 1, 17)


def test_an_as_of_before_the_first_training_run_is_refused() -> None:
    with pytest.raises(Refused, match="starts later"):
        plan(config(), parse_instant("2024-02-04T23:59:59Z"))


def test_a_moment_within_a_day_knows_no_more_than_its_midnight() -> None:
    at_noon = plan(config(), AS_OF + timedelta(hours=12))
    assert at_noon.holdout == plan(config(), AS_OF).holdout


def test_an_as_of_without_a_time_zone_is_an_error() -> None:
    with pytest.raises(ValueError, match="time zone"):
        plan(config(), datetime(2024, 2, 12))  # noqa: DTZ001


def test_a_document_that_is_no_window_is_named() -> None:
    document = plan(config(), AS_OF).document()
    document["days"]["train"] = None
    with pytest.raises(IntegrityError, match="not a training window"):
        read_window(document)


def test_the_look_back_of_another_version_can_be_asked_for() -> None:
    assert lookback(config(), date(2024, 2, 1), history_days=2) == Days(
        date(2024, 1, 30), date(2024, 1, 31)
    )
    assert lookback(config(), date(2024, 2, 1), history_days=0) is None


def test_planning_imports_no_table_or_model_library(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, laurel.domain.window;"
        "heavy = {'pandas', 'numpy', 'xgboost', 'dvc', 'pyarrow'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
