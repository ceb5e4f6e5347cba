"""usecase.yaml and the folders of use cases: what is not allowed is named, with a near match."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml

from laurel.errors import ConfigError
from laurel.settings import load_settings
from laurel.usecase import find_usecases, get_usecase, load_module, load_usecase
from support.flights import flights_usecase

Document = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped use case, to be broken."""
    copy = tmp_path / "usecases" / "flights"
    shutil.copytree(flights_usecase().folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def edit(folder: Path, change: Callable[[Document], object]) -> None:
    file = folder / "usecase.yaml"
    document = yaml.safe_load(file.read_text())
    change(document)
    file.write_text(yaml.safe_dump(document))


def column(document: Document, dataset: str, name: str, **said: Any) -> None:
    document["datasets"][dataset]["columns"][name] = said


GAP = {"kind": "gap_at_most", "metric": "auc", "column": "origin", "value": 0.1}


def refusal(folder: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_usecase(folder)
    return caught.value


def test_a_copy_of_the_use_case_loads_as_the_original(folder: Path) -> None:
    assert load_usecase(folder).config == flights_usecase().config


def test_the_configuration_is_frozen() -> None:
    config = flights_usecase().config
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        config.name = "other"
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        config.training.train_days = 1


@pytest.mark.parametrize(
    ("place", "wrong", "right", "also"),
    [
        ((), "traning", "training", "scoring"),
        (("training",), "train_day", "train_days", "holdout_days"),
        (("training", "model"), "early_stoping_rounds", "early_stopping_rounds", "params"),
        (("gate",), "threshold", "thresholds", "minimum_rows"),
        (("gate",), "refresh_after_day", "refresh_after_days", "crossings"),
        (("gate", "cost"), "false_negativ", "false_negative", "at"),
        (("gate", "underpowered"), "slice", "slices", "gaps"),
        (("scoring",), "horizon_hour", "horizon_hours", "deadline_hours"),
        (("datasets", "labels"), "rol", "role", "columns"),
        (("datasets", "labels", "columns", "late"), "nulable", "nullable", "type"),
        (("gate", "thresholds", 0), "valu", "value", "metric"),
        (("gate", "thresholds", 2), "margn", "margin", "confidence"),
        (("monitoring", "performance", 0), "metrc", "metric", "value"),
        (("label",), "delay_day", "delay_days", "column"),
        (("datasets", "type", "columns", "key"), "nulable", "nullable", "type"),
    ],
)
def test_an_unknown_key_is_refused_with_the_allowed_ones_and_a_near_match(
    folder: Path, place: tuple[str | int, ...], wrong: str, right: str, also: str
) -> None:
    def add(document: Document) -> None:
        # names of datasets and columns that are also keys of the configuration
        document["datasets"]["type"] = dict(document["datasets"]["weather"])
        document["datasets"]["type"]["columns"]["key"] = {"type": "string"}
        document["datasets"]["type"]["suite"] = "flights.type"
        document["gate"]["underpowered"] = {}
        node: Any = document
        for part in place:
            node = node[part]
        node[wrong] = 1

    edit(folder, add)
    said = str(refusal(folder))
    assert f"{wrong}: unknown key" in said
    allowed = said.split("allowed: ")[1].splitlines()[0].split(", ")
    assert {right, also} <= set(allowed)
    assert wrong not in allowed
    assert said.endswith(f"did you mean {right!r}?")
    assert "use case flights" in said


def test_keys_allowed_for_another_kind_of_threshold_are_not_offered(folder: Path) -> None:
    edit(folder, lambda d: d["gate"]["thresholds"][0].update(margin=0.1))
    said = str(refusal(folder))
    assert "margin: unknown key; allowed: kind, metric, value" in said


def test_an_unknown_key_without_a_near_match_names_the_allowed_ones(folder: Path) -> None:
    edit(folder, lambda d: d["label"].update(zzz=1))
    error = refusal(folder)
    assert "zzz: unknown key" in str(error)
    assert error.hint is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: d["label"].update(column="latee"), "'latee'"),
        (lambda d: d["training"].update(schedule="every monday"), "not a cron expression"),
        (lambda d: d["training"].update(train_days=0), "greater than or equal to 1"),
        (lambda d: d.pop("owner"), "owner: Field required"),
        (lambda d: d["datasets"].pop("labels"), "exactly one dataset has the role 'labels'"),
        (lambda d: d["gate"].update(slices=["carier"]), "carier"),
        (lambda d: d["gate"].update(crossings=[["origin", "carier"]]), "carier"),
        (lambda d: d["gate"].update(crossings=[["origin"]]), "at least 2 items"),
        (lambda d: d["gate"].update(crossings=[["origin", "origin"]]), "different columns"),
        (lambda d: d["gate"].update(protected=["carier"]), "carier"),
        (lambda d: d["gate"].update(mode="shadw"), "'enforce', 'shadow' or 'off'"),
        (lambda d: d["gate"]["thresholds"].append(GAP | {"column": "dest"}), "gate.protected"),
        (lambda d: d["gate"]["thresholds"].append(GAP | {"metric": "rate"}), "positive_rate"),
        (lambda d: d["gate"].update(underpowered={"slices": "ignore"}), "'reject' or 'report'"),
        (lambda d: d["datasets"]["flights"].update(key=["nothing"]), "nothing"),
        (lambda d: d["datasets"]["weather"].update(time="temp"), "must have type timestamp"),
        (lambda d: d["datasets"]["labels"].update(role="label"), "'rows', 'labels' or 'context'"),
        (lambda d: d["gate"]["thresholds"][0].update(kind="atleast"), "at_least"),
        (lambda d: d.update(start="yesterday"), "date"),
        (lambda d: d["scoring"].update(suite="flights.raw"), "named twice: ['flights.raw']"),
        (lambda d: column(d, "flights", "cutoff", type="string"), "flights.cutoff; rename"),
        (lambda d: column(d, "labels", "known_at", type="string"), "labels.known_at; rename"),
        (lambda d: column(d, "labels", "distance", type="int64"), "'distance'"),
        (lambda d: d["datasets"].update(history=d["datasets"].pop("weather")), "own: history"),
        (lambda d: d["datasets"].update(rows=d["datasets"].pop("labels")), "own: rows"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(
    folder: Path, change: Callable[[Document], object], expected: str
) -> None:
    edit(folder, change)
    said = str(refusal(folder))
    assert expected in said
    assert "usecase.yaml" in said
    assert len(said.splitlines()) <= 10


def test_many_faults_stay_within_ten_lines(folder: Path) -> None:
    edit(folder, lambda d: d.update({f"unknown_{n}": n for n in range(30)}))
    said = str(refusal(folder))
    assert "30 thing(s)" in said
    assert len(said.splitlines()) <= 10


@pytest.mark.parametrize("text", ["", "- a list", "just text", "a: [1", "a: 1\n\tb: 2"])
def test_a_file_that_is_no_configuration_is_refused(folder: Path, text: str) -> None:
    (folder / "usecase.yaml").write_text(text)
    assert str(folder / "usecase.yaml") in str(refusal(folder))


def test_bytes_that_are_no_text_are_refused(folder: Path) -> None:
    (folder / "usecase.yaml").write_bytes(b"name: \xff\xfe")
    assert "cannot be read" in str(refusal(folder))


def test_a_key_that_is_given_twice_is_refused(folder: Path) -> None:
    file = folder / "usecase.yaml"
    file.write_text(file.read_text() + "\nowner: somebody else\n")
    said = str(refusal(folder))
    assert "owner" in said
    assert "twice" in said


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "usecase.yaml") in str(refusal(tmp_path))


def test_a_use_case_is_named_as_its_folder(folder: Path) -> None:
    edit(folder, lambda d: d.update(name="flight"))
    assert "named as its folder" in str(refusal(folder))


def test_folders_from_outside_are_added(folder: Path) -> None:
    other = folder.parents[1] / "outside" / "trains"
    shutil.copytree(folder, other)
    edit(other, lambda d: d.update(name="trains"))
    settings = load_settings({"LAUREL_USECASES": str(other.parent)})
    assert list(find_usecases(settings)) == ["flights", "trains"]


def test_two_folders_with_the_same_use_case_are_refused(folder: Path) -> None:
    settings = load_settings({"LAUREL_USECASES": str(folder.parent)})
    with pytest.raises(ConfigError, match="two folders hold the same use case"):
        find_usecases(settings)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    settings = load_settings({"LAUREL_USECASES": str(tmp_path / "nowhere")})
    with pytest.raises(ConfigError, match="LAUREL_USECASES"):
        find_usecases(settings)


def test_an_unknown_use_case_is_answered_with_a_near_match() -> None:
    with pytest.raises(ConfigError, match="did you mean 'flights'"):
        get_usecase("flight", load_settings({}))


def test_an_edited_file_is_a_new_module_and_leaves_no_bytecode(folder: Path) -> None:
    file = folder / "features.py"
    first = load_module(file, usecase="flights")
    assert load_module(file, usecase="flights") is first
    file.write_text(file.read_text() + "\nEDITED = True\n")
    assert load_module(file, usecase="flights").EDITED
    assert not list(folder.rglob("*.pyc"))


def test_a_missing_file_of_code_is_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.py"):
        load_module(folder / "nothing.py", usecase="flights")


def test_code_that_does_not_parse_is_a_clear_error(folder: Path) -> None:
    (folder / "features.py").write_text("def featurize(:\n")
    with pytest.raises(ConfigError, match="cannot be loaded") as caught:
        load_module(folder / "features.py", usecase="flights")
    assert "line 1" in str(caught.value)


def test_reading_every_configuration_loads_nothing_heavy() -> None:
    code = (
        "import sys; from laurel.settings import load_settings;"
        "from laurel.usecase import find_usecases; assert find_usecases(load_settings({}));"
        "heavy = {'pandas', 'numpy', 'xgboost', 'great_expectations', 'dvc', 'pyarrow', 'boto3'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_sinks_are_told_apart_and_change_nothing_that_is_scored(folder: Path) -> None:
    before = load_usecase(folder).config.document()
    table = {"kind": "postgres", "connection": "dwh", "table": "marts.Delays"}
    bucket = {"kind": "s3", "path": "s3://lake/predictions/flights"}
    sinks = {"warehouse": table, "lake": bucket}
    edit(folder, lambda said: said["scoring"].update(sinks=sinks))

    config = load_usecase(folder).config
    assert {name: sink.kind for name, sink in config.scoring.sinks.items()} == {
        "warehouse": "postgres",
        "lake": "s3",
    }
    assert config.document() == before, "runs keep their ids"


@pytest.mark.parametrize(
    "sink",
    [
        {"kind": "postgres", "connection": "dwh", "table": 'x"; DROP TABLE y'},
        {"kind": "postgres", "connection": "dwh", "table": "a.b.c"},
        {"kind": "postgres", "table": "predictions"},
        {"kind": "s3", "path": "s3://lake/../other"},
        {"kind": "s3", "path": "file:///lake"},
        {"kind": "mysql", "connection": "dwh", "table": "predictions"},
    ],
)
def test_a_sink_that_cannot_be_meant_is_refused(folder: Path, sink: Document) -> None:
    edit(folder, lambda said: said["scoring"].update(sinks={"warehouse": sink}))
    assert "warehouse" in str(refusal(folder))
