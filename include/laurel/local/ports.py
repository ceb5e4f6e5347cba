"""Is the port free, and if not, who holds it?"""

from __future__ import annotations

import errno
import socket

import psutil

from laurel.errors import LaurelError


def check_port(host: str, port: int) -> None:
    """Bind the address for a moment; raises :class:`LaurelError` that names the holder."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as door:
        # As servers do: connections of a server just gone must not count as a holder.
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except OSError as error:
            raise _explain(host, port, error) from error


def find_holder(port: int) -> str:
    """Who listens on the port: process id and command, as far as we may see."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        connections = []
    pids = {
        found.pid
        for found in connections
        if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port
    }
    for pid in sorted(pid for pid in pids if pid):
        try:
            command = " ".join(psutil.Process(pid).cmdline()).strip()
        except psutil.Error:
            command = "gone meanwhile"
        return f"process {pid}: {command}"
    return "a process that we may not see (another user's, or outside this container)"


def _explain(host: str, port: int, error: OSError) -> LaurelError:
    if error.errno == errno.EADDRINUSE:
        return LaurelError(
            f"port {port} is in use",
            found=find_holder(port),
            expected=f"nobody listening on {host}:{port}",
            hint=f"stop it, or choose another port, e.g. LAUREL_PORT={_next(port)}",
        )
    return LaurelError(
        f"the address {host}:{port} cannot be bound",
        found=error.strerror or error,
        expected="an address of this machine and a port we may use",
        hint="look at LAUREL_HOST and LAUREL_PORT",
    )


def _next(port: int) -> int:
    return port + 1 if port < 65535 else 8080
