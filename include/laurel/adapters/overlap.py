"""Work in a thread of its own that goes ahead of those who wait for it, by a few items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

_T = TypeVar("_T")
_LOOK = 0.1
"""Seconds after which a thread that waits looks whether anybody still wants its items."""


class _Ended:
    """What comes behind the last item: the error that ended it, if one did."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterable[_T], *, depth: int = 1) -> Iterator[_T]:
    """The same items in their order, made in a thread while the caller works on earlier ones.

    At most ``depth`` items wait, and one more is under way: memory does not grow with their number.
    An error in making them is raised where the next item is asked for; when the caller stops
    asking, the thread ends.

    >>> list(ahead(n * n for n in range(4)))
    [0, 1, 4, 9]
    """
    waiting: Queue[_T | _Ended] = Queue(depth)
    unwanted = Event()
    thread = Thread(target=_make, args=(items, waiting, unwanted), daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _Ended):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        unwanted.set()
        _empty(waiting)
        thread.join()


def _make(
    items: Iterable[_T],
    waiting: Queue[_T | _Ended],
    unwanted: Event,
) -> None:
    made = iter(items)
    try:
        for item in made:
            if not _put(item, waiting, unwanted):
                break
        end = _Ended()
    except BaseException as error:
        end = _Ended(error)
    finally:
        # a generator lets go of its files here, not when it is collected
        getattr(made, "close", lambda: None)()
    _put(end, waiting, unwanted)


def _put(item: _T | _Ended, waiting: Queue[_T | _Ended], unwanted: Event) -> bool:
    while not unwanted.is_set():
        try:
            waiting.put(item, timeout=_LOOK)
        except Full:
            continue
        return True
    return False


def _empty(waiting: Queue[_T | _Ended]) -> None:
    while True:
        try:
            waiting.get_nowait()
        except Empty:
            return
