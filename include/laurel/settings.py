"""The one place that reads the environment: where the store, the cache and the use cases are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from laurel.errors import ConfigError

ENVIRONMENTS = ("development", "production")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Where Linux says which share of the cores a container may use: microseconds of each period."""


@dataclass(frozen=True)
class Settings:
    """Where things are, and under which rules this process runs."""

    home: Path
    """State of this machine: the embedded stack, workspaces, the DVC cache, a local store."""
    store: str
    """Root of the store: ``file:///…`` or ``s3://bucket/prefix``."""
    cache: Path
    """DVC's shared cache of this machine."""
    s3_endpoint: str | None
    """Endpoint of an S3-compatible server; ``None`` for AWS."""
    shipped: Path
    """The folder that holds ``dags``, ``usecases``, ``expectations`` as shipped."""
    usecase_folders: tuple[Path, ...]
    """Folders whose sub-folders are use cases."""
    suite_folders: tuple[Path, ...]
    """Folders of expectation suites, ``<folder>/<use case>/<suite>.json``."""
    environment: str
    """``development`` or ``production``; production refuses dirty trees."""
    host: str
    """The address the embedded API server binds."""
    port: int
    """The port of the embedded API server."""
    scheduler: str
    """The name of this scheduler; a store prefix accepts one."""
    threads: int | None = None
    """Threads that fitting uses, whatever the bytes; ``None`` for as many as its rows pay for."""
    heavy_pool: str = "laurel_heavy"
    """The Airflow pool of the tasks that train."""
    heavy_slots: int = 1
    """How many such tasks run on a machine at a time: each gets that share of its cores."""
    place: str | None = None
    """Root of the stable place of predictions: ``file:///…`` or ``s3://…``; below the store when
    left out."""
    dask_scheduler: str | None = None
    """Address of the Dask scheduler, before the one that a use case names."""
    dask_tls: Path | None = None
    """Folder with ``ca.pem``, ``cert.pem`` and ``key.pem`` for a scheduler at ``tls://``."""
    signing_key: Path | None = None
    """The private Ed25519 key that signs after each decision; ``None``: nothing is signed."""

    @property
    def share(self) -> int:
        """The cores that a process of Laurel may use, so that those beside it have theirs."""
        return self.threads or max(1, cores() // self.heavy_slots)

    @property
    def current(self) -> str:
        """Root of the place where consumers find the newest predictions of each use case."""
        return self.place or f"{self.store}/current"

    @property
    def checkout(self) -> Path | None:
        """The root of the source checkout this package runs from, if it does."""
        return checkout_root()


def checkout_root() -> Path | None:
    """The source checkout that holds this file, or ``None`` when installed from a wheel."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "dags").is_dir() and (root / "include" / "usecases").is_dir() else None


def dags_folder() -> Path:
    """The folder to name in Airflow's DAG bundle setting."""
    root = checkout_root()
    return root / "dags" if root else Path(__file__).resolve().parent / "_shipped" / "dags"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment (all optional, prefix ``LAUREL_``).

    Raises :class:`ConfigError` for a value that cannot be meant.
    """
    env = os.environ if environ is None else environ
    root = checkout_root()
    shipped = Path(__file__).resolve().parent / "_shipped"
    home = Path(env.get("LAUREL_HOME") or (root or Path.home()) / ".laurel").resolve()
    usecases = root / "include" / "usecases" if root else shipped / "usecases"
    suites = root / "expectations" if root else shipped / "expectations"
    return Settings(
        home=home,
        store=_store(env.get("LAUREL_STORE") or f"file://{home}/store"),
        cache=Path(env.get("LAUREL_CACHE") or home / "cache").resolve(),
        s3_endpoint=env.get("LAUREL_S3_ENDPOINT") or None,
        shipped=root or shipped,
        usecase_folders=(usecases, *_paths(env.get("LAUREL_USECASES"))),
        suite_folders=(suites, *_paths(env.get("LAUREL_EXPECTATIONS"))),
        environment=_environment(env.get("LAUREL_ENVIRONMENT") or "development"),
        host=env.get("LAUREL_HOST") or "127.0.0.1",
        port=_port(env.get("LAUREL_PORT") or "8080"),
        scheduler=env.get("LAUREL_SCHEDULER") or "default",
        threads=_count("LAUREL_THREADS", env.get("LAUREL_THREADS")),
        heavy_pool=env.get("LAUREL_HEAVY_POOL") or "laurel_heavy",
        heavy_slots=_count("LAUREL_HEAVY_SLOTS", env.get("LAUREL_HEAVY_SLOTS")) or 1,
        place=_store(env["LAUREL_PLACE"], "LAUREL_PLACE") if env.get("LAUREL_PLACE") else None,
        dask_scheduler=env.get("LAUREL_DASK_SCHEDULER") or None,
        dask_tls=_path(env.get("LAUREL_DASK_TLS")),
        signing_key=_path(env.get("LAUREL_SIGNING_KEY")),
    )


def cores(quota: Path = _QUOTA) -> int:
    """The cores this process may use: those it is bound to, and what its container is granted."""
    bound = len(os.sched_getaffinity(0))
    granted, *period = quota.read_text().split() if quota.is_file() else ["max"]
    if granted == "max" or not period:
        return bound
    return max(1, min(bound, int(granted) // int(period[0])))


def share_cores(settings: Settings) -> None:
    """Let OpenMP of this process take no more than its share of the machine's cores, BLAS one.

    To be called before a library that brings them is imported, as :func:`calm_threads`.
    """
    calm_threads()
    os.environ.setdefault("OMP_NUM_THREADS", str(settings.share))


def calm_threads() -> None:
    """Let threads that wait for each other sleep: those that spin keep others from working.

    OpenBLAS knows no other way in a product of matrices, and beside a busy process took ten seconds
    for what one thread does in 50 ms: it gets one. What the environment says already is left.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def connection_variable(conn_id: str, environ: Mapping[str, str] | None = None) -> str | None:
    """What the environment says of an Airflow connection, or ``None``."""
    env = os.environ if environ is None else environ
    return env.get(f"AIRFLOW_CONN_{conn_id.upper()}") or None


def _store(url: str, name: str = "LAUREL_STORE") -> str:
    if not url.startswith(("file:///", "s3://")):
        raise ConfigError(
            f"{name} names no store",
            found=url.split("@")[-1],
            expected="file:///folder or s3://bucket/prefix",
        )
    return url.rstrip("/")


def _environment(name: str) -> str:
    if name not in ENVIRONMENTS:
        raise ConfigError(
            "LAUREL_ENVIRONMENT is unknown", found=name, expected=" or ".join(ENVIRONMENTS)
        )
    return name


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ConfigError("LAUREL_PORT is not a port", found=text, expected="1 to 65535")
    return int(text)


def _count(name: str, text: str | None) -> int | None:
    if text and not (text.isdecimal() and int(text)):
        raise ConfigError(f"{name} is not a count", found=text, expected="1 or more")
    return int(text) if text else None


def _path(text: str | None) -> Path | None:
    return Path(text).resolve() if text else None


def _paths(text: str | None) -> tuple[Path, ...]:
    return tuple(Path(part).resolve() for part in (text or "").split(os.pathsep) if part)
