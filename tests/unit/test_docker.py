"""Image and compose file: valid by linter and schema, no secret inside, nothing open."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from laurel.local.stack import POOLS
from laurel.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
COMPOSE = DOCKER / "compose.yaml"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?:(:?[?-])([^}]*))?\}")
SECRET = re.compile(r"PASSWORD|SECRET|_KEY\b|TOKEN")
AIRFLOW = ("api-server", "dag-processor", "init", "scheduler", "triggerer", "worker")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services with anchors resolved and variables as written."""
    return dict(yaml.safe_load(COMPOSE.read_text())["services"])


def tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def instructions(name: str) -> list[str]:
    """The arguments of one kind of Dockerfile instruction, continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [line.partition(" ")[2] for line in text.splitlines() if line.startswith(f"{name} ")]


def test_dockerfile_passes_its_linter() -> None:
    done = subprocess.run(
        [tool("hadolint"), "--no-color", str(DOCKER / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_compose_file_follows_its_schema() -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def documented() -> dict[str, str]:
    """The variables of the example file, commented ones too, with their values."""
    rows = re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", (DOCKER / ".env.example").read_text(), re.M)
    return dict(rows)


def test_every_variable_is_in_the_example_with_its_default() -> None:
    used = {name: default for name, how, default in VARIABLE.findall(COMPOSE.read_text()) if how}
    defaults = {
        name: default
        for name, how, default in VARIABLE.findall(COMPOSE.read_text())
        if how.endswith("-")
    }

    assert used.keys() == documented().keys()
    assert {name: documented()[name] for name in defaults} == defaults


def test_every_secret_is_required_and_named_when_missing() -> None:
    found = VARIABLE.findall(COMPOSE.read_text())
    secrets = [(name, how, words) for name, how, words in found if SECRET.search(name)]

    assert len({name for name, *_ in secrets}) == 8
    assert all(how == ":?" and name in words for name, how, words in secrets)
    assert not any(documented()[name] for name, *_ in secrets)


def test_no_secret_stands_in_the_compose_file(services: dict[str, Any]) -> None:
    written = {
        (service, name): str(value)
        for service, body in services.items()
        for name, value in (body.get("environment") or {}).items()
        if SECRET.search(name) or ("://" in str(value) and "@" in str(value))
    }

    assert written
    assert all(VARIABLE.search(value) for value in written.values())
    assert not any(re.search(r"://[^:/]*:[^$@][^@]*@", value) for value in written.values())


def test_no_secret_is_baked_into_the_image() -> None:
    settings = [*instructions("ENV"), *instructions("ARG"), *instructions("LABEL")]

    assert not [text for text in settings if SECRET.search(text)]
    assert not [text for text in instructions("COPY") if ".env" in text or text.startswith(". ")]


def test_image_runs_as_a_user_without_rights() -> None:
    assert instructions("USER") == ["10001:0"]
    assert DOCKERFILE.rindex("USER 10001:0") > DOCKERFILE.rindex("\nFROM ")


def test_image_is_installed_from_the_lock_with_hashes() -> None:
    runs = [
        part
        for text in instructions("RUN")
        for part in re.split(r"&&|;", text)
        if re.search(r"\b(pip install|pip sync)\b", part)
    ]

    assert [text for text in runs if "locks/production.lock" in text]
    assert all("--require-hashes" in text or "/dist/*.whl" in text for text in runs)
    assert all("--compile-bytecode" in text for text in runs if "/opt/laurel" in text)


def test_image_is_built_in_stages_on_one_pinned_python() -> None:
    stages = [text.split()[0] for text in instructions("FROM")]

    assert stages == ["python:3.11-slim-bookworm"] * 2
    assert instructions("HEALTHCHECK")


def test_what_is_copied_exists_and_enters_the_context() -> None:
    copied = {
        source.rstrip("/")
        for text in instructions("COPY")
        if "--from" not in text
        for source in [part for part in text.split() if not part.startswith("--")][:-1]
    }
    allowed = {
        line[1:]
        for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }

    assert {path for path in copied if not (ROOT / path).exists()} == set()
    assert {path for path in copied if not {path, path.split("/")[0]} & allowed} == set()


def test_ports_are_published_on_the_loopback_only(services: dict[str, Any]) -> None:
    ports = [port for body in services.values() for port in body.get("ports", [])]

    assert ports
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


def test_airflow_processes_wait_for_init_and_init_for_servers(services: dict[str, Any]) -> None:
    assert set(AIRFLOW) <= services.keys()
    for name in AIRFLOW:
        waits = {on: how["condition"] for on, how in services[name]["depends_on"].items()}
        assert waits == (
            dict.fromkeys(("postgres", "redis", "s3"), "service_healthy")
            if name == "init"
            else {"init": "service_completed_successfully"}
        )


def test_airflow_processes_share_image_environment_and_bounds(services: dict[str, Any]) -> None:
    for name in AIRFLOW:
        body = services[name]
        assert body["image"] == services["init"]["image"]
        assert body["environment"].items() >= services["scheduler"]["environment"].items()
        assert body["cap_drop"] == ["ALL"]
        assert body["security_opt"] == ["no-new-privileges:true"]
        assert not body.get("privileged")


def test_every_server_has_a_health_check_and_a_pinned_image(services: dict[str, Any]) -> None:
    for name, body in services.items():
        assert "healthcheck" in body or name == "api-server", name  # the image has that one's
        assert re.search(r":[^:$]*\d", body["image"].replace("}", "")), name
        assert not body["image"].endswith(":latest")


def test_settings_of_the_containers_are_accepted(services: dict[str, Any]) -> None:
    environment = {
        name: VARIABLE.sub(lambda found: found[3], str(value))
        for name, value in services["worker"]["environment"].items()
    }

    settings = load_settings(environment)

    assert settings.store == "s3://laurel/production"
    assert settings.s3_endpoint == "http://s3:8333"
    assert settings.environment == "production"
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"


def test_init_creates_the_pools_that_the_dags_name() -> None:
    script = re.sub(r"\\\n\s*", " ", (DOCKER / "init.sh").read_text())

    made = re.findall(
        r'airflow pools set (\w+) "\$\{LAUREL_HEAVY_SLOTS:-(\d+)\}" +"([^"]+)"', script
    )

    assert {name: (int(slots), words) for name, slots, words in made} == POOLS


def test_init_stops_at_the_first_fault_and_reads_its_password(tmp_path: Path) -> None:
    for name in ("airflow", "laurel"):
        program = tmp_path / name
        program.write_text('#!/bin/sh\necho "$@" >> "$CALLS"\n')
        program.chmod(0o755)
    calls = tmp_path / "calls"
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CALLS": str(calls)}

    done = subprocess.run(
        ["sh", str(DOCKER / "init.sh")],
        env={**environment, "LAUREL_ADMIN_USER": "admin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "give the first account a password" in done.stderr
    assert [line.split()[:2] for line in calls.read_text().splitlines()] == [
        ["db", "migrate"],
        ["sync-perm"],
        ["store", "probe"],
        ["pools", "set"],
    ]


def test_health_check_answers_for_dead_addresses() -> None:
    command = [sys.executable, str(DOCKER / "healthy.py"), "http://127.0.0.1:9/health"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr


def test_secrets_file_is_kept_out_of_git_and_image() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
    assert "**/.env" in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
