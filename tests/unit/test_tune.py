"""The stage ``tune`` over the synthetic use case: the same trials, whatever happened on the way."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laurel.adapters.documents import read_json
from laurel.adapters.frames import read_frame, write_frame
from laurel.adapters.optuna import Search
from laurel.adapters.trials import FOLDER, KeptTrials, drop_trials
from laurel.adapters.xgboost import fit, load_model, model_bytes
from laurel.adapters.xgboost.folding import FoldFits
from laurel.domain.canonical import digest
from laurel.domain.config.tuning import Tuning
from laurel.domain.featureset import LABEL, SPLIT
from laurel.domain.history import PARTITION
from laurel.domain.objective import find_objective
from laurel.domain.part import split_part
from laurel.domain.search import Progress, Tuned
from laurel.domain.trial import Point, Trial, best_of, read_trial
from laurel.errors import ConfigError, DataError, IntegrityError, Refused
from laurel.stages.assemble import assemble
from laurel.stages.featurize import featurize
from laurel.stages.train import train
from laurel.stages.tune import tune
from laurel.usecase import UseCase
from support.synthetic import lay_window, load_toy
from support.tuned import TUNING, tuned

PRUNERS: Mapping[str, Mapping[str, Any]] = {
    "median": TUNING["pruner"],
    "hyperband": {"kind": "hyperband", "minimum_rounds": 5, "reduction": 2},
    "none": {"kind": "none"},
}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return load_toy(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def prepared(toy: UseCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which everything before the search was done; not to be written to."""
    folder = tmp_path_factory.mktemp("prepared")
    lay_window(toy, folder)
    assemble(toy, folder)
    featurize(toy, folder)
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    """A copy of it, without what the search does not read."""
    data = tmp_path / "run" / "data" / "toy"
    data.mkdir(parents=True)
    shutil.copytree(prepared / "data/toy/frame", data / "frame")
    shutil.copytree(prepared / "data/toy/snapshot", data / "snapshot")
    shutil.copyfile(prepared / "data/toy/window.json", data / "window.json")
    return tmp_path / "run"


def bytes_of(folder: Path) -> dict[str, str]:
    files = sorted((folder / "data/toy/tuning").iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def computed(folder: Path, usecase: UseCase, **options: Any) -> tuple[dict[str, str], list[int]]:
    """The bytes of a search, and the numbers of the trials that it computed."""
    seen: list[Progress] = []
    tune(usecase, folder, told=seen.append, **options)
    return bytes_of(folder), [each.trial.number for each in seen if not each.known]


# --- the same bytes


def test_a_search_has_the_same_bytes_with_other_threads(toy: UseCase, folder: Path) -> None:
    case = tuned(toy, trials=3)
    first, numbers = computed(folder, case, threads=1)
    assert set(first) == {"best.json", "search.json", "trials.jsonl"}
    assert numbers == [1, 2, 3]
    shutil.rmtree(folder / "data/toy/tuning")
    assert computed(folder, case, threads=2)[0] == first


@pytest.mark.parametrize("pruner", sorted(PRUNERS))
def test_a_search_goes_on_from_any_trial_to_the_same_bytes(
    toy: UseCase, folder: Path, tmp_path: Path, pruner: str
) -> None:
    case, cache = tuned(toy, pruner=PRUNERS[pruner]), tmp_path / "cache"
    whole, _ = computed(folder, case, cache=cache, threads=1)
    files = sorted((cache / FOLDER).rglob("*.json"))
    assert len(files) == 6
    for left in (4, 1):
        for file in files[left:]:
            file.unlink(missing_ok=True)
        shutil.rmtree(folder / "data/toy/tuning")
        again, numbers = computed(folder, case, cache=cache, threads=1)
        assert again == whole
        assert numbers == list(range(left + 1, 7))


def test_another_seed_or_space_or_frame_shares_no_trial(
    toy: UseCase, folder: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    computed(folder, tuned(toy, trials=2), cache=cache)
    for other in (tuned(toy, trials=2, seed=8), tuned(toy, trials=2, metric="auc")):
        assert computed(folder, other, cache=cache)[1] == [1, 2]
    frame = read_frame(folder / "data/toy")
    frame.loc[0, "amount"] += 1
    write_frame(frame, folder / "data/toy")
    assert computed(folder, tuned(toy, trials=2), cache=cache)[1] == [1, 2]


def test_validation_and_hold_out_rows_change_no_byte_of_a_search(
    toy: UseCase, folder: Path
) -> None:
    before, _ = computed(folder, tuned(toy, trials=2))
    frame = read_frame(folder / "data/toy")
    late = frame[SPLIT] != "train"
    frame.loc[late, LABEL] = 1 - frame.loc[late, LABEL]
    frame.loc[late, "amount"] = -1.0
    write_frame(frame, folder / "data/toy")
    shutil.rmtree(folder / "data/toy/tuning")
    assert computed(folder, tuned(toy, trials=2))[0] == before


# --- what is kept between attempts


def test_a_damaged_trial_is_computed_again(
    toy: UseCase, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case, cache = tuned(toy, trials=3), tmp_path / "cache"
    whole, _ = computed(folder, case, cache=cache)
    second = sorted((cache / FOLDER).rglob("*.json"))[1]
    second.chmod(0o644)
    second.write_text('{"number": 2')
    assert computed(folder, case, cache=cache) == (whole, [2])
    assert "trial 2 is computed again" in caplog.text


def test_a_search_does_not_fail_where_trials_cannot_be_kept(
    toy: UseCase, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "a file"
    file.touch()
    made, numbers = computed(folder, tuned(toy, trials=2), cache=file)
    assert numbers == [1, 2]
    assert made == computed(folder, tuned(toy, trials=2))[0]
    assert "cannot be kept for another attempt" in caplog.text


def test_two_searches_at_once_share_what_is_kept_and_one_may_drop_it(tmp_path: Path) -> None:
    trial = Trial(1, {"eta": 0.1}, (Point(3, 2, (0.5, 0.25), ends=True),))
    one, other = (KeptTrials(tmp_path, "toy", "search", "state") for _ in range(2))
    one.keep(trial)
    other.keep(replace(trial, reports=(Point(9, 9, (0.1,), ends=True),)))
    assert one.find(1, {"eta": 0.1}) == other.find(1, {"eta": 0.1}) == trial
    assert other.find(1, {"eta": 0.2}) is None
    assert other.find(2, {"eta": 0.1}) is None
    drop_trials(tmp_path, "toy", "search")
    other.keep(trial)
    assert other.find(1, {"eta": 0.1}) is None


# --- what a search finds


@pytest.fixture(scope="module")
def found(toy: UseCase, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    copy = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("found") / "run"))
    return tune(tuned(toy, trials=14), copy, threads=1)


def test_the_first_trial_has_the_use_case_s_own_parameters_and_the_best_is_no_worse(
    toy: UseCase, found: Tuned
) -> None:
    params = toy.config.training.model.params
    assert {name: found.trials[0].params[name] for name in params} == params
    assert found.best.value <= found.trials[0].value
    assert found.best.state == "complete"


def test_bad_trials_are_pruned_and_say_where(found: Tuned) -> None:
    pruned = [trial for trial in found.trials if trial.state == "pruned"]
    assert pruned
    for trial in pruned:
        document = trial.document()
        assert document["pruned_at"] == trial.last.fitted >= 5
        assert trial.number > 2
        assert read_trial(document) == trial
    median = np.median([trial.value for trial in found.trials if trial.state == "complete"])
    assert all(trial.value > median for trial in pruned)


def test_importances_are_shares_of_what_was_searched(found: Tuned) -> None:
    assert set(found.importances) == set(TUNING["space"])
    assert sum(found.importances.values()) == pytest.approx(1)
    assert list(found.importances.values()) == sorted(found.importances.values(), reverse=True)


def test_what_was_drawn_lies_in_the_space(found: Tuned) -> None:
    for trial in found.trials:
        for name, value in trial.params.items():
            assert found.plan.tuning.space[name].holds(value), (name, value)


def test_a_trial_s_value_is_what_plain_fits_on_the_same_folds_come_to(
    toy: UseCase, prepared: Path, found: Tuned
) -> None:
    """By XGBoost's own training loop, on matrices made by the final fit's code."""
    frame, objective = (
        read_frame(prepared / "data/toy", ("train",)),
        find_objective(toy.config.label),
    )
    params = {**found.best.params, "seed_per_iteration": True}
    rounds = found.best.last.rounds
    model = toy.config.training.model.model_copy(
        update={"params": params, "rounds": rounds, "early_stopping_rounds": rounds}
    )
    values = []
    for fold in found.plan.folds:
        parts = [
            split_part(frame[frame[PARTITION].between(*days.document())], "train", toy.config)
            for days in (fold.train, fold.validation)
        ]
        fitted = fit(*parts, model, objective=objective, threads=1)
        whole = fitted.booster.num_boosted_rounds()
        assert whole <= rounds
        scores = fitted.predict(parts[1].features)
        values.append(objective.stopping(parts[1].labels, scores))
    # early stopping of one fold alone is at least as good as the rounds that all folds share
    assert np.mean(values) <= found.best.value
    assert found.best.value - np.mean(values) < 0.02


def test_the_model_is_fitted_with_the_best_parameters_and_says_where_they_came_from(
    toy: UseCase, folder: Path
) -> None:
    case = tuned(toy)
    best = tune(case, folder, threads=1).best
    train(case, folder, threads=1)
    about = load_model(folder / "data/toy/model").about
    document = read_json(folder / "data/toy/tuning/best.json")
    search = read_json(folder / "data/toy/tuning/search.json")
    assert about["params"] == {**case.config.training.model.params, **best.params}
    assert about["tuning"] == {
        "search": search["digest"],
        "trial": best.number,
        "metric": "log_loss",
        "value": best.value,
        "best": digest(document),
    }
    frame = read_frame(folder / "data/toy", ("train", "validation"))
    parts = [split_part(frame, name, toy.config) for name in ("train", "validation")]
    told = toy.config.training.model.model_copy(update={"params": about["params"]})
    plain = fit(*parts, told, objective=find_objective(toy.config.label), threads=1)
    assert (folder / "data/toy/model/model.ubj").read_bytes() == model_bytes(plain)


def test_without_tuning_the_model_says_that_there_was_no_search(toy: UseCase, folder: Path) -> None:
    train(toy, folder, threads=1)
    assert read_json(folder / "data/toy/model/model.json")["tuning"] is None


def test_another_metric_is_optimised_in_its_own_direction(toy: UseCase, folder: Path) -> None:
    found = tune(tuned(toy, metric="auc"), folder, threads=1)
    assert found.plan.metric.name == "auc"
    whole = [trial.value for trial in found.trials if trial.state == "complete"]
    assert found.best.value == max(whole)
    assert all(0.5 < value < 1 for value in whole)


# --- what cannot be searched


def test_a_fold_that_lacks_an_outcome_is_named(toy: UseCase, folder: Path) -> None:
    frame = read_frame(folder / "data/toy")
    frame.loc[frame[PARTITION] >= "2024-01-24", LABEL] = 0
    write_frame(frame, folder / "data/toy")
    with pytest.raises(DataError, match="fold 2 of the search cannot be used") as caught:
        tune(tuned(toy), folder)
    assert "2024-01-24 to 2024-01-28" in str(caught.value.expected)


def test_a_value_that_xgboost_refuses_is_a_configuration_error(toy: UseCase, folder: Path) -> None:
    wrong = tuned(toy, space={"grow_policy": {"kind": "choice", "of": ["depthwise", "up"]}})
    with pytest.raises(ConfigError, match="XGBoost refused"):
        tune(wrong, folder)


def test_a_use_case_without_tuning_has_nothing_to_search(toy: UseCase, folder: Path) -> None:
    with pytest.raises(Refused, match="searches for no parameters"):
        tune(toy, folder)


def test_without_optuna_the_error_says_what_to_install(
    toy: UseCase, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match="not installed") as caught:
        tune(tuned(toy), folder)
    assert "laurel[tuning]" in str(caught.value.hint)


# --- Optuna behind its file


def walk(search: Search, count: int, value: Callable[[Mapping[str, Any], int], float]) -> list[Any]:
    """Trials of a made-up function, reported at three steps."""
    done = []
    for _ in range(count):
        asked = search.ask()
        pruned = False
        for step in (5, 10, 15):
            if asked.is_pruned(step, value(asked.params, step)):
                asked.prune()
                pruned = True
                break
        if not pruned:
            asked.complete(value(asked.params, 15), later=(20, 25))
        done.append((asked.number, asked.params, pruned))
    return done


@given(
    pruner=st.sampled_from(sorted(PRUNERS)),
    sampler=st.sampled_from(["tpe", "random"]),
    seed=st.integers(0, 2**32),
    short=st.integers(1, 11),
)
@settings(max_examples=10)
def test_trials_depend_on_the_seed_and_the_trials_before_alone(
    pruner: str, sampler: str, seed: int, short: int
) -> None:
    tuning = Tuning(**{**TUNING, "pruner": PRUNERS[pruner], "sampler": {"kind": sampler}})

    def begin() -> Search:
        return Search(tuning, first={"eta": 0.2}, rounds=30, seed=seed, bigger_is_better=False)

    def value(params: Mapping[str, Any], step: int) -> float:
        return float(params["eta"] + params["max_depth"] / step)

    whole = walk(begin(), 12, value)
    np.random.seed(short)
    assert walk(begin(), short, value) == whole[:short]
    assert [number for number, *_ in whole] == list(range(1, 13))


def test_the_best_of_equal_trials_is_the_first_and_pruned_ones_do_not_count() -> None:
    trials = [
        Trial(number, {}, (Point(5, 5, (value,), ends=ends),))
        for number, value, ends in ((1, 0.5, True), (2, 0.4, True), (3, 0.4, True), (4, 0.1, False))
    ]
    assert best_of(trials, bigger_is_better=False).number == 2
    assert best_of(trials, bigger_is_better=True).number == 1


@pytest.mark.parametrize("damage", [{"state": "pruned"}, {"value": 1.0}, {"reports": []}])
def test_a_trial_whose_parts_do_not_agree_is_named(damage: dict[str, Any]) -> None:
    document = Trial(1, {"eta": 0.1}, (Point(3, 2, (0.5,), ends=True),)).document()
    with pytest.raises(IntegrityError, match="not a trial"):
        read_trial({**document, **damage})


def test_a_progress_line_says_where_the_search_stands() -> None:
    trial = Trial(3, {}, (Point(20, 12, (0.5, 0.25), ends=False),))
    best = Trial(2, {}, (Point(30, 22, (0.25, 0.25), ends=True),))
    line = Progress(trial, best, 40, "log_loss", seconds_left=300.0).sentence()
    assert line == (
        "trial 3 of 40, log_loss 0.375, pruned after 20 rounds, best 0.25 in trial 2, "
        "about 5 min left"
    )


def test_weights_and_balance_reach_the_folds(toy: UseCase, prepared: Path) -> None:
    frame = read_frame(prepared / "data/toy", ("train",))
    part = split_part(frame, "train", toy.config)
    heavy = part._replace(weights=pd.Series(part.labels * 9.0 + 1).to_numpy())
    objective, model = find_objective(toy.config.label), toy.config.training.model
    ends = [
        list(FoldFits([(rows, rows)], said, objective=objective, threads=1).points({}, every=99))
        for rows, said in (
            (part, model),
            (heavy, model),
            (part, model.model_copy(update={"balance": "balanced"})),
        )
    ]
    assert len({points[-1].value for points in ends}) == 3
