"""Sources in Python: frames, or parts one by one; states; their errors as ours."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pandas as pd
import pytest

from laurel.adapters.sources import BATCH_ROWS, Source, open_source
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, DataError, LaurelError, StoreFault
from laurel.settings import Settings
from laurel.usecase import load_usecase
from support.synthetic import write_toy

DAYS = [Partition.of("2024-02-28"), Partition.of("2024-02-29")]
HEAD = "import pandas as pd, pyarrow as pa\nfrom datetime import datetime, timezone\n"
FINGERPRINT = "def fingerprint(dataset, options): return 'f1'\n"
READ = "def read(dataset, start, end, options): return pd.DataFrame({'a': [1]})\n"


def source(folder: Path, settings: Settings, code: str) -> Source:
    root, _ = write_toy(folder)
    file = next(root.rglob("source.py"))
    file.write_text(HEAD + code)
    return open_source(load_usecase(file.parent), "visits", settings=settings)


def body(text: str) -> str:
    return FINGERPRINT + f"def read(dataset, start, end, options):\n    {text}\n"


@pytest.mark.parametrize(
    "text",
    [
        "return pd.DataFrame({'a': [1, 2, 3]})",
        "return pa.table({'a': [1, 2, 3]})",
        "return pa.record_batch({'a': [1, 2, 3]})",
        "return [pd.DataFrame({'a': [1]}), pd.DataFrame({'a': [2, 3]})]",
        "return pa.table({'a': [1, 2, 3]}).to_reader(1)",
        "yield pd.DataFrame({'a': [1]}); yield pa.table({'a': [2, 3]})",
    ],
)
def test_a_frame_a_table_or_parts_of_either_give_the_same_rows(
    tmp_path: Path, settings: Settings, text: str
) -> None:
    batches = list(source(tmp_path, settings, body(text)).read(DAYS))

    assert pd.concat([batch.rows for batch in batches])["a"].tolist() == [1, 2, 3]
    assert not any(batch.textual for batch in batches)


@pytest.mark.parametrize(
    "text",
    ["pass", "return 'rows.csv'", "return {'a': [1]}", "yield None", "yield pd.Series([1])"],
)
def test_what_is_no_table_is_refused(tmp_path: Path, settings: Settings, text: str) -> None:
    with pytest.raises(DataError, match="gave no table"):
        list(source(tmp_path, settings, body(text)).read(DAYS))


def test_a_large_frame_comes_in_batches(tmp_path: Path, settings: Settings) -> None:
    text = f"return pd.DataFrame({{'a': range({BATCH_ROWS + 1})}})"
    batches = list(source(tmp_path, settings, body(text)).read(DAYS))

    assert [len(batch.rows) for batch in batches] == [BATCH_ROWS, 1]


def test_parts_are_asked_for_one_by_one(tmp_path: Path, settings: Settings) -> None:
    text = "yield from (pd.DataFrame({'a': ['x' * 100] * 20_000}) for _ in range(40))"
    reading = source(tmp_path, settings, body(text))
    tracemalloc.start()
    rows = sum(len(batch.rows) for batch in reading.read(DAYS))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert rows == 800_000
    assert peak < 40 * 2**20, "all parts together take more than 80 MB"


def test_a_day_alone_is_named_with_its_batch(tmp_path: Path, settings: Settings) -> None:
    reading = source(tmp_path, settings, FINGERPRINT + READ)

    assert [batch.day for batch in reading.read(DAYS[:1])] == DAYS[:1]
    assert [batch.day for batch in reading.read(DAYS)] == [None]


def test_a_fingerprint_is_that_of_all_days_and_settles_them(
    tmp_path: Path, settings: Settings
) -> None:
    states = source(tmp_path, settings, FINGERPRINT + READ).states(DAYS)

    assert {state.fingerprint for state in states.values()} == {"f1"}
    assert all(state.settled and state.corrected_at is None for state in states.values())


def test_a_state_is_that_of_a_day_and_may_say_when_it_was_corrected(
    tmp_path: Path, settings: Settings
) -> None:
    said = (
        "def state(dataset, day, options):\n"
        "    moment = datetime(2024, 3, 5, tzinfo=timezone.utc)\n"
        "    return f'{dataset} {day:%d}' if day.day == 28 else (f'{day:%d}', moment)\n"
    )
    states = source(tmp_path, settings, READ + said).states(DAYS)

    assert [states[day].fingerprint for day in DAYS] == ["visits 28", "29"]
    corrected = states[DAYS[1]].corrected_at
    assert corrected is not None
    assert corrected.isoformat() == "2024-03-05T00:00:00+00:00"


@pytest.mark.parametrize(
    "said", ["None", "7", "('f', datetime(2024, 3, 5))", "('f', 'yesterday')", "(None, None)"]
)
def test_a_state_that_says_nothing_is_refused(
    tmp_path: Path, settings: Settings, said: str
) -> None:
    code = READ + f"def state(dataset, day, options): return {said}\n"
    with pytest.raises(DataError, match="gave no state") as caught:
        source(tmp_path, settings, code).states(DAYS)

    assert caught.value.partition == "2024-02-28"


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        ("ValueError('no such column')", DataError),
        ("KeyError('amount')", DataError),
        ("ConnectionResetError('by peer')", StoreFault),
        ("TimeoutError('after 60 s')", StoreFault),
    ],
)
@pytest.mark.parametrize("where", ["read", "part", "fingerprint"])
def test_whatever_the_code_raises_is_an_error_of_ours_with_its_place(
    tmp_path: Path, settings: Settings, raised: str, kind: type[LaurelError], where: str
) -> None:
    code = {
        "read": body(f"raise {raised}"),
        "part": body(f"yield pd.DataFrame({{'a': [1]}})\n    raise {raised}"),
        "fingerprint": READ + f"def fingerprint(dataset, options): raise {raised}\n",
    }[where]
    reading = source(tmp_path, settings, code)
    with pytest.raises(kind, match="could not be read") as caught:
        list(reading.read(DAYS)) if where != "fingerprint" else reading.states(DAYS)

    assert (caught.value.usecase, caught.value.dataset) == ("toy", "visits")
    assert str(caught.value.detail).endswith("source.py")
    assert raised.partition("(")[0] in str(caught.value)


def test_an_error_of_ours_keeps_its_words_and_gains_its_place(
    tmp_path: Path, settings: Settings
) -> None:
    text = "from laurel.errors import DataError\n    raise DataError('the file is cut off')"
    with pytest.raises(DataError, match="the file is cut off") as caught:
        list(source(tmp_path, settings, body(text)).read(DAYS))

    assert (caught.value.usecase, caught.value.dataset) == ("toy", "visits")


@pytest.mark.parametrize(("code", "needed"), [(FINGERPRINT, "read"), (READ, "fingerprint")])
def test_a_function_that_is_missing_is_named(
    tmp_path: Path, settings: Settings, code: str, needed: str
) -> None:
    with pytest.raises(ConfigError, match=needed):
        source(tmp_path, settings, code)
