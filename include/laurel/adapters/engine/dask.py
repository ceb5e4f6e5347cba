"""The workers of a Dask cluster: a local one for the run, or one that is there already.

Data travels with the tasks, so workers need Laurel installed in the same version and nothing else:
no shared folder, no credentials of the store. What Dask sends is pickled on its way; nothing that
is stored is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from laurel.adapters.tables import MATCH_MEMORY
from laurel.domain.config.engine import Dask
from laurel.errors import ConfigError, LaurelError, WorkersFault
from laurel.settings import Settings

LOOPBACK = "127.0.0.1"
AHEAD = 2
"""Calls that are under way for each thread of the cluster."""
CLOSE_SECONDS = 10
WATCH_SECONDS = 1.0
"""How often it is looked whether all workers are still there."""


class DaskEngine:
    """Calls run on the workers; their results come back in order."""

    match_memory = MATCH_MEMORY
    hands = 1

    def __init__(self, client: Any, config: Dask) -> None:
        self.client = client
        self.workers = _chosen(client, config)
        """Addresses of the workers that learn, in the order of their names."""

    def hold(self, value: Any, *, lasting: bool = False) -> Any:
        """The value on one of the workers, which hand it to each other.

        A lasting one is with the scheduler as well: it goes to another worker when one is lost.
        """
        with _said():
            if lasting:
                return self.client.submit(_itself, value, pure=False)
            return self.client.scatter(value, hash=False)

    def each(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """Some calls under way for each thread of the cluster; raises what a call raises."""
        room = AHEAD * sum(self.client.nthreads().values())
        waiting: deque[Any] = deque()
        for call in calls:
            with _said():
                waiting.append(self.client.submit(function, *call, pure=False))
            while len(waiting) >= room:
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())

    def place(self, function: Callable[..., Any], *args: Any, worker: str) -> Any:
        """A call on one worker and no other; what comes back is held there."""
        return self.client.submit(
            function, *args, workers=[worker], allow_other_workers=False, pure=False
        )

    def stacked(self, parts: list[tuple[Any, int]], *, columns: int | None) -> Any:
        """Arrays on workers, each with its number of rows, as one array of Dask's."""
        from dask import array
        from dask.delayed import delayed

        arrays: Any = array  # it has no types
        return arrays.concatenate(
            [
                arrays.from_delayed(
                    delayed(part),
                    shape=(rows,) if columns is None else (rows, columns),
                    dtype="float32",
                )
                for part, rows in parts
            ]
        )

    def while_all_are_there(self, function: Callable[[], Any]) -> Any:
        """What a function returns that needs every worker; :class:`WorkersFault` when one is lost.

        Dask would wait for it without an end.
        """
        running: Future[Any] = Future()
        # a thread that is waited for by nobody: it may wait for a lost worker without an end
        Thread(target=self._settle, args=(running, function), daemon=True).start()
        try:
            return self._watched(running)
        except WorkersFault:
            self.client.close(timeout=CLOSE_SECONDS)
            raise

    def _settle(self, running: Future[Any], function: Callable[[], Any]) -> None:
        try:
            with self.client.as_current():
                running.set_result(function())
        except BaseException as error:
            running.set_exception(error)

    def _watched(self, running: Future[Any]) -> Any:
        while True:
            try:
                with _said():
                    return running.result(timeout=WATCH_SECONDS)
            except NotYet:
                lost = sorted(set(self.workers) - set(self.client.nthreads()))
                if lost:
                    raise _lost(f"no answer from {', '.join(lost)}") from None


@contextmanager
def open_dask(config: Dask, settings: Settings, *, folder: Path) -> Iterator[DaskEngine]:
    """Connect, or start a local cluster that ends with the context.

    Raises :class:`ConfigError` without the packages, :class:`WorkersFault` where the scheduler
    does not answer or has too few workers.
    """
    try:
        import distributed as library
    except ImportError as error:
        raise ConfigError(
            "an engine is dask, whose packages are not installed",
            found=str(error),
            expected="laurel[dask]",
            hint="pip install 'laurel[dask]', or set another engine in usecase.yaml",
        ) from error
    distributed: Any = library  # it has no types
    address = settings.dask_scheduler or config.address
    if address:
        client = _connect(distributed, address, config, settings)
        with client:
            yield DaskEngine(client, config)
        return
    with (
        TemporaryDirectory(dir=folder, prefix=".dask-") as scratch,
        distributed.LocalCluster(
            n_workers=config.workers,
            threads_per_worker=config.threads,
            memory_limit=f"{config.memory_mb}MB" if config.memory_mb else "auto",
            host=LOOPBACK,
            dashboard_address=None,
            local_directory=scratch,
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield DaskEngine(client, config)


def _connect(distributed: Any, address: str, config: Dask, settings: Settings) -> Any:
    seconds = config.wait_seconds
    try:
        return distributed.Client(
            address,
            timeout=seconds,
            security=security(distributed, address, settings.dask_tls),
            set_as_default=False,
        )
    except (OSError, TimeoutError) as error:
        raise WorkersFault(
            "the Dask scheduler does not answer",
            found=f"{address}: {_first_line(error)}",
            expected=f"an answer within {seconds} s",
            hint="start it, or mend LAUREL_DASK_SCHEDULER or the engine's address",
        ) from error


def security(distributed: Any, address: str, folder: Path | None) -> Any:
    """TLS by the files ``ca.pem``, ``cert.pem`` and ``key.pem`` of a folder; else Dask's own way.

    Raises :class:`ConfigError` where TLS is asked for and a file is missing, or the address asks
    for it and there is no folder.
    """
    if folder is None and address.startswith("tls://"):
        raise ConfigError(
            "the Dask scheduler wants TLS, and LAUREL_DASK_TLS names no folder",
            found=address,
            expected="LAUREL_DASK_TLS=/folder with ca.pem, cert.pem and key.pem",
        )
    if folder is None:
        return None
    files = {name: folder / f"{name}.pem" for name in ("ca", "cert", "key")}
    missing = [str(file) for file in files.values() if not file.is_file()]
    if missing or not address.startswith("tls://"):
        raise ConfigError(
            "LAUREL_DASK_TLS does not fit the scheduler",
            found=", ".join(missing) or address,
            expected="ca.pem, cert.pem and key.pem, and an address tls://host:port",
        )
    return distributed.Security(
        require_encryption=True,
        tls_ca_file=str(files["ca"]),
        tls_client_cert=str(files["cert"]),
        tls_client_key=str(files["key"]),
    )


def _chosen(client: Any, config: Dask) -> tuple[str, ...]:
    """The first workers by name: as many as learn, whatever more the cluster has."""
    try:
        client.wait_for_workers(config.workers, timeout=config.wait_seconds)
    except TimeoutError as error:
        raise WorkersFault(
            "the Dask cluster has too few workers",
            found=f"{len(client.nthreads())}",
            expected=f"{config.workers} within {config.wait_seconds} s",
            hint="start more, or lower workers of the engine: a model has other bytes then",
        ) from error
    known: Mapping[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
    # xgboost.dask ranks workers by this very text
    ranked = sorted(known, key=lambda address: f"[xgboost.dask-{known[address]['name']}]:{address}")
    return tuple(ranked[: config.workers])


def _itself(value: Any) -> Any:
    return value


def _result(future: Any) -> Any:
    with _said():
        return future.result()


@contextmanager
def _said() -> Iterator[None]:
    """What Dask raises when workers or the scheduler are lost, as a fault that may be retried."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    try:
        yield
    except LaurelError:
        raise
    except (CancelledError, CommClosedError, KilledWorker, RuntimeError) as error:
        raise _lost(_first_line(error)) from error


def _first_line(error: BaseException) -> str:
    return " ".join([f"{type(error).__name__}:", *str(error).splitlines()[:1]])[:200]


def _lost(found: str) -> WorkersFault:
    return WorkersFault(
        "a Dask worker was lost",
        found=found,
        expected="every worker until the end of the run",
        hint="run again; if it ran out of memory, give each worker more (memory_mb of the engine,"
        " --memory-limit), or let more of them work",
    )


__all__: Sequence[str] = ("DaskEngine", "open_dask", "security")
