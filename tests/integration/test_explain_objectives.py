"""Contributions and cards of every objective: they add up to the margin behind the score."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from laurel.adapters.documents import read_json
from laurel.adapters.frames import read_frame
from laurel.adapters.xgboost import load_model
from laurel.adapters.xgboost.contributions import contributions
from laurel.domain.card import make_card
from laurel.domain.featureset import EXPOSURE
from laurel.domain.objective import OBJECTIVES
from laurel.pages.card import render_card
from laurel.stages.train import train
from laurel.stages.tune import tune
from laurel.usecase import UseCase
from support.carding import made_of, run_stages
from support.objectives import load_objective
from support.synthetic import lay_window
from support.tuned import tuned

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=sorted(OBJECTIVES))
def usecase(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return load_objective(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def data(usecase: UseCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    lay_window(usecase, folder)
    return run_stages(usecase, folder)


def test_contributions_of_each_output_add_up_to_its_margin(usecase: UseCase, data: Path) -> None:
    model, holdout = load_model(data / "model"), read_frame(data, ("holdout",))
    names = {feature.name for feature in model.features} | {EXPOSURE}
    features = holdout[[name for name in holdout.columns if name in names]]
    found = contributions(model, features)
    classes = usecase.config.label.classes
    assert found.shape == (len(features), max(1, len(classes)), len(model.features) + 1)
    margins = model.margin(features).reshape(len(features), -1)
    sizes = np.abs(found).sum(axis=2, dtype=np.float64)
    gap = np.abs(found.sum(axis=2, dtype=np.float64) - margins)
    assert (gap <= 1e-5 * np.maximum(1, sizes)).all()
    if model.calibration is None:
        scores = model.objective.link(margins.astype(np.float64)).reshape(len(features), -1)
        said = model.predict(features).reshape(len(features), -1)
        np.testing.assert_allclose(scores, said, rtol=1e-4)


def test_a_card_has_a_summary_and_a_curve_for_each_class(usecase: UseCase, data: Path) -> None:
    classes = [str(each) for each in usecase.config.label.classes]
    card = make_card(*made_of(usecase, data))
    assert [each["output"] for each in card["explanation"]["outputs"]] == (classes or ["margin"])
    assert [each["class"] for each in card["scores"]["curves"]] == (classes or [None])
    metrics = read_json(data / "evidence" / "evidence.json")["overall"]["metrics"]
    page = render_card(card)
    for name, measured in metrics.items():
        assert f"{measured['value']:,.4f}" in page, name
    words = {"regression": "units of the label", "count": "logarithm of the expected count"}
    assert words.get(usecase.config.label.objective, "odds") in page
    assert ("before calibration" in page) == (usecase.config.training.calibration != "none")


def test_a_search_optimises_what_stops_the_objective_and_its_trial_is_what_is_fitted(
    usecase: UseCase, data: Path, tmp_path: Path
) -> None:
    searching = tuned(usecase, trials=4)
    mine = tmp_path / "data" / usecase.name
    for name in ("frame", "snapshot"):
        shutil.copytree(data / name, mine / name)
    shutil.copy(data / "window.json", mine)
    tune(searching, tmp_path)
    train(searching, tmp_path, threads=1)

    metric = OBJECTIVES[usecase.config.label.objective].stopping
    search, best = (read_json(mine / "tuning" / f"{name}.json") for name in ("search", "best"))
    trials = [json.loads(line) for line in (mine / "tuning/trials.jsonl").open()]
    assert search["metric"] == metric.name
    assert len(trials) == 4
    whole = [trial for trial in trials if trial["state"] == "complete"]
    chosen = min(whole, key=lambda trial: trial["value"] * (-1 if metric.bigger_is_better else 1))
    assert best["trial"] == chosen["number"]
    about = read_json(mine / "model" / "model.json")
    assert about["params"]["eta"] == chosen["params"]["eta"]
