"""Connections: where a server is and how to log in there, by the id that Airflow knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from laurel.errors import ConfigError
from laurel.settings import connection_variable


@dataclass(frozen=True)
class Connection:
    """The parts of a connection; what is secret is not shown."""

    conn_id: str
    kind: str
    host: str | None = None
    port: int | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    schema: str | None = None
    """The name of the database, for one."""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def hide(self, text: str) -> str:
        """``text`` without what is secret in this connection.

        >>> Connection("c", "http", password="rose").hide("rose is no password")
        '*** is no password'
        """
        secrets = [self.password, *map(str, _leaves(self.extra))]
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            if secret == self.password or len(secret) > 7:
                text = text.replace(secret, "***")
        return text


class Connections(Protocol):
    """Finds a connection by its id."""

    def get(self, conn_id: str) -> Connection:
        """The connection; raises :class:`ConfigError` where there is none."""
        ...


class EnvironmentConnections:
    """Connections of environment variables, ``AIRFLOW_CONN_<ID>``: an address or JSON."""

    def get(self, conn_id: str) -> Connection:
        text = connection_variable(conn_id)
        if text is None:
            raise ConfigError(
                "there is no such connection",
                found=conn_id,
                expected=f"the variable AIRFLOW_CONN_{conn_id.upper()}",
                hint="within Airflow its own connections are asked",
            )
        return parse_connection(conn_id, text)


def parse_connection(conn_id: str, text: str) -> Connection:
    """Read a connection as Airflow writes it; raises :class:`ConfigError` that shows nothing of it.

    >>> parse_connection("dwh", "postgresql://me:secret@db.example:5432/sales")
    Connection(conn_id='dwh', kind='postgres', host='db.example', port=5432, login='me', \
schema='sales')
    """
    try:
        parts = _from_json(text) if text.lstrip().startswith("{") else _from_address(text)
        port = parts.pop("port", None)
        kind = kind_of(str(parts.pop("kind") or ""))
        return Connection(conn_id, kind, port=int(port) if port else None, **parts)
    except (ValueError, TypeError, KeyError, AttributeError):
        # The cause would show the text, and with it the password.
        raise ConfigError(
            "this connection cannot be read",
            found=conn_id,
            expected="kind://login:password@host:port/schema, or JSON with conn_type, host, …",
        ) from None


def _from_json(text: str) -> dict[str, Any]:
    said = json.loads(text)
    extra = said.get("extra") or {}
    parts = {name: said.get(name) or None for name in ("host", "login", "password", "schema")}
    extra = json.loads(extra) if isinstance(extra, str) else dict(extra)
    return {**parts, "kind": said["conn_type"], "port": said.get("port"), "extra": extra}


def _from_address(text: str) -> dict[str, Any]:
    parts = urlsplit(text)
    if not parts.scheme or not text.startswith(f"{parts.scheme}:/"):
        raise ValueError(parts.scheme)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    extra = json.loads(query["__extra__"]) if "__extra__" in query else query
    # urlsplit makes the host small letters, which the path of a socket is not always
    host = parts.netloc.rpartition("@")[2].rpartition(":")[0] if parts.port else None
    host = host or parts.netloc.rpartition("@")[2].removesuffix(":")
    named = {
        "host": host.strip("[]"),
        "login": parts.username,
        "password": parts.password,
        "schema": parts.path.removeprefix("/"),
    }
    told = {name: unquote(value) if value else None for name, value in named.items()}
    return {**told, "kind": parts.scheme, "port": parts.port, "extra": extra}


def kind_of(name: str) -> str:
    """The kind of a connection as Airflow names it; raises ``ValueError`` without one.

    >>> kind_of("postgresql"), kind_of("google-cloud-platform")
    ('postgres', 'google_cloud_platform')
    """
    kind = name.lower().replace("-", "_")
    if not kind:
        raise ValueError(name)
    return "postgres" if kind == "postgresql" else kind


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [leaf for each in value.values() for leaf in _leaves(each)]
    if isinstance(value, list | tuple):
        return [leaf for each in value for leaf in _leaves(each)]
    return [value] if isinstance(value, str) else []
