"""The commands of stages: their output is streamed line by line, and kept for when they fail."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dvc.stage.exceptions import StageCmdFailedError

from laurel.errors import LaurelError, StoreFault

TAIL = 5
"""Lines of output in the error: as many as an error has room for."""
TRY_AGAIN = os.EX_TEMPFAIL
"""The exit code by which a command says that the same again may succeed."""


class Commands:
    """Runs commands in place of DVC, and remembers the failure of one as :attr:`failure`."""

    def __init__(self, echo: Callable[[str], object], *, logs: Path) -> None:
        self._echo = echo
        self._logs = logs
        self.failure: LaurelError | None = None

    def run(self, _shell: str, command: str, *, env: Mapping[str, str], **options: Any) -> None:
        """Run one command of a stage; raises DVC's error, which ends the reproduction."""
        stage = env["DVC_STAGE"]
        log = self._logs / f"{re.sub(r'[^A-Za-z0-9_.@-]', '_', stage)}.log"
        self._echo(f"stage {stage}: {command}")
        code, tail = self._stream(command, log, env=env, cwd=options["cwd"])
        if code:
            self.failure = _failure(stage, code=code, tail=tail, log=log)
            raise StageCmdFailedError(command, code)

    def _stream(
        self, command: str, log: Path, *, env: Mapping[str, str], cwd: str
    ) -> tuple[int, list[str]]:
        log.parent.mkdir(parents=True, exist_ok=True)
        tail: deque[str] = deque(maxlen=TAIL)
        # A group of its own, so that what the shell started can be ended with it.
        with (
            log.open("w") as writing,
            subprocess.Popen(  # noqa: S603  a stage's command is a line for the shell
                ["/bin/sh", "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
                env=env,
                cwd=cwd,
            ) as child,
        ):
            try:
                for line in child.stdout or ():
                    writing.write(line)
                    if line.strip():
                        tail.append(line.rstrip())
                    self._echo(line.rstrip("\n"))
                return child.wait(), list(tail)
            finally:
                _end(child)


def _end(child: subprocess.Popen[str]) -> None:
    """End a command whose task was stopped; does nothing to one that is done."""
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)


def _failure(stage: str, *, code: int, tail: list[str], log: Path) -> LaurelError:
    kind = StoreFault if code == TRY_AGAIN else LaurelError
    if code < 0:
        reason = f"was killed by signal {-code}" + (": out of memory?" if code == -9 else "")
    else:
        reason = f"failed with exit code {code}"
    return kind(
        f"the stage {stage} {reason}", found="\n".join(tail) or "no output", detail=str(log)
    )
