"""``python -m laurel.cli.serving MARK``: runs one ``laurel stage`` after the other, as it is told.

Requests are lines of JSON on standard input. What stages print goes to standard output, and after
each its exit code on a line that begins with MARK. The other end is
:mod:`laurel.adapters.warm`. When that end is gone, by a ``kill -9`` too, this process ends at
once, in the middle of a stage.

Before it is asked for anything it imports what the stages will need, while DVC begins, and forks
the processes that do a part of their work (:mod:`laurel.adapters.hands`): these have it then, too.
Great Expectations, which one stage alone needs, is imported by the process that will run that
stage, while this one runs the stage before it.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import traceback
from contextlib import suppress
from importlib import import_module
from queue import SimpleQueue
from typing import IO, Any

STAGES = "laurel.stages"
HERE = ("assemble", "featurize", "train", "evaluate", "explain", "verdict")
"""Stages whose modules are there before this process is forked."""
APART = ("validate",)
"""Stages that run in a process of their own, where there may be several."""
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
    _prepare()
    requests: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=_listen, args=(told, requests), daemon=True).start()
    while True:
        request = requests.get()
        code = _run(request["words"], request["cwd"])
        # what one stage held must not add to what the next one needs
        gc.collect()
        # what is left are modules, for the most part: they need not be looked at again
        gc.freeze()
        _say(mark, code)


def _say(mark: str, code: int) -> None:
    sys.stderr.flush()
    sys.stdout.write(f"{mark}{code}\n")
    sys.stdout.flush()


def _prepare() -> None:
    """Import what the stages need, and fork while no thread of Python's is there."""
    from laurel.adapters.hands import offer
    from laurel.errors import LaurelError
    from laurel.settings import load_settings, share_cores

    # a setting that is wrong is told by the stage
    with suppress(LaurelError):
        settings = load_settings()
        share_cores(settings)
        # an import leaves hardly any garbage, and looking for it takes a tenth of the time
        gc.disable()
        for name in HERE:
            # what cannot be imported is told by the stage
            with suppress(Exception):
                import_module(f"{STAGES}.{name}")
        # what all of them have is not looked at, and so not copied, by any
        gc.freeze()
        gc.enable()
        offer(settings.share, ready=[f"{STAGES}.{name}" for name in APART])


def _listen(told: IO[str], requests: SimpleQueue[dict[str, Any]]) -> None:
    for line in told:
        requests.put(json.loads(line))
    os._exit(0)


def _run(words: list[str], folder: str) -> int:
    """Run a stage here, or in the process that is ready for it; its exit code."""
    from laurel.adapters.hands import apart
    from laurel.cli.stage import exit_code
    from laurel.errors import LaurelError

    try:
        return apart(run_stage, words, folder, ready=f"{STAGES}.{words[0]}")()
    except LaurelError as error:
        sys.stderr.write(f"error: {error}\n")
        return exit_code(error)


def run_stage(words: list[str], folder: str) -> int:
    """The exit code that ``laurel stage`` with these words has in a folder."""
    from laurel.cli.stage import app

    os.chdir(folder)
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
