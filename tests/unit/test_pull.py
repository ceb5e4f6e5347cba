"""Pull: what a source gives becomes a table for each partition, or is refused as it came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import pytest

from laurel.adapters.sources.contract import Batch, SourceState
from laurel.adapters.tables import read_table
from laurel.domain.config import Dataset
from laurel.domain.partition import Partition
from laurel.errors import DataError, StoreFault
from laurel.stages.pull import Pulled, pull
from laurel.usecase import UseCase
from support.synthetic import load_toy

DAYS = [Partition.of(f"2024-02-{day}") for day in (26, 27, 28, 29)]
Give = Callable[[Partition], list[pd.DataFrame]]


class Given:
    """A source that gives what a function says, and remembers what it was asked."""

    place = "a test"

    def __init__(self, give: Give, *, textual: bool = False) -> None:
        self.give, self.textual, self.asked = give, textual, list[list[str]]()

    def states(self, days: Sequence[Partition]) -> dict[Partition, SourceState]:
        return {day: SourceState("1") for day in days}

    def read(self, days: Sequence[Partition]) -> Iterator[Batch]:
        self.asked.append([day.key for day in days])
        for day in days:
            for rows in self.give(day):
                yield Batch(rows, textual=self.textual)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return load_toy(tmp_path_factory.mktemp("toy"))


def climate(day: Partition, **columns: object) -> pd.DataFrame:
    observed = pd.Timestamp(day.start) + pd.Timedelta(hours=12)
    plain = {"shop": ["east", "west"], "observed": [observed] * 2, "level": [0.5, 1.5]}
    return pd.DataFrame({**plain, **columns})


def pulled(toy: UseCase, source: Given, folder: Path, days: Sequence[Partition] = DAYS) -> Pulled:
    return pull(source, toy, "climate", days=days, folder=folder)


def test_a_range_is_read_at_once_and_a_day_without_rows_is_an_empty_table(
    toy: UseCase, tmp_path: Path
) -> None:
    source = Given(lambda day: [climate(day)] if day != DAYS[1] else [])
    found = pulled(toy, source, tmp_path)
    assert source.asked == [[day.key for day in DAYS]]
    assert [len(read_table(found.landed[day].path)) for day in DAYS] == [2, 0, 2, 2]
    assert not found.refused


def test_days_apart_are_asked_for_in_runs(toy: UseCase, tmp_path: Path) -> None:
    source = Given(lambda day: [climate(day)])
    found = pulled(toy, source, tmp_path, [DAYS[3], DAYS[0], DAYS[1]])
    assert source.asked == [["2024-02-26", "2024-02-27"], ["2024-02-29"]]
    assert sorted(found.landed) == [DAYS[0], DAYS[1], DAYS[3]]


def test_a_day_with_a_bad_row_is_refused_with_all_its_rows_and_the_others_land(
    toy: UseCase, tmp_path: Path
) -> None:
    def give(day: Partition) -> list[pd.DataFrame]:
        return [climate(day, level=[0.5, "high"] if day == DAYS[2] else [0.5, 1.5])]

    found = pulled(toy, Given(give), tmp_path)
    assert sorted(found.landed) == [DAYS[0], DAYS[1], DAYS[3]]
    refusal = found.refused[DAYS[2]]
    assert "level: 'high' is not float64" in str(refusal.error)
    assert "partition 2024-02-28" in str(refusal.error)
    assert refusal.rows == 2
    assert len(read_table(refusal.files["rows.parquet"])) == 1
    assert '"level": "high"' in refusal.files["refused.jsonl"].read_text()


def test_bad_rows_within_the_share_are_set_apart_and_the_rest_lands(
    toy: UseCase, tmp_path: Path
) -> None:
    rows = climate(DAYS[0], level=[0.5, None])
    split = _with_split(toy, 0.5)
    found = pulled(split, Given(lambda _: [rows]), tmp_path, DAYS[:1])
    landed = found.landed[DAYS[0]]
    assert (landed.rows, landed.refused_rows) == (1, 1)
    assert "level" in landed.reasons[0]
    tight = pulled(_with_split(toy, 0.4), Given(lambda _: [rows]), tmp_path / "b", DAYS[:1])
    assert "at most 40.00%" in str(tight.refused[DAYS[0]].error)


def test_texts_are_read_by_the_contract(toy: UseCase, tmp_path: Path) -> None:
    text = pd.DataFrame(
        {"shop": ["east"], "observed": ["2024-02-26T12:00:00Z"], "level": ["-0.25"]}, dtype="str"
    )
    found = pulled(toy, Given(lambda _: [text], textual=True), tmp_path, DAYS[:1])
    assert read_table(found.landed[DAYS[0]].path)["level"].tolist() == [-0.25]
    typed = pulled(toy, Given(lambda _: [text]), tmp_path / "b", DAYS[:1])
    assert "column 'observed' has the wrong type" in str(typed.refused[DAYS[0]].error)


def test_a_batch_with_other_columns_is_kept_as_it_came(toy: UseCase, tmp_path: Path) -> None:
    source = Given(lambda day: [climate(day).rename(columns={"level": "lvl"})])
    found = pulled(toy, source, tmp_path, DAYS[:1])
    refusal = found.refused[DAYS[0]]
    assert "missing: level; unknown: lvl" in str(refusal.error)
    assert pd.read_parquet(refusal.files["rows.parquet"])["lvl"].tolist() == [0.5, 1.5]
    assert refusal.rows == 2


def test_rows_of_another_day_are_refused(toy: UseCase, tmp_path: Path) -> None:
    found = pulled(toy, Given(lambda _: [climate(DAYS[1])]), tmp_path, DAYS[:1])
    assert "outside the interval" in str(found.refused[DAYS[0]].error)


def test_a_source_that_fails_at_both_ends_is_broken_itself(toy: UseCase, tmp_path: Path) -> None:
    def give(day: Partition) -> list[pd.DataFrame]:
        raise DataError("the file is cut off")

    with pytest.raises(DataError, match="use case toy, dataset climate"):
        pulled(toy, Given(give), tmp_path)


def test_a_fault_is_not_taken_for_bad_data(toy: UseCase, tmp_path: Path) -> None:
    def give(day: Partition) -> list[pd.DataFrame]:
        raise StoreFault("it does not answer")

    for days in (DAYS, DAYS[:1]):
        with pytest.raises(StoreFault, match="use case toy, dataset climate"):
            pulled(toy, Given(give), tmp_path, days)


def _with_split(toy: UseCase, share: float) -> UseCase:
    document = toy.config.document()
    document["datasets"]["climate"]["split"] = {"max_share": share}
    config = type(toy.config).model_validate(document)
    assert isinstance(config.datasets["climate"], Dataset)
    return UseCase(toy.folder, config)


def test_rows_of_another_day_than_their_file_are_refused_also_in_a_range(
    toy: UseCase, tmp_path: Path
) -> None:
    class Filed(Given):
        def read(self, days: Sequence[Partition]) -> Iterator[Batch]:
            for day in days:
                for rows in self.give(day):
                    yield Batch(rows, day=day)

    source = Filed(lambda day: [climate(DAYS[2] if day == DAYS[1] else day)])
    found = pulled(toy, source, tmp_path)
    assert sorted(found.landed) == [DAYS[0], DAYS[2], DAYS[3]]
    assert "outside the interval" in str(found.refused[DAYS[1]].error)
