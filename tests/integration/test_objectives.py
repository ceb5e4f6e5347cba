"""Every objective from ingest to the nightly report: stage by stage, and as whole runs."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from laurel.adapters.documents import read_json, write_json
from laurel.adapters.frames import read_frame
from laurel.adapters.tables import read_table
from laurel.adapters.xgboost import load_model
from laurel.domain.canonical import parse_instant
from laurel.domain.featureset import EXPOSURE, WEIGHT
from laurel.domain.objective import OBJECTIVES, find_objective
from laurel.domain.part import split_part
from laurel.errors import ConfigError
from laurel.pages.names import METRIC_NAMES
from laurel.stages.assemble import assemble
from laurel.stages.evaluate import evaluate
from laurel.stages.featurize import featurize
from laurel.stages.train import train
from laurel.stages.verdict import read_evidence, verdict
from laurel.usecase import UseCase
from support.objectives import CLASSES, LABELS, load_objective, write_objective
from support.runs import AS_OFS, DATASETS, SCORED, Home, open_home, running_from
from support.synthetic import AS_OF, NAME, lay_window

pytestmark = pytest.mark.slow

NEXT = parse_instant("2024-02-19")
Laid = Callable[[Path, str], Path]


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Laid:
    """Lays the inputs of a week's training, which are the same for every objective."""
    root = tmp_path_factory.mktemp("laid")
    usecase = load_objective(root / "cases", "binary")
    for name, as_of in (("first", AS_OF), ("second", NEXT)):
        lay_window(usecase, root / name, as_of=as_of)

    def lay(folder: Path, name: str) -> Path:
        shutil.copytree(root / name / "data", folder / "data")
        return folder

    return lay


@pytest.fixture(scope="module", params=sorted(LABELS))
def usecase(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return load_objective(tmp_path_factory.mktemp(request.param), request.param)


def run(usecase: UseCase, folder: Path, *, champion: Path | None = None, threads: int = 1) -> Path:
    data = folder / "data" / NAME
    if champion is not None:
        shutil.rmtree(data / "inputs" / "champion")
        shutil.copytree(champion, data / "inputs" / "champion")
        write_json({"model_version": "toy-1"}, data / "inputs" / "champion" / "champion.json")
    assemble(usecase, folder)
    featurize(usecase, folder)
    train(usecase, folder, threads=threads)
    evaluate(usecase, folder)
    verdict(usecase, folder)
    return data


@pytest.fixture(scope="module")
def first(usecase: UseCase, laid: Laid, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a training without a champion."""
    return run(usecase, laid(tmp_path_factory.mktemp("first"), "first"))


@pytest.fixture(scope="module")
def second(
    usecase: UseCase, first: Path, laid: Laid, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The data folder of the next week's training, against the first one's model."""
    folder = laid(tmp_path_factory.mktemp("second"), "second")
    return run(usecase, folder, champion=first / "model")


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_objective_has_a_use_case_here() -> None:
    assert set(LABELS) == set(OBJECTIVES)


def test_a_repeated_training_by_other_threads_writes_the_same_bytes(
    usecase: UseCase, first: Path, laid: Laid, tmp_path: Path
) -> None:
    assert bytes_of(run(usecase, laid(tmp_path, "first"), threads=2)) == bytes_of(first)


def test_both_weeks_pass_their_gate_and_the_second_meets_the_first(
    first: Path, second: Path
) -> None:
    said = [read_json(data / "verdict.json") for data in (first, second)]
    assert [each["outcome"] for each in said] == ["promote", "promote"]
    assert [each["champion"] for each in said] == [None, "toy-1"]
    compared = [check for check in said[1]["checks"] if check["kind"] == "not_worse"]
    assert compared
    assert all(check["interval"] for check in compared if check["slice"] is None)


def test_evidence_holds_every_metric_of_the_objective_for_every_model(
    usecase: UseCase, second: Path
) -> None:
    evidence = read_evidence(second / "evidence" / "evidence.json")
    names = set(find_objective(usecase.config.label).metrics)
    assert set(evidence.overall.metrics) == set(evidence.overall.champion) == names
    assert set(evidence.trivial.metrics["simple"]) == names
    metrics = read_json(second / "metrics.json")
    assert all(set(metrics[model]) == names for model in ("challenger", "champion", "simple"))
    assert sum(point.rows for point in evidence.reliability.curve) == evidence.overall.rows


def test_a_model_loaded_again_predicts_as_it_did_and_its_link_makes_scores_of_margins(
    usecase: UseCase, first: Path
) -> None:
    model = load_model(first / "model")
    part = split_part(read_frame(first), "holdout", usecase.config)
    scores = model.predict(part.features)
    table = read_table(first / "evidence" / "scores.parquet")
    objective = find_objective(usecase.config.label)
    kept = objective.scores(table, objective.names("challenger"))
    assert np.array_equal(scores, kept.astype(np.float32))
    linked = objective.link(model.margin(part.features).astype(np.float64))
    np.testing.assert_allclose(linked, model.raw(part.features), rtol=2e-5, atol=1e-6)
    if objective.classes:
        np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


def test_calibration_does_not_look_at_the_hold_out_and_brings_log_loss_no_harm(
    usecase: UseCase, first: Path
) -> None:
    about = read_json(first / "model" / "model.json")
    evidence = read_evidence(first / "evidence" / "evidence.json")
    method = usecase.config.training.calibration
    assert evidence.reliability.method == method
    if method == "none":
        assert about["calibration"] is None
        assert evidence.reliability.before == ()
        return
    assert about["calibration"]["method"] == method
    table = read_table(first / "evidence" / "scores.parquet")
    objective = find_objective(usecase.config.label)
    before = objective.scores(table, objective.names("uncalibrated"))
    after = objective.scores(table, objective.names("challenger"))
    loss = objective.metric("log_loss")
    assert loss(table["label"], after) <= loss(table["label"], before) + 0.02
    assert evidence.reliability.error_before is not None


def test_the_frame_carries_weights_and_exposure_only_where_they_are_asked_for(
    usecase: UseCase, first: Path
) -> None:
    frame, training = read_frame(first), usecase.config.training
    assert (WEIGHT in frame) == training.weights.wanted
    assert (EXPOSURE in frame) == (usecase.config.label.exposure is not None)
    names = [feature.name for feature in load_model(first / "model").features]
    assert not {WEIGHT, EXPOSURE} & set(names)


def test_a_champion_of_another_objective_is_refused(
    usecase: UseCase, first: Path, laid: Laid, tmp_path: Path
) -> None:
    data = laid(tmp_path, "second") / "data" / NAME
    shutil.rmtree(data)
    shutil.copytree(first, data)
    shutil.copytree(first / "model", data / "inputs" / "champion", dirs_exist_ok=True)
    write_json({"model_version": "toy-1"}, data / "inputs" / "champion" / "champion.json")
    label = usecase.config.label.model_copy(update={"column": "refund"})
    other = replace(usecase, config=usecase.config.model_copy(update={"label": label}))
    with pytest.raises(ConfigError, match="another objective than the use case has now"):
        evaluate(other, tmp_path)


# --- whole runs: DVC, Great Expectations, the records


@pytest.fixture(scope="module")
def ingested(source_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose 60 days are published; no objective has been learned in it."""
    folder = tmp_path_factory.mktemp("ingested")
    write_objective(folder / "cases", "binary")
    home = open_home(folder, fresh=False)
    with running_from(source_checkout):
        for dataset in DATASETS:
            home.ingest(dataset)
    return home


@pytest.mark.parametrize(
    ("objective", "weeks"), [("multiclass", 2), ("regression", 1), ("count", 1)]
)
def test_the_whole_loop_ends_in_a_report_of_the_last_champion(
    objective: str, weeks: int, ingested: Home, own_checkout: Path, tmp_path: Path
) -> None:
    home = ingested.copy(tmp_path)
    write_objective(tmp_path / "cases", objective)
    for number in range(weeks):
        assert home.decide(home.train(AS_OFS[number]).run).entry.event == "promoted"
        for day in SCORED[2 * number : 2 * number + 2]:
            assert home.score(day).model_version == home.trained[-1].model_version
            assert not home.score(day).changed
            night = home.monitor(day)
    predictions = home.predictions(night.partition)
    learned = find_objective(home.usecase.config.label)
    assert predictions[list(learned.score_columns)].notna().all(axis=None)
    if objective == "multiclass":
        named = predictions[list(learned.score_columns)].to_numpy().argmax(axis=1)
        assert predictions["decision"].tolist() == [CLASSES[place] for place in named]
    else:
        assert "decision" not in predictions
    prefix = night.page.removesuffix("/report.html")
    report = json.loads(home.site.store.read(f"{prefix}/report.json"))
    assert set(report["mean_scores"]) == set(learned.score_columns)
    drifts = [drift["name"] for drift in report["comparisons"][0]["scores"]]
    assert sorted(drifts) == sorted(learned.score_columns)
    # the labels of the day before have come
    served = report["realised"]["champion"]
    assert served["labelled"] > 60
    assert set(served["metrics"]) == set(learned.metrics)
    assert None not in served["metrics"].values()
    page = home.site.store.read(night.page).decode()
    assert all(METRIC_NAMES[name] in page for name in learned.metrics)
    decided = next(key for key in home.keys("runs/toy/train/") if key.endswith("/decision.html"))
    page = home.site.store.read(decided).decode()
    assert learned.simple_title.removeprefix("a ").lower() in page.lower()
    assert all(METRIC_NAMES[name] in page for name in learned.metrics)
    home.audit()
