"""The supervisor of the stack's processes: supervisord, reached over its Unix socket only.

It restarts what dies, with a growing delay, says so in ``supervisor.log``, and keeps one log file
for each process.
"""

from __future__ import annotations

import http.client
import os
import shlex
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from laurel.errors import LaurelError
from laurel.local.launch import AIRFLOW, DATABASE, PARTS
from laurel.local.layout import Layout
from laurel.local.leftovers import Birth

LOG = "supervisor.log"
GROUP = "airflow"
STOP_SECONDS = 10
"""How long a part may take to stop before it is killed; a running task gets as long."""
STOP_SECONDS_OF = {"triggerer": 3}
"""Airflow's triggerer takes longer than anybody wants to wait, and loses nothing by a kill."""


@dataclass(frozen=True)
class Part:
    """One supervised process as the supervisor sees it."""

    name: str
    state: str
    """RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL …"""
    pid: int
    """0 when it does not run."""
    since: float
    """When it was started, in seconds since the epoch."""


def supervision_text(places: Layout) -> str:
    """The supervisor's configuration: the database first, Airflow's processes as a group."""
    sections = [
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        f"logfile={_inside(places.logs / LOG, places)}",
        "logfile_maxbytes=5MB",
        "logfile_backups=1",
        "loglevel=info",
        f"pidfile={_inside(places.pids / 'supervisor', places)}",
        # Else it warns of running as root with every start.
        *(["user=root"] if os.geteuid() == 0 else []),
        "",
        "[unix_http_server]",
        f"file={_plain(places.control)}",
        "chmod=0600",
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "",
        f"[group:{GROUP}]",
        f"programs={','.join(AIRFLOW)}",
        "priority=200",
    ]
    return "\n".join(sections + [line for part in PARTS for line in _program(part, places)]) + "\n"


def start_supervisor(places: Layout, environ: Mapping[str, str]) -> Birth:
    """Start the supervisor in a session of its own; it will start the database."""
    places.supervision.write_text(supervision_text(places))
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(places.supervision)]
    with (places.logs / "supervisor.out").open("ab") as out:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=places.root,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    birth = Birth.of(process.pid)
    if birth is None:
        raise _silent(places)
    return birth


def wait_for_supervisor(places: Layout, birth: Birth, *, seconds: float = 20) -> None:
    """Wait until the supervisor answers; raises :class:`LaurelError` if it ended instead."""
    deadline = time.monotonic() + seconds
    while not is_answering(places):
        if not birth.alive or time.monotonic() > deadline:
            raise _silent(places)
        time.sleep(0.05)


def _silent(places: Layout) -> LaurelError:
    out = places.logs / "supervisor.out"
    lines = out.read_text(errors="replace").splitlines()
    return LaurelError("the supervisor did not start", found="\n".join(lines[-5:]), detail=str(out))


def is_answering(places: Layout) -> bool:
    """Whether a supervisor answers on the socket."""
    try:
        _server(places).supervisor.getState()
    except (OSError, xmlrpc.client.Error, http.client.HTTPException):
        return False
    return True


def find_parts(places: Layout) -> tuple[Part, ...]:
    """Every supervised process, in a fixed order; empty when no supervisor answers."""
    try:
        answer = _server(places).supervisor.getAllProcessInfo()
    except (OSError, xmlrpc.client.Error, http.client.HTTPException):
        return ()
    found = {
        row["name"]: Part(row["name"], row["statename"], int(row["pid"]), float(row["start"]))
        for row in _rows(answer)
    }
    return tuple(found[name] for name in PARTS if name in found)


def start_airflow(places: Layout) -> None:
    """Start Airflow's processes; returns at once."""
    _server(places).supervisor.startProcessGroup(GROUP, False)


def _program(part: str, places: Layout) -> list[str]:
    database = part == DATABASE
    command = [sys.executable, "-m", "laurel.local.launch", part]
    return [
        "",
        f"[program:{part}]",
        f"command={_plain(shlex.join(command))}",
        f"autostart={str(database).lower()}",
        "autorestart=true",
        "startsecs=2",
        # Delays of 1, 2, 3 … seconds between tries: a minute, then it is given up as FATAL.
        "startretries=10",
        # For PostgreSQL: end the connections and stop, instead of waiting for them.
        f"stopsignal={'INT' if database else 'TERM'}",
        f"stopwaitsecs={STOP_SECONDS_OF.get(part, STOP_SECONDS)}",
        "killasgroup=true",
        f"priority={100 if database else 200}",
        "redirect_stderr=true",
        f"stdout_logfile={_inside(places.logs / part, places)}.log",
        "stdout_logfile_maxbytes=20MB",
        "stdout_logfile_backups=1",
    ]


def _inside(file: Path, places: Layout) -> str:
    """A path relative to the folder the supervisor starts in.

    It reads some values once and others twice for ``%`` signs, so a home may not come up in any.
    """
    return str(file.relative_to(places.root))


def _plain(value: object) -> str:
    """A value as the supervisor's file format takes it."""
    text = str(value)
    if "\n" in text or " ;" in text:
        raise LaurelError(
            "the supervisor cannot be given this path",
            found=repr(text),
            expected="no line break and no semicolon after a space",
            hint="set LAUREL_HOME to another path",
        )
    return text.replace("%", "%%")


def _rows(answer: object) -> list[dict[str, str]]:
    return answer if isinstance(answer, list) else []


def _server(places: Layout) -> xmlrpc.client.ServerProxy:
    return xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(places.control))


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: object) -> _Connection:  # noqa: ARG002
        return _Connection(self._path)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))
