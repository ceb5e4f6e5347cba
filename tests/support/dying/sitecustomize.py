"""Ends the process that serves stages where a test asks, by ``DYING_AT``: ``WHOM:PATH``.

Before the first write below PATH of its workspace the process is killed that writes, and with
``all`` the one that started the serving is killed before. Any other interpreter is left alone.
"""

import os
import signal
import sys
from typing import Any

_WHOM, _, _PATH = os.environ.get("DYING_AT", "").partition(":")
_STARTED_BY = os.getppid()
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _hook(event: str, args: tuple[Any, ...]) -> None:
    writes = event in ("os.mkdir", "os.rename") or (
        event == "open" and isinstance(args[2], int) and bool(args[2] & _WRITING)
    )
    if writes and any(_PATH in str(path) for path in args[:2]):
        if _WHOM == "all":
            os.kill(_STARTED_BY, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


if _PATH and "laurel.cli.serving" in sys.orig_argv:
    sys.addaudithook(_hook)
