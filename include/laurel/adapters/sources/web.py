"""Requests over HTTP(S): redirects within a scheme, credentials for their own host alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import httpx

from laurel.adapters.sources.connections import Connection
from laurel.errors import ConfigError

REDIRECTS = 5
NOT_THERE = frozenset({404, 410})
_NO_HEAD = frozenset({405, 501})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_SECOND = timedelta(seconds=1)


class TryLaterError(Exception):
    """An answer that may be another one later; ``seconds`` is how long the server asks to wait."""

    def __init__(self, said: str, url: str, *, seconds: float = 0) -> None:
        super().__init__(said)
        self.said, self.url, self.seconds = said, url, seconds


class Web:
    """A session with the host of a source; raises :class:`httpx.TransportError` besides."""

    def __init__(self, connection: Connection | None, *, timeout: float) -> None:
        # no compression on the way: lengths and checksums are of the file as it is
        headers = {"Accept-Encoding": "identity", "User-Agent": "laurel"}
        auth, own = None, dict(headers)
        if connection and connection.login:
            auth = httpx.BasicAuth(connection.login, connection.password or "")
        elif connection and connection.password:
            own["Authorization"] = f"Bearer {connection.password}"
        self._own = httpx.Client(auth=auth, headers=own, timeout=timeout)
        self._stranger = httpx.Client(headers=headers, timeout=timeout)

    @contextmanager
    def sent(self, method: str, url: str) -> Iterator[httpx.Response]:
        """The answer to a request: a file, or that there is none.

        Raises :class:`TryLaterError` for what may pass, :class:`ConfigError` else.
        """
        asked = url
        for _ in range(REDIRECTS + 1):
            client = self._own if _origin(asked) == _origin(url) else self._stranger
            with client.stream(method, asked) as answer:
                if not answer.has_redirect_location:
                    _expect_answer(answer, asked)
                    yield answer
                    return
                asked = _redirected(asked, answer.headers["location"])
        raise ConfigError("there are too many redirects", found=shown(asked), detail=shown(url))


def has_no_head(answer: httpx.Response) -> bool:
    """Whether a server does not answer HEAD, but may answer GET."""
    return answer.status_code in _NO_HEAD and answer.request.method == "HEAD"


def version_of(answer: httpx.Response) -> tuple[str, bool]:
    """What tells one state of a file from another, and whether equal ones prove equal bytes.

    A weak etag proves nothing, nor does a last change in the second of the answer.
    """
    headers = answer.headers
    etag = headers.get("etag", "")
    changed, length = headers.get("last-modified", ""), headers.get("content-length", "")
    if etag:
        return f"etag {etag} {length}", not etag.startswith("W/")
    return f"changed {changed} {length}", bool(length) and _is_past(changed, headers.get("date"))


def _is_past(changed: str, answered: str | None) -> bool:
    try:
        now = parsedate_to_datetime(answered) if answered else datetime.now(UTC)
        return now - parsedate_to_datetime(changed) > _SECOND
    except (ValueError, TypeError):
        return False


def shown(url: str) -> str:
    """An address without its query, which may hold a key.

    >>> shown("https://data.example/2024.csv?key=rose")
    'https://data.example/2024.csv'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _expect_answer(answer: httpx.Response, url: str) -> None:
    status = answer.status_code
    if status == 200 or status in NOT_THERE or has_no_head(answer):
        return
    if status in _PASSING:
        raise TryLaterError(f"HTTP {status}", url, seconds=_wait_of(answer))
    hint = "look at the address"
    if status in (401, 403):
        hint = "look at the credentials of the connection, or name a connection"
    raise ConfigError(
        "the source refused the request", found=f"HTTP {status}", detail=shown(url), hint=hint
    )


def _wait_of(answer: httpx.Response) -> float:
    said = answer.headers.get("retry-after", "")
    if said.isdecimal():
        return float(said)
    try:
        return (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def _redirected(url: str, location: str) -> str:
    target = urljoin(url, location)
    if urlsplit(target).scheme != urlsplit(url).scheme:
        raise ConfigError(
            "a redirect leads to another scheme",
            found=shown(target),
            expected=f"{urlsplit(url).scheme}://…",
            hint="name the address that it leads to",
            detail=shown(url),
        )
    return target


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
