"""A run's state of one use case among those of others, in the files that cover all."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from laurel.domain.rootfiles import merge_root_files
from laurel.errors import ConfigError


def stage(verb: str, usecase: str, out: str) -> dict[str, Any]:
    return {"cmd": f"laurel stage {verb} {usecase}", "outs": [f"data/{usecase}/{out}"]}


def texts(usecase: str, *, locked: bool, mark: str, lone: str = "train") -> dict[str, str]:
    made = {f"{usecase}_{lone}": stage(lone, usecase, "model")}
    plots = [{f"data/{usecase}/plots/roc.csv": {"title": mark}}]
    lock = {"schema": "2.0", "stages": made if locked else {}}
    return {
        "dvc.yaml": yaml.safe_dump({"stages": made, "plots": plots}),
        "params.yaml": yaml.safe_dump({usecase: {"mark": mark}}),
        "dvc.lock": yaml.safe_dump(lock),
    }


def together(*each: dict[str, str]) -> dict[str, str]:
    """Root files over several use cases."""
    found: dict[str, dict[str, Any]] = {name: {} for name in ("dvc.yaml", "params.yaml")}
    found["dvc.lock"] = {"schema": "2.0"}
    for name, whole in found.items():
        for part in (yaml.safe_load(one[name]) for one in each):
            for key, value in part.items():
                if isinstance(value, dict):
                    whole.setdefault(key, {}).update(value)
                elif isinstance(value, list):
                    whole.setdefault(key, []).extend(value)
    return {name: yaml.safe_dump(whole) for name, whole in found.items()}


def test_what_a_run_says_of_its_use_case_takes_the_place_of_what_was_said() -> None:
    clone = together(
        texts("flights", locked=True, mark="here"),
        texts("toy", locked=True, mark="old", lone="gone"),
    )

    merged, unlocked = merge_root_files(clone, texts("toy", locked=True, mark="run"), usecase="toy")

    document = {name: yaml.safe_load(text) for name, text in merged.items()}
    assert unlocked == ()
    assert list(document["dvc.yaml"]["stages"]) == ["flights_train", "toy_train"]
    assert list(document["dvc.lock"]["stages"]) == ["flights_train", "toy_train"]
    assert document["params.yaml"] == {"flights": {"mark": "here"}, "toy": {"mark": "run"}}
    titles = [plot["title"] for each in document["dvc.yaml"]["plots"] for plot in each.values()]
    assert titles == ["here", "run"]


def test_stages_without_any_state_are_left_out_unless_they_are_kept() -> None:
    clone, run = texts("flights", locked=False, mark="x"), texts("toy", locked=True, mark="y")

    left, unlocked = merge_root_files(clone, run, usecase="toy")
    kept, same = merge_root_files(clone, run, usecase="toy", keep_unlocked=True)

    assert unlocked == same == ("flights",)
    assert list(yaml.safe_load(left["dvc.yaml"])["stages"]) == ["toy_train"]
    assert [*yaml.safe_load(left["dvc.yaml"])["plots"][0]] == ["data/toy/plots/roc.csv"]
    assert list(yaml.safe_load(kept["dvc.yaml"])["stages"]) == ["flights_train", "toy_train"]
    assert left["params.yaml"] == kept["params.yaml"]


def test_a_use_case_whose_name_begins_like_another_is_another() -> None:
    clone = texts("toy_two", locked=True, mark="x")

    merged, _ = merge_root_files(clone, texts("toy", locked=True, mark="y"), usecase="toy")

    assert list(yaml.safe_load(merged["dvc.yaml"])["stages"]) == ["toy_train", "toy_two_train"]
    assert len(yaml.safe_load(merged["dvc.yaml"])["plots"]) == 2


def test_merging_twice_changes_nothing_and_foreign_stages_stay() -> None:
    clone = {"dvc.yaml": "stages:\n  mine:\n    cmd: python mine.py\n"}
    run = texts("toy", locked=True, mark="y")

    once, _ = merge_root_files(clone, run, usecase="toy")
    twice, _ = merge_root_files(once, run, usecase="toy")

    assert once == twice
    assert yaml.safe_load(once["dvc.yaml"])["stages"]["mine"] == {"cmd": "python mine.py"}


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "just text"])
def test_a_root_file_that_is_no_mapping_is_named(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        merge_root_files({"params.yaml": text}, texts("toy", locked=True, mark="y"), usecase="toy")

    assert raised.value.detail == "params.yaml"
