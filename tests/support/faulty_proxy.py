"""A proxy in front of a real S3 server that fails as networks and servers do, by a seed."""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from support.servers import HOST

ERRORS = {"internal": (500, "InternalError"), "slow down": (503, "SlowDown")}
KINDS = ("internal", "slow down", "reset", "answer lost", "cut off")
"""An error of the server; a connection reset before or after the request was done, or midway."""
LATE = "late"
"""No answer for :attr:`Faults.patience` seconds."""
_OWN = {"connection", "content-length", "date", "server", "transfer-encoding"}


@dataclass
class Faults:
    """What goes wrong, how often, and what has gone wrong so far."""

    seed: int
    share: float = 0.0
    """Of the requests that fail."""
    kinds: tuple[str, ...] = KINDS
    patience: float = 3.0
    endpoint: str = ""
    """Where the proxy listens."""
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)  # noqa: S311 - no secret
        self._lock = threading.Lock()

    def next(self) -> str | None:
        """What goes wrong with the next request; ``None`` for most."""
        with self._lock:
            kind = self._draw.choice(self.kinds) if self._draw.random() < self.share else None
            self.seen[kind or "fine"] += 1
            return kind


@contextmanager
def run_proxy(upstream: str, faults: Faults) -> Iterator[Faults]:
    """Listen on a port of its own and pass requests to ``upstream``, an ``http`` endpoint."""
    own = {"upstream": urlsplit(upstream).netloc, "faults": faults}
    server = ThreadingHTTPServer((HOST, 0), type("Handler", (_Handler,), own))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    faults.endpoint = f"http://{HOST}:{server.server_port}"
    try:
        yield faults
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Passes requests on, unless something goes wrong with them."""

    upstream: str
    faults: Faults
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        with suppress(ConnectionError):
            super().handle_one_request()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.faults.next()
        if fault in ERRORS:
            self._refuse(*ERRORS[fault])
        elif fault in ("reset", LATE):
            time.sleep(self.faults.patience if fault == LATE else 0)
            self._reset()
        else:
            self._pass_on(body, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

    def _refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>by the proxy</Message></Error>".encode()
        self._send(status, {}, b"" if self.command == "HEAD" else body, size=len(body))

    def _pass_on(self, body: bytes, fault: str | None) -> None:
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "expect":
                connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        data = answer.read()
        headers = {n: v for n, v in answer.getheaders() if n.lower() not in _OWN}
        size = int(answer.getheader("Content-Length") or len(data))
        connection.close()
        if fault == "answer lost":
            self._reset()
            return
        cut = fault == "cut off"
        self._send(answer.status, headers, data[: len(data) // 2] if cut else data, size=size)
        if cut:
            self._reset()

    def _send(self, status: int, headers: dict[str, str], data: bytes, *, size: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != http.HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def _reset(self) -> None:
        """Close with RST, as a host that went away."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the faults are counted."""
