"""The commands of stages: their output is streamed line by line, and kept for when they fail."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any, Self

from dvc.stage.exceptions import StageCmdFailedError

from laurel.adapters.warm import WarmProcess, listened, stage_words
from laurel.errors import MORE_MEMORY, NO_MEMORY, TRY_AGAIN, LaurelError, OutOfMemory, StoreFault

_LOG = logging.getLogger(__name__)
TAIL = 5
"""Lines of output in the error: as many as an error has room for."""
KINDS = {TRY_AGAIN: StoreFault, NO_MEMORY: OutOfMemory}
"""What a command says of its failure by its exit code."""
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""How the kernel ends what takes too much memory; the second as the shell tells it."""


class Commands:
    """Runs commands in place of DVC, and remembers the failure of one as :attr:`failure`.

    With ``warm`` a command that is a ``laurel stage`` runs in that process, with those before it.
    ``meanwhile`` is called in a thread while a command runs that is not the first, ``around``
    before and after each.
    """

    def __init__(
        self,
        echo: Callable[[str], object],
        *,
        logs: Path,
        warm: WarmProcess | None = None,
        meanwhile: Callable[[], object] | None = None,
        around: Callable[[], object] = lambda: None,
    ) -> None:
        self._echo = echo
        self._logs = logs
        self._warm = warm
        self._meanwhile = meanwhile
        self._around = around
        self._beside: Thread | None = None
        self._begun = 0
        self.failure: LaurelError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._warm:
            self._warm.close()
        if self._beside:
            self._beside.join()

    def run(self, _shell: str, command: str, *, env: Mapping[str, str], **options: Any) -> None:
        """Run one command of a stage; raises DVC's error, which ends the reproduction."""
        stage = env["DVC_STAGE"]
        log = self._logs / f"{re.sub(r'[^A-Za-z0-9_.@-]', '_', stage)}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        self._echo(f"stage {stage}: {command}")
        self._work_beside()
        self._around()
        with log.open("w") as writing:
            heard = _Heard(self._echo, writing)
            code = self._run(command, heard.line, env=env, cwd=options["cwd"])
        self._around()
        if code:
            peak = self._warm.peak_bytes if self._warm else None
            self.failure = _failure(stage, code=code, tail=list(heard.tail), log=log, peak=peak)
            raise StageCmdFailedError(command, code)

    def _work_beside(self) -> None:
        self._begun += 1
        busy = self._beside is not None and self._beside.is_alive()
        if self._meanwhile and self._begun > 1 and not busy:
            self._beside = Thread(target=_logged, args=(self._meanwhile,), daemon=True)
            self._beside.start()

    def _run(
        self, command: str, heard: Callable[[str], None], *, env: Mapping[str, str], cwd: str
    ) -> int:
        words = stage_words(command)
        if self._warm and words and self._warm.start(env=env, cwd=cwd):
            return self._warm.run(words, cwd=cwd, heard=heard)
        return _run_in_shell(command, heard, env=env, cwd=cwd)


def _logged(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:
        # whatever it is: it is only done ahead of time, and told by who needs it done
        _LOG.info("work beside the stages of a run failed", exc_info=True)


class _Heard:
    """What a command printed: passed on, kept in a file, and the end of it at hand."""

    def __init__(self, echo: Callable[[str], object], writing: IO[str]) -> None:
        self._echo, self._writing = echo, writing
        self.tail: deque[str] = deque(maxlen=TAIL)

    def line(self, line: str) -> None:
        self._writing.write(line)
        if line.strip():
            self.tail.append(line.rstrip())
        self._echo(line.rstrip("\n"))


def _run_in_shell(
    command: str, heard: Callable[[str], None], *, env: Mapping[str, str], cwd: str
) -> int:
    shell = ("/bin/sh", "-c", command)
    with listened(shell, stdin=subprocess.DEVNULL, env=env, cwd=cwd) as child:
        try:
            for line in child.stdout or ():
                heard(line)
            return child.wait()
        finally:
            _end(child)


def _end(child: subprocess.Popen[str]) -> None:
    """End a command whose task was stopped; does nothing to one that is done."""
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)


def _failure(stage: str, *, code: int, tail: list[str], log: Path, peak: int | None) -> LaurelError:
    if code in KILLED:
        return OutOfMemory(
            f"the stage {stage} was killed by signal 9: out of memory?",
            found="\n".join([*([f"peak memory {peak >> 20:,} MiB"] if peak else []), *tail]),
            hint=MORE_MEMORY,
            detail=str(log),
        )
    kind = KINDS.get(code, LaurelError)
    reason = f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"
    return kind(
        f"the stage {stage} {reason}", found="\n".join(tail) or "no output", detail=str(log)
    )
