"""A real S3 server behind a network that fails: backoff, a clear error, and the right result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from laurel.adapters.dvc import bucket
from laurel.adapters.store import s3
from laurel.domain.catalog import sameness
from laurel.errors import LaurelError, StoreFault
from laurel.runs.audit import audit_store
from support.faulty_proxy import KINDS, LATE, Faults, run_proxy
from support.runs import Home, open_home
from support.servers import S3Server, use_credentials

pytestmark = pytest.mark.slow

DATASET, FIRST, LAST = "climate", "2024-02-01", "2024-02-03"
TRIES = 25


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same on a local store, without faults."""
    home = open_home(tmp_path_factory.mktemp("undisturbed"))
    home.ingest(DATASET, FIRST, LAST)
    return published(home)


@contextmanager
def behind(
    faults: Faults, server: S3Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    """A fresh home whose store is reached through the proxy."""
    use_credentials(server, monkeypatch)
    with run_proxy(server.endpoint, faults):
        monkeypatch.setenv("AWS_ENDPOINT_URL", faults.endpoint)
        given = {"LAUREL_STORE": server.fresh_url(), "LAUREL_S3_ENDPOINT": faults.endpoint}
        yield open_home(folder, **given)


def published(home: Home) -> dict[str, Any]:
    state = home.site.catalog(home.usecase, DATASET).audit().state
    md5s = {r.partition: [r.md5] for r in state.newest()}
    return {"content": sameness(state), "md5": md5s, "tree": state.tree}


@pytest.mark.parametrize("seed", [1, 2])
def test_an_ingest_through_faults_ends_with_the_right_result(
    seed: int,
    undisturbed: dict[str, Any],
    waits: list[float],
    seaweedfs: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults = Faults(seed, share=0.3)
    told: list[LaurelError] = []
    with behind(faults, seaweedfs, tmp_path, monkeypatch) as home:
        for _ in range(TRIES):
            try:
                home.ingest(DATASET, FIRST, LAST)
                break
            except StoreFault as error:  # anything else would be a wrong word for it
                told.append(error)
        faults.share = 0.0
        home.ingest(DATASET, FIRST, LAST)
        assert published(home) == undisturbed
        assert audit_store(home.site, hashed=1.0).wrong == ()
    assert sum(faults.seen[kind] for kind in KINDS) > 4
    assert waits
    assert all(0 <= wait <= 20 for wait in waits)
    for error in told:
        assert error.retryable
        assert len(str(error).splitlines()) <= 10
        assert "Traceback" not in str(error)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_an_outage_is_a_clear_fault_and_writes_nothing(
    kind: str,
    waits: list[float],
    seaweedfs: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults = Faults(7, kinds=(kind,))
    with behind(faults, seaweedfs, tmp_path, monkeypatch) as home:
        home.ingest(DATASET, FIRST, FIRST)
        before = published(home)
        site = home.site
        faults.share = 1.0
        with pytest.raises(StoreFault) as caught:
            site.catalog(home.usecase, DATASET).read()
        with pytest.raises(StoreFault):
            site.plane.missing(["0" * 32])
        with pytest.raises(StoreFault):
            home.ingest(DATASET, FIRST, LAST)
        faults.share = 0.0
        assert published(home) == before
    assert "use case toy, dataset climate" in str(caught.value)
    assert len(waits) >= 2  # each request was tried again, with a wait before


def test_a_server_that_answers_too_late_is_a_fault_in_bounded_time(
    waits: list[float], seaweedfs: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few tries, each of them with a limit, and no long wait between them."""
    faults = Faults(7, kinds=(LATE,), patience=1.0)
    with behind(faults, seaweedfs, tmp_path, monkeypatch) as home:
        site = home.site  # claimed without haste: the machine may be busy
        impatient = Config(connect_timeout=1, read_timeout=0.3, retries={"mode": "standard"})
        monkeypatch.setattr(bucket, "_CONNECTION", impatient)
        monkeypatch.setattr(s3, "READ_TIMEOUT", 0.3)
        s3._connect.cache_clear()
        faults.share = 1.0
        for ask in (lambda: site.store.exists("a"), lambda: site.plane.missing(["0" * 32])):
            before = faults.seen[LATE]
            with pytest.raises(StoreFault, match="ReadTimeout"):
                ask()
            assert 2 <= faults.seen[LATE] - before <= 4
    s3._connect.cache_clear()
    assert waits
    assert sum(waits) < 10
