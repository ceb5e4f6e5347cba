"""Connections: read as Airflow writes them, and never shown with what is secret in them."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import Connection as AirflowConnection
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from laurel.adapters.sources.connections import (
    Connection,
    EnvironmentConnections,
    parse_connection,
)
from laurel.errors import ConfigError, LaurelError, StoreFault
from laurel_airflow.connections import AirflowConnections

SECRET = "p@ss/w:rd"  # noqa: S105
URI = "postgresql://me:p%40ss%2Fw%3Ard@db.example:5432/sales?sslmode=require"
JSON = json.dumps(
    {
        "conn_type": "postgres",
        "host": "db.example",
        "login": "me",
        "password": SECRET,
        "port": 5432,
        "schema": "sales",
        "extra": {"sslmode": "require"},
    }
)


@pytest.mark.parametrize("text", [URI, JSON, JSON.replace("5432", '"5432"')])
def test_an_address_and_json_say_the_same(text: str) -> None:
    found = parse_connection("dwh", text)

    assert found == Connection(
        "dwh", "postgres", "db.example", 5432, "me", SECRET, "sales", {"sslmode": "require"}
    )


@pytest.mark.parametrize(
    "text",
    [
        URI,
        JSON,
        "http://:a-token@files.example",
        "aws://AKIA:s%2Fcret@/?region_name=eu-central-1&endpoint_url=http%3A%2F%2Fs3%3A8333",
        "aws://?__extra__=%7B%22region_name%22%3A+%22eu-central-1%22%7D",
        "postgres://me:x@%2Frun%2Fpostgres/sales",
        "google-cloud-platform://",
        "https://files.example",
    ],
)
def test_a_connection_is_read_as_airflow_reads_it(text: str) -> None:
    ours = parse_connection("c", text)
    if text.startswith("{"):
        theirs = AirflowConnection.from_json(text, conn_id="c")
    else:
        theirs = AirflowConnection.from_uri(text, conn_id="c")

    for name in ("host", "port", "login", "password", "schema"):
        assert (getattr(ours, name) or None) == (getattr(theirs, name) or None), name
    assert ours.kind == theirs.conn_type
    assert dict(ours.extra) == theirs.extra_dejson


def test_what_is_secret_is_neither_shown_nor_compared_away() -> None:
    found = parse_connection("dwh", JSON.replace("require", "token-of-somebody"))

    assert SECRET not in repr(found)
    assert "token-of-somebody" not in repr(found)
    assert found.hide(f"no {SECRET}, no token-of-somebody") == "no ***, no ***"


@pytest.mark.parametrize(
    "text",
    ["{not json", '{"host": "x"}', "me:secret-word@host", "", "http://h:secret-word/x", "[]"],
)
def test_a_text_that_is_no_connection_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_connection("dwh", text)

    assert "dwh" in str(caught.value)
    assert "secret-word" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_the_environment_names_connections_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DWH", URI)

    assert EnvironmentConnections().get("dwh").host == "db.example"


def test_a_connection_that_is_missing_is_named_with_its_variable() -> None:
    with pytest.raises(ConfigError, match="AIRFLOW_CONN_NOTHING"):
        EnvironmentConnections().get("nothing")


def test_airflow_is_asked_for_its_own_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DWH", URI)

    assert AirflowConnections().get("dwh") == parse_connection("dwh", URI)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AirflowNotFoundException("the conn_id dwh isn't defined"), ConfigError),
        (AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR)), StoreFault),
    ],
)
def test_what_airflow_does_not_say_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[LaurelError]
) -> None:
    def refuse(_: str) -> AirflowConnection:
        raise error

    monkeypatch.setattr("laurel_airflow.connections.Known.get", refuse)
    with pytest.raises(kind, match="dwh"):
        AirflowConnections().get("dwh")
