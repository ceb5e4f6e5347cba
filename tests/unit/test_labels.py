"""Labels: the same answer in whatever order they arrive, and only what was known counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laurel.domain.config import UseCaseConfig
from laurel.domain.history import HISTORY, KNOWN_AT, PARTITION, Past, fold_labels, join_labels
from laurel.domain.lateness import LabelCounts, count_labels
from laurel.domain.partition import Partition
from laurel.usecase import load_usecase
from support.synthetic import write_toy

FIRST = Partition.of("2024-02-01")
KEYS = [f"visit-{number}" for number in range(6)]
Arrival = tuple[int, int, float]
"""Which row, how many days after it the label came, and what it said."""

# a partition holds a key once, so a row has at most one label per day
arrivals = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 6), st.sampled_from([0.0, 1.0])),
    unique_by=lambda arrival: arrival[:2],
    max_size=20,
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> UseCaseConfig:
    folder = tmp_path_factory.mktemp("toy")
    return load_usecase(write_toy(folder)[0] / "toy").config


def rows() -> pd.DataFrame:
    """Six rows, one on each of the first six days."""
    days = [FIRST.shifted(number) for number in range(len(KEYS))]
    at = [pd.Timestamp(day.start + timedelta(hours=9)) for day in days]
    return pd.DataFrame({"visit_id": KEYS, "at": at, PARTITION: [day.key for day in days]})


def labels(came: list[Arrival]) -> pd.DataFrame:
    """The labels as they arrived, in the order given."""
    days = [FIRST.shifted(row + after) for row, after, _ in came]
    known = [pd.Timestamp(day.end) for day in days]
    return pd.DataFrame(
        {
            "visit_id": pd.Series([KEYS[row] for row, _, _ in came], dtype="str"),
            "returned": pd.Series([value for _, _, value in came], dtype="float64"),
            PARTITION: pd.Series([day.key for day in days], dtype="str"),
            KNOWN_AT: pd.Series(known, dtype="datetime64[us, UTC]"),
        }
    )


def shuffled(draw: Callable[..., list[Arrival]], came: list[Arrival]) -> list[Arrival]:
    return draw(st.permutations(came))


@given(arrivals, st.data())
def test_labels_join_alike_in_whatever_order_they_arrive(
    config: UseCaseConfig, came: list[Arrival], data: st.DataObject
) -> None:
    other = shuffled(data.draw, came)

    first, second = (
        join_labels(
            rows(), fold_labels(labels(each).drop(columns=PARTITION), config), config, how="left"
        )
        for each in (came, other)
    )

    pd.testing.assert_frame_equal(first, second)
    for number, key in enumerate(KEYS):
        own = [arrival for arrival in came if arrival[0] == number]
        newest = max(own, key=lambda arrival: arrival[1], default=None)
        said = first.loc[first["visit_id"] == key, "returned"]
        assert list(said.dropna()) == ([newest[2]] if newest else [])


@given(arrivals, st.integers(0, 12), st.data())
def test_the_past_holds_what_was_known_at_the_cutoff_in_whatever_order_it_arrived(
    config: UseCaseConfig, came: list[Arrival], cutoff: int, data: st.DataObject
) -> None:
    moment = FIRST.shifted(cutoff).start

    def seen(arrived: list[Arrival]) -> pd.DataFrame:
        joined = join_labels(rows(), labels(arrived).drop(columns=PARTITION), config, how="inner")
        past = Past({HISTORY: joined}, config)
        return past.at(moment, day=FIRST.shifted(7).day, history_days=7)[HISTORY]

    found = seen(came)

    pd.testing.assert_frame_equal(found, seen(shuffled(data.draw, came)))
    assert (found[KNOWN_AT] <= moment).all()
    known: dict[str, tuple[int, float]] = {}
    for row, after, value in sorted(came):
        if FIRST.shifted(row + after).end <= moment:
            known[KEYS[row]] = (after, value)
    assert dict(zip(found["visit_id"], found["returned"], strict=True)) == {
        key: value for key, (_, value) in known.items()
    }


@given(arrivals, st.integers(0, 12), st.data())
def test_late_corrected_and_missing_labels_are_counted_in_whatever_order_they_arrived(
    config: UseCaseConfig, came: list[Arrival], last: int, data: st.DataObject
) -> None:
    known = [each for each in came if each[0] + each[1] <= last]
    firsts = {row: min(after for own, after, _ in known if own == row) for row, _, _ in known}
    day = FIRST.shifted(last).key

    counts = count_labels(rows(), labels(known), config, last=day)

    assert counts == count_labels(rows(), labels(shuffled(data.draw, known)), config, last=day)
    due = [row for row in range(len(KEYS)) if row + config.label.delay_days <= last]
    assert counts == LabelCounts(
        due=len(due),
        missing=sum(row not in firsts for row in due),
        late=sum(after > config.label.delay_days for after in firsts.values()),
        corrected=sum([own for own, _, _ in known].count(row) > 1 for row in firsts),
    )


def test_a_label_that_is_not_due_yet_is_not_missing(config: UseCaseConfig) -> None:
    counts = count_labels(rows(), labels([(0, 1, 1.0), (1, 3, 0.0)]), config, last="2024-02-04")

    assert counts == LabelCounts(due=3, missing=1, late=1, corrected=0)
    assert counts.missing_share == pytest.approx(1 / 3)
