"""In memory, on this machine: the default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from laurel.adapters.hands import hands
from laurel.adapters.tables import MATCH_MEMORY


class MemoryEngine:
    """One call after the other, in this process, and where it has hands in those beside it."""

    match_memory = MATCH_MEMORY

    @property
    def hands(self) -> int:
        """How many processes may share a stage's work."""
        return hands()

    def hold(self, value: Any, *, lasting: bool = False) -> Any:  # noqa: ARG002 - it is here alone
        """The value itself."""
        return value

    def each(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """One call after the other."""
        return (function(*call) for call in calls)
