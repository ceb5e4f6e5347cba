"""A command of ``laurel`` that ends itself by ``kill -9`` before a certain write.

    python -m support.killed_command FOLDER TEXT WORDS...

It is killed before its first write below the folder to a path that holds the text; without such a
write it runs to its end.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from laurel.cli import main
from support.killing import watch


def kill_before(folder: Path, text: str) -> None:
    """Let this process end when it is about to write there."""

    def look(_number: int, write: str) -> None:
        if text in write:
            os.kill(os.getpid(), signal.SIGKILL)

    watch(folder, look)


if __name__ == "__main__":
    kill_before(Path(sys.argv[1]), sys.argv[2])
    sys.argv = ["laurel", *sys.argv[3:]]
    main()
