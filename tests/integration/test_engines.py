"""Engines: which bytes are those of training in memory, and what happens when workers are lost."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from laurel.adapters.documents import read_json
from laurel.adapters.engine import open_engine
from laurel.adapters.engine.fitting import fit_with
from laurel.adapters.frames import FramePart, read_frame
from laurel.domain.card import make_card
from laurel.domain.config import UseCaseConfig
from laurel.domain.config.engine import Dask
from laurel.domain.featureset import Part
from laurel.domain.objective import find_objective
from laurel.errors import WorkersFault
from laurel.pages.card import render_card
from laurel.settings import load_settings
from laurel.stages.assemble import assemble
from laurel.stages.evaluate import evaluate
from laurel.stages.explain import explain
from laurel.stages.featurize import featurize
from laurel.stages.train import train
from laurel.stages.verdict import verdict
from laurel.usecase import UseCase
from support.carding import made_of
from support.cluster import Cluster, running_cluster
from support.synthetic import lay_window, load_toy

pytestmark = pytest.mark.slow
FEATURES = ["amount", "items", "hour", "shop", "coupon", "climate", "shop_rate"]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return load_toy(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster"), workers=2) as running:
        yield running


def with_engine(usecase: UseCase, engine: Any) -> UseCase:
    document = usecase.config.model_dump(mode="json")
    document["training"]["engine"] = engine
    return replace(usecase, config=UseCaseConfig.model_validate(document))


def on(cluster: Cluster, workers: int) -> dict[str, Any]:
    return {"kind": "dask", "address": cluster.address, "workers": workers, "wait_seconds": 120}


def run(usecase: UseCase, folder: Path) -> Path:
    lay_window(usecase, folder)
    for stage in (assemble, featurize, train, evaluate, explain):
        stage(usecase, folder)
    return folder / "data" / usecase.name


def judged(usecase: UseCase, folder: Path) -> Path:
    """The data of a run, with the verdict that a card tells of."""
    verdict(usecase, folder)
    return folder / "data" / usecase.name


@pytest.fixture(scope="module")
def memory(toy: UseCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(toy, tmp_path_factory.mktemp("memory"))


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "inputs" not in path.parts
    }


def test_external_memory_gives_every_byte_that_memory_gives(
    toy: UseCase, memory: Path, tmp_path: Path
) -> None:
    found = bytes_of(run(with_engine(toy, "external"), tmp_path))
    assert found == bytes_of(memory)
    assert {"model/model.ubj", "metrics.json", "evidence/scores.parquet"} <= set(found)
    # of which a card is made, whichever engine fitted
    assert "explanation/contributions.json" in found


def test_one_dask_worker_gives_every_byte_that_memory_gives(
    toy: UseCase, memory: Path, cluster: Cluster, tmp_path: Path
) -> None:
    assert bytes_of(run(with_engine(toy, on(cluster, 1)), tmp_path)) == bytes_of(memory)


def test_two_dask_workers_give_the_same_frame_and_the_same_model_each_time(
    toy: UseCase, memory: Path, cluster: Cluster, tmp_path: Path
) -> None:
    usecase = with_engine(toy, on(cluster, 2))
    first, plain = bytes_of(run(usecase, tmp_path)), bytes_of(memory)
    shutil.rmtree(tmp_path / "data" / "toy" / "model")
    train(usecase, tmp_path)
    assert bytes_of(tmp_path / "data" / "toy") == first
    shared = {name for name in plain if name.startswith(("frame/", "snapshot/"))}
    assert {name: first[name] for name in shared} == {name: plain[name] for name in shared}
    assert first["model/model.ubj"] != plain["model/model.ubj"]
    found, expected = (
        read_json(folder / "metrics.json")["challenger"]
        for folder in (tmp_path / "data" / "toy", memory)
    )
    assert found == pytest.approx(expected, abs=0.05)
    card = make_card(*made_of(usecase, judged(usecase, tmp_path)))
    (output,) = card["explanation"]["outputs"]
    assert {each["name"] for each in output["features"]} == set(FEATURES)
    assert usecase.config.title in render_card(card)


def test_two_dask_workers_score_as_memory_does_within_a_tolerance_where_no_rows_are_drawn(
    toy: UseCase, memory: Path, cluster: Cluster, tmp_path: Path
) -> None:
    """With ``subsample`` each worker draws of its own rows: other rows than in memory."""
    shutil.copytree(memory.parents[1], tmp_path, dirs_exist_ok=True)
    document = toy.config.model_dump(mode="json")
    document["training"]["model"]["params"].pop("subsample")
    usecase = replace(toy, config=UseCaseConfig.model_validate(document))
    scores = []
    for engine in ("memory", on(cluster, 2)):
        model = train(with_engine(usecase, engine), tmp_path)
        scores.append(model.predict(read_frame(memory, ("holdout",))[FEATURES]))
    assert np.abs(scores[0] - scores[1]).max() < 1e-4


class Losing(FramePart):
    """Train days during whose second reading, on the way to the workers, one of these is killed."""

    worker: subprocess.Popen[bytes]
    readings = 0

    def batches(self) -> Iterator[Part]:
        self.readings += 1
        yield from super().batches()
        if self.readings == 2:
            self.worker.kill()
            self.worker.wait()


def test_a_worker_lost_while_fitting_is_a_fault_to_retry_and_the_retry_gives_a_model(
    toy: UseCase, memory: Path, tmp_path: Path
) -> None:
    shutil.copytree(memory.parents[1], tmp_path / "run")
    data = tmp_path / "run" / "data" / "toy"
    shutil.rmtree(data / "model")
    with running_cluster(tmp_path, workers=2) as own:
        usecase = with_engine(toy, on(own, 2))
        config, training = usecase.config, usecase.config.training
        rows = Losing(data, "train", config)
        rows.worker = own.workers[1]
        validation = FramePart(data, "validation", config).whole()
        objective = find_objective(config.label)
        with (
            pytest.raises(WorkersFault, match="worker was lost") as caught,
            open_engine(training.engine, folder=tmp_path) as engine,
        ):
            fit_with(engine, rows, validation, training.model, objective=objective)
        assert caught.value.retryable
        own.add_worker("1")
        train(usecase, tmp_path / "run")
    assert (data / "model" / "model.ubj").is_file()


SHARED = """
import sys
from pathlib import Path
from laurel.adapters.hands import hands, offer
from laurel.stages.assemble import assemble
from laurel.stages.evaluate import evaluate
from laurel.stages.explain import explain
from laurel.stages.featurize import featurize
from laurel.stages.train import train
from support.synthetic import lay_window, load_toy

toy, folder = load_toy(Path(sys.argv[1]) / "toy"), Path(sys.argv[1]) / "run"
offer(3)
lay_window(toy, folder)
for stage in (assemble, featurize, train, evaluate):
    assert hands() > 1
    stage(toy, folder)
assert hands() == 1
explain(toy, folder)
"""


def test_processes_that_share_the_work_give_every_byte_that_one_gives(
    memory: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", SHARED, str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    subprocess.run(command, check=True, env=environ)
    assert bytes_of(tmp_path / "run" / "data" / "toy") == bytes_of(memory)


def test_a_scheduler_that_does_not_answer_is_named(toy: UseCase, tmp_path: Path) -> None:
    nowhere = {"kind": "dask", "address": "tcp://127.0.0.1:9", "wait_seconds": 1}
    lay_window(toy, tmp_path)
    with pytest.raises(WorkersFault, match="scheduler does not answer") as caught:
        assemble(with_engine(toy, nowhere), tmp_path)
    assert caught.value.retryable
    assert "tcp://127.0.0.1:9" in str(caught.value)


def test_calls_come_back_in_order_with_held_values(cluster: Cluster, tmp_path: Path) -> None:
    with open_engine(Dask(**on(cluster, 2)), folder=tmp_path, settings=load_settings({})) as engine:
        held = engine.hold(pd.DataFrame({"x": [1, 2]}))
        found = list(engine.each(len, ((held,) for _ in range(9))))
    assert found == [2] * 9
