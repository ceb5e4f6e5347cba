"""Folds in the order of time: what holds for all of them, whatever was asked for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laurel.domain.folds import Fold, cut_folds
from laurel.domain.window import Days
from laurel.errors import Refused

FIRST = date(2024, 1, 1)


@st.composite
def asked(draw: st.DrawFn) -> tuple[Days, dict[str, Any]]:
    """Train days, and folds that fit into them."""
    said = {
        "count": draw(st.integers(1, 8)),
        "validation_days": draw(st.integers(1, 20)),
        "embargo_days": draw(st.integers(0, 10)),
        "kind": draw(st.sampled_from(["expanding", "sliding"])),
    }
    needed = said["count"] * said["validation_days"] + said["embargo_days"] + 1
    first = FIRST + timedelta(days=draw(st.integers(0, 800)))
    length = needed + draw(st.integers(0, 200))
    return Days(first, first + timedelta(days=length - 1)), said


def days(part: Days) -> set[date]:
    return {partition.day for partition in part}


@given(asked())
def test_no_day_that_validates_is_learned_from_or_lies_before_one_that_is(
    said: tuple[Days, dict[str, Any]],
) -> None:
    for fold in cut_folds(said[0], **said[1]):
        assert fold.train.last < fold.validation.first


@given(asked())
def test_the_embargo_lies_between_what_is_learned_from_and_what_validates(
    said: tuple[Days, dict[str, Any]],
) -> None:
    for fold in cut_folds(said[0], **said[1]):
        between = (fold.validation.first - fold.train.last).days - 1
        assert between == said[1]["embargo_days"]


@given(asked())
def test_folds_stay_within_the_train_days_and_none_is_empty(
    said: tuple[Days, dict[str, Any]],
) -> None:
    train, options = said
    folds = cut_folds(train, **options)
    assert len(folds) == options["count"]
    for fold in folds:
        assert len(fold.train) >= 1
        assert len(fold.validation) == options["validation_days"]
        assert days(fold.train) | days(fold.validation) <= days(train)
    assert folds[-1].validation.last == train.last


@given(asked())
def test_no_day_validates_twice(said: tuple[Days, dict[str, Any]]) -> None:
    validating = [day for fold in cut_folds(said[0], **said[1]) for day in days(fold.validation)]
    assert len(validating) == len(set(validating))


@given(asked())
def test_expanding_folds_keep_their_first_day_and_sliding_ones_their_length(
    said: tuple[Days, dict[str, Any]],
) -> None:
    folds = cut_folds(said[0], **said[1])
    if said[1]["kind"] == "expanding":
        assert {fold.train.first for fold in folds} == {said[0].first}
    else:
        assert len({len(fold.train) for fold in folds}) == 1
        assert folds[0].train.first == said[0].first


@given(asked())
def test_equal_words_give_equal_folds_in_the_order_of_time(
    said: tuple[Days, dict[str, Any]],
) -> None:
    folds = cut_folds(said[0], **said[1])
    assert folds == cut_folds(said[0], **said[1])
    assert list(folds) == sorted(folds, key=lambda fold: fold.validation.first)


def test_one_day_too_few_is_refused_with_the_number_needed() -> None:
    train = Days(FIRST, FIRST + timedelta(days=6))
    with pytest.raises(Refused, match="not enough train days") as caught:
        cut_folds(train, count=2, validation_days=3, embargo_days=1)
    assert "at least 8: 2 times 3" in caught.value.expected
    longer = Days(FIRST, FIRST + timedelta(days=7))
    assert len(cut_folds(longer, count=2, validation_days=3, embargo_days=1)) == 2


def test_a_fold_says_its_days() -> None:
    fold = Fold(Days(FIRST, FIRST), Days(date(2024, 1, 3), date(2024, 1, 4)))
    assert fold.document() == {
        "train": ["2024-01-01", "2024-01-01"],
        "validation": ["2024-01-03", "2024-01-04"],
    }
