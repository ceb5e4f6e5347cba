"""The environment every Airflow process of the embedded stack runs in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from laurel.local.keys import USER, read_keys
from laurel.local.layout import Layout, layout
from laurel.settings import Settings, dags_folder

DATABASE = "airflow"
DATABASE_USER = "postgres"

# Ours unless the caller's environment says otherwise: suited to two cores and one person.
DEFAULTS = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
    "AIRFLOW__CORE__EXECUTE_TASKS_NEW_PYTHON_INTERPRETER": "False",
    # A fully qualified name may ask a name server that is not there.
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__API__INSTANCE_NAME": "Laurel",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
    # The scheduler sleeps this long when a loop found nothing: the wait between two tasks. Seen for
    # a chain of trivial tasks on two busy cores: 1.2 s a task with Airflow's 1 s, 0.8 with this;
    # it costs a twelfth of a core when idle.
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    # A killed scheduler's tasks are queued again after this, instead of after five minutes.
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
    # Two cores at work can keep the API server from answering in five seconds.
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    "DO_NOT_TRACK": "1",
    "SCARF_ANALYTICS": "false",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
}

# Airflow's own variables that would lead the embedded stack to somebody's other installation.
DROPPED = ("PYTHONDONTWRITEBYTECODE", "AIRFLOW_CONFIG", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE")


def base_url(settings: Settings) -> str:
    """The address of the API server and of the UI, without a closing slash."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "localhost") else settings.host  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def airflow_environment(
    settings: Settings, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of the embedded Airflow, on top of the caller's.

    A variable the caller set wins over our defaults, but never over what ties the stack together:
    the home, the metadata database, the address, the keys.
    """
    given = dict(os.environ if environ is None else environ)
    for name in DROPPED:
        given.pop(name, None)
    places = layout(settings)
    return {
        **DEFAULTS,
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder()),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(places.logs / "tasks"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(places.logs / "dags"),
        **given,
        **_tied(settings, places),
        **_laurel(settings),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), given.get("PATH", os.defpath))),
    }


def run_airflow(
    settings: Settings,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run Airflow's command line in the stack's environment; the exit code is not checked."""
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "airflow", *arguments],
        env=airflow_environment(settings, environ),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def _tied(settings: Settings, places: Layout) -> dict[str, str]:
    keys = read_keys(places)
    sockets = quote(str(places.sockets), safe="/")
    place = f"{DATABASE_USER}@/{DATABASE}?host={sockets}"
    return {
        "AIRFLOW_HOME": str(places.airflow),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{place}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{place}",
        "AIRFLOW__CORE__EXECUTOR": "laurel_airflow.executor.WarmLocalExecutor",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(places.plugins),
        "AIRFLOW__CORE__FERNET_KEY": keys.fernet,
        "AIRFLOW__CORE__AUTH_MANAGER": (
            "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(places.passwords),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base_url(settings)}/execution/",
        "AIRFLOW__API__BASE_URL": base_url(settings),
        "AIRFLOW__API__HOST": settings.host,
        "AIRFLOW__API__PORT": str(settings.port),
        "AIRFLOW__API__SECRET_KEY": keys.session,
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.jwt,
    }


def _laurel(settings: Settings) -> dict[str, str]:
    """The settings as the variables they are read from, so that every task sees the same."""
    return {
        "LAUREL_HOME": str(settings.home),
        "LAUREL_STORE": settings.store,
        "LAUREL_CACHE": str(settings.cache),
        "LAUREL_S3_ENDPOINT": settings.s3_endpoint or "",
        "LAUREL_USECASES": os.pathsep.join(map(str, settings.usecase_folders[1:])),
        "LAUREL_EXPECTATIONS": os.pathsep.join(map(str, settings.suite_folders[1:])),
        "LAUREL_ENVIRONMENT": settings.environment,
        "LAUREL_HOST": settings.host,
        "LAUREL_PORT": str(settings.port),
        "LAUREL_SCHEDULER": settings.scheduler,
        "LAUREL_HEAVY_POOL": settings.heavy_pool,
        "LAUREL_HEAVY_SLOTS": str(settings.heavy_slots),
        "LAUREL_THREADS": str(settings.threads or ""),
        "LAUREL_SIGNING_KEY": str(settings.signing_key or ""),
    }
