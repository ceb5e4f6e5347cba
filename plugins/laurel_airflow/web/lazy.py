"""An ASGI application that is built at its first request.

Airflow imports every plugin in every process; only the API server needs the pages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cached_property
from importlib import import_module
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class LazyApp:
    """Stands in for the application that ``module:function`` makes."""

    def __init__(self, factory: str) -> None:
        self.factory = factory

    @cached_property
    def app(self) -> App:
        """The application itself."""
        module, function = self.factory.split(":")
        made: App = getattr(import_module(module), function)()
        return made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        await self.app(scope, receive, send)
