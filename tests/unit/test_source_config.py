"""Sources in usecase.yaml, and paths with a date: what cannot be meant is refused and named."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from laurel.adapters.sources import open_source
from laurel.adapters.sources.contract import Source as Reader
from laurel.domain.config import Dataset, PythonSource, Source
from laurel.domain.config.source import FilesSource, HttpSource
from laurel.domain.pattern import DayPattern
from laurel.errors import ConfigError
from laurel.settings import Settings
from laurel.usecase import UseCase, load_usecase
from support.synthetic import load_toy, write_toy

DAY = date(2024, 2, 29)
SOURCE: TypeAdapter[Any] = TypeAdapter(Source)
DAILY = "{date:%Y-%m-%d}"
KINDS: dict[str, dict[str, Any]] = {
    "files": {"path": f"/data/{DAILY}.csv"},
    "s3": {"path": f"s3://bucket/in/{DAILY}.csv"},
    "sql": {"connection": "dwh", "query": "select 1 where :start < :end"},
    "http": {"url": f"https://files.example/{DAILY}.csv"},
    "dvc": {"repo": "https://git.example/data", "rev": "v1", "path": f"in/{DAILY}.csv"},
    "python": {"file": "source.py"},
}


def toy(folder: Path, source: dict[str, Any] | None, **datasets: dict[str, Any]) -> UseCase:
    """The use case toy with other sources."""
    root, _ = write_toy(folder)
    file = next(root.rglob("usecase.yaml"))
    document = yaml.safe_load(file.read_text())
    if source is not None:
        document["source"] = source
    for name, own in datasets.items():
        document["datasets"][name]["source"] = own
    file.write_text(yaml.safe_dump(document))
    return load_usecase(file.parent)


@pytest.mark.parametrize("said", [{}, {"file": "source.py"}, {"options": {"folder": "/data"}}])
def test_a_source_without_a_kind_is_python(said: dict[str, Any]) -> None:
    assert SOURCE.validate_python(said) == PythonSource(**said)


def test_the_kind_python_is_not_said_in_documents() -> None:
    assert PythonSource().model_dump(mode="json") == {"file": "source.py", "options": {}}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_keeps_what_is_said_of_it_through_a_document(kind: str) -> None:
    source = SOURCE.validate_python({"kind": kind, **KINDS[kind]})

    assert SOURCE.validate_python(source.model_dump(mode="json")) == source


def test_a_dataset_without_a_source_of_its_own_says_nothing_of_it() -> None:
    said = {
        "role": "rows",
        "time": "at",
        "key": ["at"],
        "suite": "s",
        "columns": {"at": {"type": "timestamp"}},
    }

    assert "source" not in Dataset.model_validate(said).model_dump(mode="json")


@pytest.mark.parametrize(
    ("kind", "change", "expected"),
    [
        ("files", {"path": "/data/all.csv"}, "no whole day"),
        ("files", {"path": "/data/{date:%Y-%m}.csv"}, "no whole day"),
        ("files", {"path": "/data/{day}.csv"}, "braces"),
        ("files", {"path": "/data/{date:%Y%m%d%H}.csv"}, "%H"),
        ("files", {"path": f"/data/**/{DAILY}.csv"}, "wildcards are"),
        ("files", {"path": f"/data/[ab]{DAILY}.csv"}, "wildcards are"),
        ("files", {"path": f"../other/{DAILY}.csv"}, "without .."),
        ("files", {"path": f"/data/{DAILY}.json"}, "format must be csv or parquet"),
        ("files", {"csv": {"delimiter": ";;"}}, "not one ASCII character"),
        ("files", {"csv": {"delimiter": "\n"}}, "not one ASCII character"),
        ("files", {"csv": {"quote": ","}}, "delimiter and quote are both"),
        ("files", {"csv": {"encoding": "utf-9"}}, "no encoding 'utf-9'"),
        ("files", {"csv": {"encoding": "base64"}}, "not an encoding of text"),
        ("files", {"csv": {"max_field_bytes": 0}}, "greater than or equal to 1"),
        ("files", {"rename": {"a": "c", "b": "c"}}, "the same name: c"),
        ("files", {"missing": "ignore"}, "'refuse' or 'empty'"),
        ("s3", {"path": f"/bucket/{DAILY}.csv"}, "s3://bucket"),
        ("s3", {"path": f"s3://key:word@bucket/{DAILY}.csv"}, "credentials elsewhere"),
        ("s3", {"endpoint": "http://key:word@host"}, "credentials are elsewhere"),
        ("sql", {"query": None}, "either query or query_file"),
        ("sql", {"query_file": "q.sql"}, "either query or query_file"),
        ("sql", {"version_query": "select", "version_query_file": "v"}, "either version_query"),
        ("sql", {"connection": "postgresql://me:word@host"}, "connection"),
        ("http", {"url": f"ftp://files.example/{DAILY}.csv"}, "http(s)://host"),
        ("http", {"url": f"https://me:word@files.example/{DAILY}.csv"}, "credentials"),
        ("http", {"url": f"https://files.example/{DAILY}/*.csv"}, "wildcards"),
        ("http", {"checksum_url": "{url}.sum"}, "algorithm must be said"),
        ("http", {"checksum_url": "{url}.md5", "sha256": {DAY: "0" * 64}}, "either checksum_url"),
        ("http", {"sha256": {DAY: "abc"}}, "sha256"),
        ("http", {"tries": 0}, "tries"),
        ("dvc", {"repo": "https://me:word@git.example/data"}, "no credentials"),
        ("dvc", {"path": f"/in/{DAILY}.csv"}, "relative to the repository"),
        ("dvc", {"rev": ""}, "rev"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, kind: str, change: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        toy(tmp_path, {"kind": kind, **KINDS[kind], **change})

    said = str(caught.value)
    assert expected in said
    assert len(said.splitlines()) <= 10


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "python"])
@pytest.mark.parametrize("where", ["use case", "dataset"])
def test_an_unknown_key_is_refused_with_those_of_its_kind(
    tmp_path: Path, kind: str, where: str
) -> None:
    required = next(iter(KINDS[kind]))
    said = {"kind": kind, **KINDS[kind], f"{required}s": "x"}
    with pytest.raises(ConfigError) as caught:
        toy(tmp_path, said) if where == "use case" else toy(tmp_path, None, visits=said)

    text = str(caught.value)
    allowed = text.split("allowed: ")[1].splitlines()[0].split(", ")
    assert {"kind", *KINDS[kind]} <= set(allowed)
    assert not {"options", "file"} & set(allowed)
    assert text.endswith(f"did you mean {required!r}?")


@pytest.mark.parametrize(
    ("wrong", "right"), [({"fil": "x"}, "file"), ({"csv": {"quot": "'"}}, "quote")]
)
def test_keys_of_python_and_of_csv_have_near_matches_too(
    tmp_path: Path, wrong: dict[str, Any], right: str
) -> None:
    said = wrong if "fil" in wrong else {"kind": "files", **KINDS["files"], **wrong}
    with pytest.raises(ConfigError, match=f"did you mean '{right}'"):
        toy(tmp_path, said)


def test_an_unknown_kind_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        toy(tmp_path, {"kind": "ftp", "path": "x"})

    assert all(repr(kind) in str(caught.value) for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_opened_without_asking_it(
    tmp_path: Path, settings: Settings, kind: str
) -> None:
    usecase = toy(tmp_path, {"kind": kind, **KINDS[kind]})
    reader: Reader = open_source(usecase, "visits", settings=settings)

    assert reader.place


def test_a_dataset_may_have_a_source_of_its_own(tmp_path: Path, settings: Settings) -> None:
    usecase = toy(tmp_path, None, climate={"kind": "files", **KINDS["files"]})

    assert open_source(usecase, "climate", settings=settings).place == KINDS["files"]["path"]
    assert open_source(usecase, "visits", settings=settings).place.endswith("source.py")


def test_a_use_case_without_python_has_no_module_of_its_source(tmp_path: Path) -> None:
    assert load_toy(tmp_path / "plain").source().read
    usecase = toy(tmp_path, {"kind": "files", **KINDS["files"]})
    with pytest.raises(ConfigError, match="no Python file"):
        usecase.source()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.csv", "csv"), ("a.tsv.xz", "csv"), ("a.parquet", "parquet"), ("a.csv.zst", "csv")],
)
def test_a_name_tells_the_format(name: str, expected: str) -> None:
    assert FilesSource(kind="files", path=f"{DAILY}-{name}").format_of(name) == expected


def test_the_name_of_a_checksum_tells_its_algorithm() -> None:
    said = {**KINDS["http"], "checksum_url": "{url}.sha512"}

    assert HttpSource(kind="http", **said).checksum_algorithm() == "sha512"
    said = {**said, "checksum_url": "{url}.sum", "algorithm": "md5"}
    assert HttpSource(kind="http", **said).checksum_algorithm() == "md5"


@given(
    day=st.dates(date(1, 1, 1)), form=st.sampled_from(["%Y-%m-%d", "%Y/%j", "%d.%m.%Y", "%Y%m%d"])
)
def test_a_path_is_of_its_day_and_of_no_other(day: date, form: str) -> None:
    pattern = DayPattern(f"in/{{date:{form}}}/part-*.csv")
    path = pattern.of(day).replace("*", "7")

    assert pattern.fits(day, path)
    assert path.startswith(pattern.prefix(day))
    assert path.startswith(f"{pattern.folder(day)}/")
    assert path.startswith(f"{pattern.top}/")
    other = day - timedelta(days=1) if day > date(1, 1, 1) else day + timedelta(days=1)
    assert not pattern.fits(other, path)


@pytest.mark.parametrize(
    ("path", "fits"),
    [
        ("in/2024-02-29/a.csv", True),
        ("in/2024-02-29/.csv", False),
        ("in/2024-02-29/.hidden.csv", False),
        ("in/2024-02-29/old/a.csv", False),
        ("in/2024-02-29/a.csv.tmp", False),
        ("in/2024-02-29/a\nb.csv", True),
        ("in/2024-02-28/a.csv", False),
        ("xin/2024-02-29/a.csv", False),
        ("in/2024-02-29/aXcsv", False),
    ],
)
def test_wildcards_match_within_a_folder_and_nothing_hidden(path: str, fits: bool) -> None:
    assert DayPattern(f"in/{DAILY}/*.csv").fits(DAY, path) is fits


def test_only_a_source_that_is_said_is_taken() -> None:
    with pytest.raises(ValidationError):
        SOURCE.validate_python("source.py")
