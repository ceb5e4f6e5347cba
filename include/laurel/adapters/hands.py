"""Hands: processes beside this one, forked while it has no work under way, for one job each.

A stage that does the same for many days gives some of the days to its hands. What they find comes
back in order, so bytes do not depend on how many there are. They have what this process had
imported, which costs nothing again, and they end with their job, or with this process.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Never, TypeVar

from laurel.errors import MORE_MEMORY, LaurelError, OutOfMemory, StoreFault

MOST = 4
"""Processes at a time: each holds its own part of the past in memory."""
JOBS = 2
"""Jobs besides, of stages that give away one: a hand that waits holds nothing of its own."""

_R = TypeVar("_R")


class _Hand:
    """The end of a hand that this process holds."""

    def __init__(self, pid: int, line: Connection) -> None:
        self.pid, self.line = pid, line

    def take(self) -> Any:
        """What it found; raises what it raised, and for one that was killed a fault."""
        try:
            done, found = self.line.recv()
        except (EOFError, OSError):
            raise _lost(self._ended()) from None
        self._ended()
        if not done:
            raise found
        return found

    def _ended(self) -> int:
        """Its exit code, when it has ended."""
        self.line.close()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _lost(code: int) -> LaurelError:
    if code == -signal.SIGKILL:
        return OutOfMemory(
            "a process that did a part of the work was killed by signal 9: out of memory?",
            hint=MORE_MEMORY,
        )
    return StoreFault(
        "a process that did a part of the work ended before it was done",
        found=f"exit code {code}",
        hint="trying again is safe",
    )


_HANDS: list[_Hand] = []
_READY: dict[str, _Hand] = {}
"""Hands that import a module while they wait, by its name."""
_at_once = 1


def offer(at_once: int, *, ready: Iterable[str] = ()) -> None:
    """Fork the processes that may work beside this one, where ``at_once`` is more than one.

    ready: modules, each imported by one more hand, for the job that needs it. To be called by a
    process that has no thread of Python's and no work under way: of a thread nothing is left in a
    fork but the locks that it held.
    """
    global _at_once
    if at_once < 2 or threading.active_count() > 1:
        return
    _at_once = min(at_once, MOST)
    for _ in range(_at_once - 1 + JOBS):
        _HANDS.append(_forked())
    for module in ready:
        _READY[module] = _forked(module)


def hands() -> int:
    """How many processes can work at a time: this one, and those that wait beside it."""
    return min(_at_once, 1 + len(_HANDS))


def apart(work: Callable[..., _R], *given: Any, ready: str | None = None) -> Callable[[], _R]:
    """Let a hand find out what ``work(*given)`` is; the call that is returned waits for it.

    Where there is no hand it is done by that call. work: a function of a module. ready: only by
    the hand that has this module ready. The call raises what ``work`` raises, and a fault that may
    be retried for a hand that is lost.
    """
    hand = _READY.pop(ready, None) if ready else _HANDS.pop() if _HANDS else None
    if hand is None:
        return partial(work, *given)
    # one that has ended already is told by what is taken from it
    with suppress(BrokenPipeError, ConnectionResetError):
        hand.line.send((work, given))
    return hand.take


def spread(work: Callable[..., Iterable[_R]], items: Sequence[Any], *given: Any) -> Iterator[_R]:
    """What ``work(item, *given)`` yields for each item, in the order of the items.

    The first is done here while hands do the others; what they found is in memory until then.
    """
    others = [apart(_listed, work, item, *given) for item in items[1:]]
    yield from work(items[0], *given)
    for taken in others:
        yield from taken()


def _listed(work: Callable[..., Iterable[_R]], *given: Any) -> list[_R]:
    return list(work(*given))


def _forked(module: str | None = None) -> _Hand:
    here, there = Pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        there.close()
        return _Hand(pid, here)
    here.close()
    for other in (*_HANDS, *_READY.values()):
        other.line.close()
    _HANDS.clear()
    _READY.clear()
    return _serve(there, module)


def _serve(line: Connection, module: str | None) -> Never:
    """Do the job that comes, if one does, and end."""
    code = 1
    if module is not None:
        gc.disable()
        # what cannot be imported is told by the job
        with suppress(Exception):
            import_module(module)
        gc.freeze()
        gc.enable()
    try:
        work, given = line.recv()
        threading.Thread(target=_end_with, args=(line,), daemon=True).start()
        try:
            found = True, work(*given)
        except BaseException as error:
            found = False, _portable(error)
        line.send(found)
        code = 0
    except (EOFError, OSError):
        # nobody wants it
        pass
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end_with(line: Connection) -> None:
    """End when the other end is gone; nothing else comes from there."""
    try:
        line.recv()
    except (EOFError, OSError):
        os._exit(0)


def _portable(error: BaseException) -> BaseException:
    """The error, or its text where it is of a kind that the other end may not be able to read."""
    if isinstance(error, LaurelError) or type(error).__module__ == "builtins":
        return error
    traceback.print_exception(error)
    return RuntimeError(f"{type(error).__name__}: {error}")
