"""Faults of Dask: too few workers, one that is lost or out of memory, TLS that does not fit."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import dask
import numpy as np
import pandas as pd
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from laurel.adapters.engine import open_engine
from laurel.adapters.engine.dask import DaskEngine
from laurel.adapters.engine.fitting import fit_with
from laurel.adapters.frames import FramePart
from laurel.adapters.tables import read_parts
from laurel.domain.config import UseCaseConfig
from laurel.domain.config.engine import Dask
from laurel.domain.objective import find_objective
from laurel.errors import ConfigError, WorkersFault
from laurel.settings import load_settings
from laurel.stages.assemble import assemble
from laurel.stages.featurize import featurize
from laurel.usecase import UseCase
from support.cluster import PATIENCE, Cluster, running_cluster
from support.synthetic import lay_window, load_toy

pytestmark = pytest.mark.slow
ROUND = "in update"
"""Of the stack of a worker that fits: XGBoost's call for a round."""


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return load_toy(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def framed(toy: UseCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with snapshot and frame, made in memory."""
    folder = tmp_path_factory.mktemp("framed")
    lay_window(toy, folder)
    assemble(toy, folder)
    featurize(toy, folder)
    return folder


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster"), workers=2) as running:
        yield running


@pytest.fixture
def whole(cluster: Cluster) -> Cluster:
    """The cluster with its two workers, whatever a test before has killed."""
    for number, worker in enumerate(cluster.workers):
        if worker.poll() is not None:
            cluster.replace_worker(number)
    return cluster


def with_engine(usecase: UseCase, engine: Any, **model: Any) -> UseCase:
    document = usecase.config.model_dump(mode="json")
    document["training"]["engine"] = engine
    document["training"]["model"] |= model
    return replace(usecase, config=UseCaseConfig.model_validate(document))


def on(cluster: Cluster, workers: int, *, wait: int = 120) -> dict[str, Any]:
    return {
        "kind": "dask",
        "address": cluster.address,
        "workers": workers,
        "wait_seconds": wait,
    }


def opened(config: dict[str, Any], folder: Path, **environ: str) -> Any:
    return open_engine(Dask(**config), folder=folder, settings=load_settings(environ))


def test_too_few_workers_are_counted(whole: Cluster, tmp_path: Path) -> None:
    with opened(on(whole, 2), tmp_path):
        pass  # both are there
    with (
        pytest.raises(WorkersFault, match="too few workers") as caught,
        opened(on(whole, 3, wait=1), tmp_path),
    ):
        pass
    assert caught.value.retryable
    assert caught.value.found == "2"
    assert "3 within 1 s" in str(caught.value)


def calls_with_a_death(whole: Cluster, calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """Calls, and after the first of them the second worker is killed."""
    for number, call in enumerate(calls):
        yield call
        if number == 0:
            whole.workers[1].kill()
            whole.workers[1].wait()


def test_a_worker_lost_while_assembling_is_made_up_for_by_the_others(
    toy: UseCase, framed: Path, whole: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is assembled travels with the calls, so another worker does it again."""
    shutil.copytree(framed / "data/toy/inputs", tmp_path / "data/toy/inputs")
    shutil.copy(framed / "data/toy/window.json", tmp_path / "data/toy")
    monkeypatch.setattr("laurel.stages.assemble.PART_ROWS", 400)
    plain = DaskEngine.each
    monkeypatch.setattr(
        DaskEngine,
        "each",
        lambda engine, function, calls: plain(engine, function, calls_with_a_death(whole, calls)),
    )
    assemble(with_engine(toy, on(whole, 2)), tmp_path)
    assert whole.workers[1].poll() is not None
    for name in ("rows", "returns"):
        found, expected = (read_parts(f / "data/toy/snapshot" / name) for f in (tmp_path, framed))
        pd.testing.assert_frame_equal(found, expected)


def test_a_value_lost_with_the_worker_that_held_it_is_a_fault_to_retry(
    whole: Cluster, tmp_path: Path
) -> None:
    with opened(on(whole, 2), tmp_path) as engine:
        held = [engine.hold(pd.DataFrame({"x": np.arange(n)})) for n in range(1, 9)]
        where = engine.client.who_has(held)
        assert len({places[0] for places in where.values()}) == 2, "both hold some"
        whole.workers[1].kill()
        whole.workers[1].wait()
        with pytest.raises(WorkersFault, match="worker was lost") as caught:
            list(engine.each(len, ([one] for one in held)))
    assert caught.value.retryable


def kill_in_the_rounds(engine: DaskEngine, whole: Cluster) -> None:
    """Kill the second worker once both are seen in the middle of a round."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        stacks = engine.client.call_stack()
        if sum(ROUND in str(frames) for frames in stacks.values()) == 2:
            break
        time.sleep(0.05)
    whole.workers[1].kill()


def test_a_worker_lost_during_the_rounds_ends_the_run_with_a_fault_to_retry(
    toy: UseCase, framed: Path, whole: Cluster, tmp_path: Path
) -> None:
    """The last of this cluster: where it was lost the other one may still wait for it."""
    endless = with_engine(toy, on(whole, 2), rounds=1_000_000, early_stopping_rounds=1_000_000)
    config, training = endless.config, endless.config.training
    rows = FramePart(framed / "data/toy", "train", config)
    validation = FramePart(framed / "data/toy", "validation", config).whole()
    objective = find_objective(config.label)
    with (  # noqa: PT012 - the fit is watched from beside
        pytest.raises(WorkersFault, match="worker was lost") as caught,
        open_engine(training.engine, folder=tmp_path) as engine,
    ):
        Thread(target=kill_in_the_rounds, args=(engine, whole), daemon=True).start()
        fit_with(engine, rows, validation, training.model, objective=objective)
    assert caught.value.retryable
    assert whole.workers[1].wait() < 0
    # whoever notices it first: Dask, or the other worker
    assert any(each in str(caught.value) for each in ("no answer from tcp://", "collective"))


def gluttony(_call: int) -> int:
    """Takes memory until it is killed for it."""
    taken = []
    while True:
        taken.append(np.ones(4_000_000))
        time.sleep(0.02)


def test_a_worker_out_of_memory_is_a_fault_that_says_what_to_give_it(tmp_path: Path) -> None:
    local = {"workers": 1, "memory_mb": 500}
    # of a cluster that would start the worker and the call three times more
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        pytest.raises(WorkersFault, match="worker was lost") as caught,
        opened(local, tmp_path) as engine,
    ):
        list(engine.each(gluttony, [(1,)]))
    assert caught.value.retryable
    assert "memory_mb of the engine" in str(caught.value)
    assert not list(tmp_path.iterdir()), "its scratch folder is gone"


def write_authority(folder: Path) -> None:
    """A key, a certificate and the authority that signed it: itself."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dask of a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, *plain))
    for file in ("ca.pem", "cert.pem"):
        (folder / file).write_bytes(made.public_bytes(pem))


def test_tls_both_ways_computes_and_without_it_or_with_a_strange_one_it_is_said(
    tmp_path: Path,
) -> None:
    own, strange = tmp_path / "own", tmp_path / "strange"
    write_authority(own)
    write_authority(strange)
    files = {"ca-file": "ca", "cert": "cert", "key": "key"}
    options = [
        word for name, file in files.items() for word in (f"--tls-{name}", str(own / f"{file}.pem"))
    ]
    with running_cluster(tmp_path, workers=1, options=[*options, "--protocol", "tls"]) as secure:
        assert secure.address.startswith("tls://")
        config = on(secure, 1)
        with opened(config, tmp_path, LAUREL_DASK_TLS=str(own)) as engine:
            assert list(engine.each(len, [("abc",), ("d",)])) == [3, 1]
        quick = on(secure, 1, wait=5)
        for environ, kind in (({"LAUREL_DASK_TLS": str(strange)}, WorkersFault), ({}, ConfigError)):
            with pytest.raises(kind) as caught, opened(quick, tmp_path, **environ):
                pass
            assert secure.address in str(caught.value)
