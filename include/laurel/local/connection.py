"""A connection to Airflow's API server as one user: tokens, pages, clear errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import httpx

from laurel.errors import LaurelError, NotFound, Refused

TRIES = 3
"""Times that something is asked: one process answers, and it serves the running tasks too."""


class Connection:
    """Speaks JSON with the API server, and logs in when it must.

    Raises :class:`NotFound`, :class:`Refused` for a conflict, :class:`LaurelError` else.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str,
        password: str,
        timeout: float = 30,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url
        self._login = {"username": user, "password": password}
        self._http = httpx.Client(
            base_url=url, timeout=timeout, trust_env=False, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def health(self) -> dict[str, Any]:
        """The health of the metadata database, scheduler, triggerer and DAG processor."""
        return self._answer(self._send("GET", "/api/v2/monitor/health"))

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """GET a path below ``/api/v2``."""
        return self.request("GET", path, params=params)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Send to a path below ``/api/v2``, logged in; returns the JSON answer."""
        if "Authorization" not in self._http.headers:
            self.log_in()
        response = self._send(method, f"/api/v2{path}", json=json, params=params)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self.log_in()
            response = self._send(method, f"/api/v2{path}", json=json, params=params)
        return self._answer(response)

    def log_in(self) -> None:
        """Get a token for the user; raises :class:`LaurelError` for a wrong password."""
        self._http.headers.pop("Authorization", None)
        token = self._answer(self._send("POST", "/auth/token", json=self._login))
        self._http.headers["Authorization"] = f"Bearer {token['access_token']}"

    def pages(self, path: str, key: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Every item of a collection, page by page."""
        seen = 0
        while True:
            page = self.get(path, limit=100, offset=seen, **params)
            yield from page[key]
            seen += len(page[key])
            if not page[key] or seen >= page["total_entries"]:
                return

    def _send(self, method: str, path: str, **parts: Any) -> httpx.Response:
        """The answer; a question that is answered too late is asked again, an order is not."""
        for left in reversed(range(TRIES if method == "GET" else 1)):
            try:
                return self._http.request(method, path, **parts)
            except httpx.HTTPError as error:
                if not (left and isinstance(error, httpx.ReadTimeout)):
                    raise self._unanswered(error) from error
        raise AssertionError("the last try returns or raises")

    def _unanswered(self, error: httpx.HTTPError) -> LaurelError:
        return LaurelError(
            "Airflow's API server does not answer",
            found=f"{type(error).__name__}: {error}",
            expected=f"an answer from {self.url}",
            hint="`laurel status` says what runs, `laurel up` starts it",
        )

    def _answer(self, response: httpx.Response) -> dict[str, Any]:
        if response.is_success:
            answer = response.json() if response.content else {}
            return answer if isinstance(answer, dict) else {"content": answer}
        kinds: dict[int, type[LaurelError]] = {404: NotFound, 409: Refused}
        raise kinds.get(response.status_code, LaurelError)(
            "Airflow refused the request",
            found=f"{response.status_code} {_detail(response)}",
            expected=f"{response.request.method} {response.request.url.path} to be accepted",
        )


def _detail(response: httpx.Response) -> str:
    try:
        detail = response.json().get("detail", response.text)
    except (ValueError, AttributeError):
        detail = response.text
    return str(detail)[:300]
