"""The same done to many, in threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")


def several(work: Callable[[_T], _R], items: Sequence[_T], *, threads: int) -> list[_R]:
    """Do the same to every item, several at a time; after the first error no other is begun.

    Raises the error that came first.

    >>> several(abs, [-1, 2, -3], threads=2)
    [1, 2, 3]
    """
    if len(items) < 2:
        return [work(item) for item in items]
    errors: list[BaseException] = []

    def unless_failed(item: _T) -> _R:
        if errors:
            raise CancelledError
        try:
            return work(item)
        except BaseException as error:
            errors.append(error)
            raise

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(unless_failed, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            if errors and errors[0] is not error:
                raise errors[0] from errors[0].__cause__
            raise
