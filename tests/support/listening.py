"""Real servers on loopback that keep what they are sent: mail by SMTP, JSON by HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass
class Mailbox:
    """An SMTP server and the mails it took."""

    mails: list[Message] = field(default_factory=list)
    port: int = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"

    @property
    def connection(self) -> str:
        """As a variable of the environment holds it."""
        extra = {"disable_tls": True, "disable_ssl": True, "from_email": "laurel@example.org"}
        told = {"conn_type": "smtp", "host": "127.0.0.1", "port": self.port, "extra": extra}
        return json.dumps(told)


@dataclass
class Hook:
    """An HTTP server, what was posted to it, and how it answers."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """The next answers; 200 when there are none."""
    port: int = 0

    def connection(self, kind: str = "http", **parts: Any) -> str:
        """As a variable of the environment holds it."""
        told = {"conn_type": kind, "host": f"http://127.0.0.1:{self.port}", **parts}
        return json.dumps(told)


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """An SMTP server while the block runs."""
    box, loop = Mailbox(), asyncio.new_event_loop()
    # aiosmtpd's own controller cannot take a port that the system chooses
    made = loop.create_server(lambda: SMTP(box, loop=loop), "127.0.0.1", 0)
    server = loop.run_until_complete(made)
    box.port = server.sockets[0].getsockname()[1]
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def hook() -> Iterator[Hook]:
    """An HTTP server while the block runs."""
    kept = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.posts.append(json.loads(body))
            kept.headers.append(dict(self.headers))
            kept.paths.append(self.path)
            self.send_response(kept.statuses.pop(0) if kept.statuses else 200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            """Nothing into the output of tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
