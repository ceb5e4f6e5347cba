"""Files behind HTTP(S) addresses, one for each day."""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from laurel.adapters.sources.connections import Connection, Connections
from laurel.adapters.sources.filebased import Found
from laurel.adapters.sources.web import (
    NOT_THERE,
    TryLaterError,
    Web,
    has_no_head,
    shown,
    version_of,
)
from laurel.domain.config.source import URL, HttpSource
from laurel.domain.partition import Partition
from laurel.domain.pattern import DayPattern, dated
from laurel.errors import DataError, StoreFault

CHUNK = 2**20
LONGEST_WAIT = 60.0
"""Seconds between two tries at most, also where the server asks for more."""
_T = TypeVar("_T")


class WebPlace:
    """Asks for the state of a day's file with HEAD, and downloads it against its checksum."""

    threads = 4

    def __init__(self, source: HttpSource, *, connections: Connections) -> None:
        self._source, self._connections = source, connections
        self._pattern = DayPattern(source.url)

    @property
    def name(self) -> str:
        return self._source.url.partition("?")[0]

    def session(self) -> AbstractContextManager[None]:
        return nullcontext()

    def find(self, day: Partition) -> Sequence[Found]:
        url = self._pattern.of(day.day)
        fixed = self._source.sha256.get(day.day)
        if self._source.sha256 and fixed is None:
            raise DataError(
                "there is no checksum of this day",
                partition=day.key,
                expected="one in sha256, for each day that is asked for",
                detail=shown(url),
            )
        state = self._tried(lambda: self._head(url))
        if state is None:
            return []
        if fixed is not None:
            return [Found(shown(url), f"sha256 {fixed}")]
        if self._source.checksum_url is not None:
            return [Found(shown(url), self._sidecar(url, day))]
        version, settled = state
        return [Found(shown(url), version, settled)]

    def _head(self, url: str) -> tuple[str, bool] | None:
        for method in ("HEAD", "GET"):
            with self._web.sent(method, url) as answer:
                if has_no_head(answer):
                    continue
                return None if answer.status_code in NOT_THERE else version_of(answer)
        return None

    def _sidecar(self, url: str, day: Partition) -> str:
        """The checksum that stands in the file beside, as ``sha256 0123…``."""
        algorithm = self._source.checksum_algorithm()
        beside = dated(str(self._source.checksum_url).replace(URL, url), day.day)
        text = self._tried(lambda: self._text(beside))
        length = hashlib.new(algorithm).digest_size * 2
        own = urlsplit(url).path.rpartition("/")[2]
        for line in text.splitlines():
            found = re.match(rf"([0-9A-Fa-f]{{{length}}})(?:\s+\*?(\S+))?\s*$", line)
            if found and found[2] in (None, own, f"./{own}"):
                return f"{algorithm} {found[1].lower()}"
        raise DataError(
            "there is no checksum in the file beside",
            found=text[:80],
            expected=f"{length} hex digits, and {own} behind them where there are several",
            detail=shown(beside),
        )

    def _text(self, url: str) -> str:
        with self._web.sent("GET", url) as answer:
            if answer.status_code in NOT_THERE:
                raise StoreFault(
                    "the checksum is not there (yet)",
                    found=f"HTTP {answer.status_code}",
                    detail=shown(url),
                )
            return next(answer.iter_text(2**16), "")

    def fetch(self, found: Found, day: Partition, target: Path) -> Path:
        url = self._pattern.of(day.day)
        self._tried(lambda: self._download(url, found, target))
        return target

    def _download(self, url: str, found: Found, target: Path) -> None:
        algorithm, _, expected = found.version.partition(" ")
        known = algorithm in hashlib.algorithms_guaranteed
        state = hashlib.new(algorithm if known else "sha256", usedforsecurity=False)
        with self._web.sent("GET", url) as answer, target.open("wb") as file:
            if answer.status_code in NOT_THERE:
                raise StoreFault("a file is there no longer", detail=shown(url))
            for chunk in answer.iter_raw(CHUNK):
                state.update(chunk)
                file.write(chunk)
            if not known and version_of(answer)[0] != found.version:
                raise StoreFault(
                    "a file changed after it was found", detail=shown(url), hint="ingest again"
                )
        if known and state.hexdigest() != expected:
            raise DataError(
                "a file is not what its checksum says",
                found=f"{algorithm} {state.hexdigest()}",
                expected=found.version,
                hint="it may be cut off, or be replaced just now: ingest again",
                detail=shown(url),
            )

    def check(self, found: Found) -> None:
        """What was fetched does not change."""

    @cached_property
    def _connection(self) -> Connection | None:
        conn_id = self._source.connection
        return self._connections.get(conn_id) if conn_id else None

    @cached_property
    def _web(self) -> Web:
        return Web(self._connection, timeout=self._source.timeout_seconds)

    def _tried(self, ask: Callable[[], _T]) -> _T:
        """Ask again what may pass; the waits grow, and the server may say how long."""
        for attempt in range(self._source.tries):
            try:
                return ask()
            except TryLaterError as error:
                last, wait = error, error.seconds
            except httpx.TransportError as error:
                last, wait = TryLaterError(type(error).__name__, self.name), 0.0
            if attempt + 1 < self._source.tries:
                # many that failed together must not come back together
                pause = max(wait, random.uniform(0.5, 1) * 0.25 * 2**attempt)  # noqa: S311
                time.sleep(min(pause, LONGEST_WAIT))
        raise StoreFault(
            "the source did not answer",
            found=f"{last.said}, {self._source.tries} times",
            hint="is the server up? trying again is safe",
            detail=shown(last.url),
        )
