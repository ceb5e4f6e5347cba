from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from laurel.local.launch import AIRFLOW, DATABASE, PARTS, part_command
from laurel.local.layout import Layout
from laurel.local.supervision import find_parts, is_answering, supervision_text


@pytest.fixture
def parsed(tmp_path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(supervision_text(Layout(tmp_path / "local")))
    return parser


def test_every_part_has_a_log_of_its_own(parsed: configparser.RawConfigParser) -> None:
    logs = {parsed[f"program:{part}"]["stdout_logfile"] for part in PARTS}

    assert logs == {f"logs/{part}.log" for part in PARTS}


def test_every_part_is_restarted_and_killed_as_a_group(
    parsed: configparser.RawConfigParser,
) -> None:
    for part in PARTS:
        program = parsed[f"program:{part}"]
        assert program.getboolean("autorestart")
        assert program.getboolean("killasgroup")
        assert program["command"].endswith(f"-m laurel.local.launch {part}")


def test_the_database_starts_first_and_stops_last(parsed: configparser.RawConfigParser) -> None:
    assert parsed[f"program:{DATABASE}"].getboolean("autostart")
    assert not any(parsed[f"program:{part}"].getboolean("autostart") for part in AIRFLOW)
    assert parsed[f"program:{DATABASE}"].getint("priority") < parsed["group:airflow"].getint(
        "priority"
    )


def test_the_supervisor_is_reached_over_a_closed_socket_alone(
    parsed: configparser.RawConfigParser,
) -> None:
    assert parsed["unix_http_server"]["chmod"] == "0600"
    assert "inet_http_server" not in parsed


def test_a_home_with_a_percent_sign_does_not_confuse_the_supervisor() -> None:
    text = supervision_text(Layout(Path("/srv/100% ours/local")))

    assert "file=/srv/100%% ours/local/run/supervisor.sock" in text
    assert "100% " not in text


def test_no_supervisor_is_not_an_error(tmp_path: Path) -> None:
    assert not is_answering(Layout(tmp_path))
    assert find_parts(Layout(tmp_path)) == ()


def test_no_part_opens_a_port_for_its_logs(tmp_path: Path) -> None:
    for part in ("scheduler", "triggerer"):
        assert "--skip-serve-logs" in part_command(part, Layout(tmp_path))
