"""One process for all ``laurel stage`` commands of a run: its imports are paid for once.

A stage by itself spends seconds on starting an interpreter and importing pandas, XGBoost and Great
Expectations, six times in a training. Here they are run one after the other in a child that stays,
each as the command line would run it. The child is a process of its own, so its memory is given
back when the run ends, and the kernel that kills it leaves a parent that can say so.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

MARK = "\x1elaurel stage ended with "
"""Begins the line by which the child says that it is ready for the next stage."""
_SERVED = ("laurel", "stage")
_SERVER = "laurel.cli.serving"


def stage_words(command: str) -> list[str] | None:
    """The words after ``laurel stage`` of a command that is nothing else; ``None`` for others.

    >>> stage_words("laurel stage train flights")
    ['train', 'flights']
    >>> stage_words("laurel stage train flights | tee log") is stage_words("cat a > b") is None
    True
    """
    if any(sign in command for sign in "|&;<>()$`\\\"'*?[]#~=%\n"):
        return None
    words = shlex.split(command)
    return words[2:] if tuple(words[:2]) == _SERVED else None


def listened(
    command: Sequence[str], *, stdin: int, env: Mapping[str, str], cwd: str | None
) -> subprocess.Popen[str]:
    """Start a command whose output is heard line by line.

    It has a group of its own, so that what it starts can be ended with it.
    """
    return subprocess.Popen(  # noqa: S603  this interpreter, or a stage's line for the shell
        command,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        env=env,
        cwd=cwd,
    )


def stage_environment(cache: Path) -> dict[str, str]:
    """For stages: the commands of this interpreter first, output line by line, the cache."""
    here = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", os.defpath)
    return {
        "PATH": f"{here}{os.pathsep}{path}",
        "PYTHONUNBUFFERED": "1",
        "LAUREL_CACHE": str(cache),
        # they are cleared whole, which costs more than most arrays of a stage live
        "NUMPY_MADVISE_HUGEPAGE": "0",
    }


def begin_stages(cache: Path) -> WarmProcess:
    """Start a process that will run stages, which imports what they need meanwhile.

    It is a context, and ends with it.
    """
    warm = WarmProcess()
    warm.begin(env={**os.environ, **stage_environment(cache)})
    return warm


class WarmProcess:
    """The child that runs the stages of one reproduction; not to be shared by threads."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None
        self._begun = False
        self.peak_bytes: int | None = None
        """The most memory that a child had that has ended."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, *, env: Mapping[str, str], cwd: str | None = None) -> None:
        """Start the child, if there is none, and do not wait for it: it imports meanwhile."""
        if self._child is None:
            command = (sys.executable, "-P", "-m", _SERVER, MARK)
            self._child = listened(command, stdin=subprocess.PIPE, env=env, cwd=cwd)
            self._begun = False

    def start(self, *, env: Mapping[str, str], cwd: str) -> bool:
        """Have a child that answers; false where it cannot run stages.

        The code of an older commit, as a reproduction lays it, knows no such process.
        """
        self.begin(env=env, cwd=cwd)
        if not self._begun:
            self._begun = self._answer(lambda _line: None) == 0
        return self._begun

    def run(self, words: Sequence[str], *, cwd: str, heard: Callable[[str], object]) -> int:
        """Run one stage, each line that it prints going to ``heard``; returns its exit code.

        Below zero is the signal that ended the child, and with it the run.
        """
        child = self._child
        assert child is not None and child.stdin is not None  # noqa: S101, PT018 - it was started
        with suppress(BrokenPipeError):  # what has ended it is told by its code
            child.stdin.write(json.dumps({"words": list(words), "cwd": cwd}) + "\n")
            child.stdin.flush()
        return self._answer(heard)

    def close(self) -> None:
        """End the child and what it started, whatever it is doing."""
        child, self._child = self._child, None
        if child is not None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            self._reap(child)
            for pipe in (child.stdin, child.stdout):
                with suppress(BrokenPipeError):
                    pipe and pipe.close()

    def _answer(self, heard: Callable[[str], object]) -> int:
        """Pass on what is printed until the child says how the stage ended, or ends itself."""
        child = self._child
        assert child is not None and child.stdout is not None  # noqa: S101, PT018 - it was started
        for line in child.stdout:
            printed, marked, code = line.partition(MARK)
            if printed:
                heard(printed if marked else line)
            if marked:
                return int(code)
        code_of_child = self._reap(child)
        self.close()
        return code_of_child or os.EX_SOFTWARE

    def _reap(self, child: subprocess.Popen[str]) -> int:
        """Wait for the child by hand, to learn of its memory."""
        if child.returncode is None:
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            self.peak_bytes = usage.ru_maxrss * 1024
        return child.returncode
