"""``python -m laurel.cli.serving MARK``: runs one ``laurel stage`` after the other, as it is told.

Requests are lines of JSON on standard input. What stages print goes to standard output, and after
each its exit code on a line that begins with MARK. The other end is
:mod:`laurel.adapters.dvc.warm`. When that end is gone, by a ``kill -9`` too, this process ends at
once, in the middle of a stage.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import traceback
from queue import SimpleQueue
from typing import IO, Any


def main(mark: str) -> None:
    """Serve until standard input ends."""
    requests: SimpleQueue[dict[str, Any]] = SimpleQueue()
    # a stage finds nothing to read
    told = os.fdopen(os.dup(0), encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_listen, args=(told, requests), daemon=True).start()
    code = 0
    while True:
        sys.stderr.flush()
        sys.stdout.write(f"{mark}{code}\n")
        sys.stdout.flush()
        request = requests.get()
        os.chdir(request["cwd"])
        code = _stage(request["words"])
        # what one stage held must not add to what the next one needs
        gc.collect()


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
