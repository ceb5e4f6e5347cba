"""What ``training.tuning`` may say, and what is refused before anything runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from laurel.adapters.xgboost.fitting import FIXED
from laurel.domain.config.model import RESERVED
from laurel.domain.config.space import FloatRange, IntRange
from laurel.domain.config.tuning import Tuning, first_values
from laurel.domain.stagefile import dvc_yaml, stage_names
from laurel.errors import ConfigError
from laurel.usecase import UseCase, load_usecase
from support.synthetic import load_toy
from support.tuned import SPACE, TUNING, tuned, write_tuning


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return load_toy(tmp_path_factory.mktemp("toy"))


def refusal(toy: UseCase, folder: Path, **said: Any) -> str:
    copy = Path(shutil.copytree(toy.folder, folder / "toy"))
    write_tuning(copy, **said)
    with pytest.raises(ConfigError) as caught:
        load_usecase(copy)
    return str(caught.value)


def test_a_use_case_without_tuning_has_no_stage_more_than_before(toy: UseCase) -> None:
    assert toy.config.training.tuning is None
    assert "toy_tune" not in stage_names(toy.config)
    assert "tun" not in dvc_yaml([toy])


def test_a_use_case_with_tuning_has_the_stage_between_featurize_and_train(toy: UseCase) -> None:
    case = tuned(toy)
    names = stage_names(case.config)
    place = names.index("toy_tune")
    assert names[place - 1 : place + 2] == ["toy_featurize", "toy_tune", "toy_train"]
    stages = yaml.safe_load(dvc_yaml([case]))["stages"]
    assert stages["toy_tune"]["outs"] == ["data/toy/tuning"]
    assert "data/toy/tuning" in stages["toy_train"]["deps"]
    read = {dep for dep in stages["toy_tune"]["deps"] if dep.startswith("data/")}
    assert read == {"data/toy/frame", "data/toy/window.json"}


def test_every_parameter_of_the_stage_is_in_params_yaml(toy: UseCase) -> None:
    case = tuned(toy)
    for name in yaml.safe_load(dvc_yaml([case]))["stages"]["toy_tune"]["params"]:
        value: Any = {"toy": case.config.document()}
        for part in name.split("."):
            value = value[part]


def test_the_configuration_reads_back_as_it_was_written(toy: UseCase) -> None:
    config = tuned(toy).config
    assert type(config).model_validate(config.document()) == config


@pytest.mark.parametrize("name", ["timeout", "time_budget", "minutes"])
def test_a_bound_on_time_is_refused_with_the_reason(
    toy: UseCase, tmp_path: Path, name: str
) -> None:
    said = refusal(toy, tmp_path, **{name: 10})
    assert "how fast the machine was" in said
    assert "bound the number of trials" in said


def test_an_unknown_key_is_named_with_a_near_match(toy: UseCase, tmp_path: Path) -> None:
    said = refusal(toy, tmp_path, trails=3)
    assert "training.tuning.trails: unknown key" in said
    assert "did you mean 'trials'?" in said


@pytest.mark.parametrize("name", sorted({*RESERVED, *FIXED}))
def test_parameters_that_are_laurel_s_own_are_not_searched(name: str) -> None:
    space = {name: {"kind": "int", "low": 1, "high": 2}}
    with pytest.raises(ValidationError, match="not the use case's to search"):
        Tuning(trials=1, space=space)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"kind": "float", "low": 1, "high": 1}, "low must be below high"),
        ({"kind": "float", "low": 0, "high": 1, "log": True}, "low must be above zero"),
        ({"kind": "float", "low": 0.1, "high": 1, "log": True, "step": 0.1}, "exclude each other"),
        ({"kind": "float", "low": 0, "high": 1, "step": 0.3}, "a number of steps"),
        ({"kind": "int", "low": 1, "high": 4, "step": 2}, "a number of steps"),
        ({"kind": "choice", "of": ["a", "a"]}, "given twice"),
        ({"kind": "choice", "of": ["a"]}, "at least 2"),
        ({"kind": "normal", "low": 1}, "does not match any of the expected tags"),
    ],
)
def test_a_space_that_cannot_be_meant_is_refused(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Tuning(trials=1, space={"gamma": said})  # type: ignore[dict-item]


def test_a_fixed_value_outside_of_what_is_searched_is_refused(toy: UseCase, tmp_path: Path) -> None:
    said = refusal(toy, tmp_path, space={"eta": {"kind": "float", "low": 0.3, "high": 0.5}})
    assert "params.eta is 0.2, which training.tuning.space.eta does not hold" in said


def test_one_parameter_by_two_names_is_refused(toy: UseCase, tmp_path: Path) -> None:
    rate = {"kind": "float", "low": 0.1, "high": 0.5}
    said = refusal(toy, tmp_path, space={"learning_rate": rate})
    assert "learning_rate is training.model.params.eta by another name" in said
    with pytest.raises(ValidationError, match="the same parameter"):
        Tuning(trials=1, space={"eta": rate, "learning_rate": rate})  # type: ignore[dict-item]


def test_a_metric_that_the_objective_does_not_have_is_refused(toy: UseCase, tmp_path: Path) -> None:
    said = refusal(toy, tmp_path, metric="aucc")
    assert "training.tuning.metric" in said
    assert "did you mean 'auc'?" in said


def test_folds_that_need_more_days_than_there_are_is_refused(toy: UseCase, tmp_path: Path) -> None:
    said = refusal(toy, tmp_path, folds={"count": 4})
    assert "need 22 train days at least (4 times 5 to validate, 1 of embargo" in said
    assert tuned(toy, folds={"count": 3}).config.training.tuning is not None


def test_hyperband_begins_below_the_bound_on_rounds(toy: UseCase, tmp_path: Path) -> None:
    said = refusal(toy, tmp_path, pruner={"kind": "hyperband", "minimum_rounds": 60})
    assert "must be below training.model.rounds, 60" in said


def test_a_search_is_not_for_engines_that_spare_memory(toy: UseCase) -> None:
    document = tuned(toy).config.document()
    document["training"]["engine"] = "external"
    with pytest.raises(ValidationError, match="fits its folds in memory"):
        type(toy.config).model_validate(document)


def test_the_first_trial_has_the_use_case_s_own_values_else_xgboost_s(toy: UseCase) -> None:
    tuning = Tuning(**TUNING)
    assert first_values(tuning, toy.config.training.model.params) == {
        "eta": 0.2,
        "grow_policy": "depthwise",
        "max_depth": 3,
        "subsample": 0.8,
    }
    assert first_values(tuning, {"eta": 0.1})["subsample"] == 1.0
    # XGBoost's own depth of 6 is not searched: it is drawn
    assert "max_depth" not in first_values(tuning, {})
    assert set(first_values(tuning, {})) < set(SPACE)


@given(st.integers(0, 40), st.integers(1, 9))
def test_a_stepped_range_holds_every_step_as_it_is_written_and_nothing_between(
    steps: int, step: int
) -> None:
    size = step / 10
    high = round(0.1 + (steps + 1) * size, 10)
    searched = FloatRange(kind="float", low=0.1, high=high, step=size)
    assert all(searched.holds(round(0.1 + n * size, 10)) for n in range(steps + 2))
    assert not searched.holds(round(0.1 + size / 2, 10))
    whole = IntRange(kind="int", low=3, high=3 + (steps + 1) * step, step=step)
    held = [value for value in range(high.__ceil__() * 10 + 50) if whole.holds(value)]
    assert held == list(range(3, 4 + (steps + 1) * step, step))
