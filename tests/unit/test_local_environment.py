from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from laurel.local.environment import airflow_environment, base_url
from laurel.settings import Settings, dags_folder, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        {
            "LAUREL_HOME": str(tmp_path / "a home"),
            "LAUREL_PORT": "18999",
            "LAUREL_USECASES": str(tmp_path / "more"),
            "LAUREL_S3_ENDPOINT": "http://127.0.0.1:9",
        }
    )


def test_the_settings_reach_every_task_unchanged(settings: Settings) -> None:
    assert load_settings(airflow_environment(settings, {})) == settings


def test_a_variable_the_caller_set_wins_over_a_default(settings: Settings) -> None:
    given = {"AIRFLOW__CORE__PARALLELISM": "1", "AIRFLOW__CORE__DAGS_FOLDER": "/elsewhere"}

    found = airflow_environment(settings, given)

    assert found["AIRFLOW__CORE__PARALLELISM"] == "1"
    assert found["AIRFLOW__CORE__DAGS_FOLDER"] == "/elsewhere"
    assert airflow_environment(settings, {})["AIRFLOW__CORE__DAGS_FOLDER"] == str(dags_folder())


@pytest.mark.parametrize(
    "name",
    [
        "AIRFLOW_HOME",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC",
        "AIRFLOW__API__PORT",
        "AIRFLOW__CORE__FERNET_KEY",
    ],
)
def test_another_installation_s_variables_never_reach_the_stack(
    settings: Settings, name: str
) -> None:
    assert airflow_environment(settings, {name: "theirs"})[name] != "theirs"


def test_the_database_is_reached_over_a_socket_and_no_network(settings: Settings) -> None:
    found = airflow_environment(settings, {})

    for name in ("SQL_ALCHEMY_CONN", "SQL_ALCHEMY_CONN_ASYNC"):
        url = found[f"AIRFLOW__DATABASE__{name}"]
        assert "@/airflow?host=/" in url
        assert " " not in url


def test_byte_code_is_written_and_other_variables_pass(settings: Settings) -> None:
    found = airflow_environment(settings, {"PYTHONDONTWRITEBYTECODE": "1", "TZ": "UTC"})

    assert "PYTHONDONTWRITEBYTECODE" not in found
    assert found["TZ"] == "UTC"


def test_programs_of_the_virtual_environment_come_first(settings: Settings) -> None:
    path = airflow_environment(settings, {"PATH": "/usr/bin"})["PATH"]

    assert path.split(os.pathsep) == [str(Path(sys.executable).parent), "/usr/bin"]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:18999"),
        ("0.0.0.0", "http://127.0.0.1:18999"),  # noqa: S104
        ("::1", "http://[::1]:18999"),
    ],
)
def test_the_address_is_one_a_browser_takes(tmp_path: Path, host: str, url: str) -> None:
    environ = {"LAUREL_HOME": str(tmp_path), "LAUREL_HOST": host, "LAUREL_PORT": "18999"}

    assert base_url(load_settings(environ)) == url
