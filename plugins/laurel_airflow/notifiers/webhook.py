"""A POST of JSON to the address that a connection of kind HTTP names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx
from airflow.sdk import BaseNotifier

from laurel.errors import ChannelFault
from laurel_airflow.connections import AirflowConnections

if TYPE_CHECKING:
    from airflow.sdk import Context

    from laurel.adapters.sources.connections import Connection

SECONDS = 30


class WebhookNotifier(BaseNotifier):
    """Sends a document; the answer has to be of kind 2xx, and redirects are not followed.

    The connection's host, port and schema are the address, the extra ``path`` its path; a
    password without a login is sent as a bearer token, with one as basic authentication.
    """

    template_fields = ()

    def __init__(self, *, connection: str, document: Mapping[str, Any]) -> None:
        super().__init__()
        self.connection = connection
        self.document = dict(document)

    def notify(self, context: Context) -> None:  # noqa: ARG002 - all it says is in the document
        """Send the document; raises :class:`ChannelFault` where it is not taken.

        The error names the connection and never the address, whose path may be a secret.
        """
        known = AirflowConnections().get(self.connection)
        try:
            answer = httpx.post(
                address(known),
                json=self.document,
                headers=_headers(known),
                auth=(known.login, known.password or "") if known.login else None,
                timeout=SECONDS,
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            raise ChannelFault(
                "a webhook did not answer", found=f"{self.connection}: {type(error).__name__}"
            ) from None
        if not answer.is_success:
            raise ChannelFault(
                "a webhook did not take an alarm",
                found=f"{self.connection}: status {answer.status_code}",
                expected="a status of kind 2xx",
            )


def address(known: Connection) -> str:
    """The address that a connection names.

    >>> from laurel.adapters.sources.connections import Connection
    >>> address(Connection("hook", "http", host="example.org", extra={"path": "/alarms"}))
    'https://example.org/alarms'
    """
    host = known.host or ""
    base = host if "://" in host else f"{known.schema or 'https'}://{host}"
    port = f":{known.port}" if known.port else ""
    path = str(known.extra.get("path", ""))
    return f"{base.rstrip('/')}{port}/{path.lstrip('/')}"


def _headers(known: Connection) -> dict[str, str]:
    if known.password and not known.login:
        return {"Authorization": f"Bearer {known.password}"}
    return {}
