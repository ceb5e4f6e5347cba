"""What every engine can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol


class Engine(Protocol):
    """Computes one thing for each of many; :func:`fit_with` fits with it."""

    @property
    def match_memory(self) -> str:
        """What matching labels with rows may take before it writes to disk, as DuckDB says it."""

    @property
    def hands(self) -> int:
        """How many processes of this machine may share work that they read from its disk."""

    def hold(self, value: Any, *, lasting: bool = False) -> Any:
        """A value that several calls are given: held where they run.

        A lasting one is not lost with one of them.
        """

    def each(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """What a function returns for each call, in their order; few of them are ahead.

        function: of a module, without effects. Arguments may be held values, or lists of them.
        """
