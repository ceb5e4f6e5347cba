"""``python -m laurel.cli.serving MARK``: runs one ``laurel stage`` after the other, as it is told.

Requests are lines of JSON on standard input. What stages print goes to standard output, and after
each its exit code on a line that begins with MARK. The other end is
:mod:`laurel.adapters.dvc.warm`. When that end is gone, by a ``kill -9`` too, this process ends at
once, in the middle of a stage.

While nothing is asked for, it imports what the stages will need, so that this is done while DVC
begins, and it forks the processes that do a part of a stage's work (:mod:`laurel.adapters.hands`).
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import traceback
from collections import deque
from contextlib import suppress
from importlib import import_module
from queue import SimpleQueue
from typing import IO, Any

FIRST = ("assemble", "featurize")
"""Stages whose modules are there before this process is forked: their hands have them then."""
NEXT = ("validate", "train", "evaluate", "explain", "verdict")
COLLECT_AFTER = 10_000
"""Objects after which Python looks for garbage: imports make a quarter of a million that stay."""


def main(mark: str) -> None:
    """Serve until standard input ends."""
    gc.set_threshold(COLLECT_AFTER)
    # a stage finds nothing to read
    told = os.fdopen(os.dup(0), encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    _say(mark, 0)
    _offer_hands()
    requests: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=_listen, args=(told, requests), daemon=True).start()
    later = deque(NEXT)
    while True:
        while later and requests.empty():
            _import(later.popleft())
        request = requests.get()
        os.chdir(request["cwd"])
        code = _stage(request["words"])
        # what one stage held must not add to what the next one needs
        gc.collect()
        # what is left are modules, for the most part: they need not be looked at again
        gc.freeze()
        _say(mark, code)


def _say(mark: str, code: int) -> None:
    sys.stderr.flush()
    sys.stdout.write(f"{mark}{code}\n")
    sys.stdout.flush()


def _offer_hands() -> None:
    """Import what the first stages need, and fork while no thread of Python's is there."""
    from laurel.adapters.hands import offer
    from laurel.errors import LaurelError
    from laurel.settings import load_settings, share_cores

    # a setting that is wrong is told by the stage
    with suppress(LaurelError):
        settings = load_settings()
        share_cores(settings)
        for name in FIRST:
            _import(name)
        offer(settings.share)


def _import(stage: str) -> None:
    # what cannot be imported is told by the stage
    with suppress(Exception):
        import_module(f"laurel.stages.{stage}")


def _listen(told: IO[str], requests: SimpleQueue[dict[str, Any]]) -> None:
    for line in told:
        requests.put(json.loads(line))
    os._exit(0)


def _stage(words: list[str]) -> int:
    """The exit code that ``laurel stage`` with these words has."""
    from laurel.cli.stage import app

    try:
        app(words, prog_name="laurel stage")
        return 0
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    main(sys.argv[1])
