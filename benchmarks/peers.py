"""Rivals that cannot be installed beside Laurel: an environment made once, from its own lock."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from processes import BIN, ROOT, ProcessFailed

LOCK = ROOT / "locks" / "peers.lock"
FOLDER = ROOT / "benchmarks" / "peers" / ".venv"
"""Ignored by git, and kept from one run to the next."""


def peers_python() -> Path:
    """The interpreter of Evidently and NannyML; installs them where the lock is another one.

    Raises :class:`ProcessFailed` with what uv said.
    """
    made, python = FOLDER / "made-from", FOLDER / "bin" / "python"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if made.is_file() and made.read_text() == digest:
        return python
    _uv("venv", "--clear", "--python", sys.executable, FOLDER)
    _uv("pip", "sync", "--python", python, "--require-hashes", "--compile-bytecode", LOCK)
    made.write_text(digest)
    return python


def _uv(*words: str | Path) -> None:
    environ = {"UV_HTTP_TIMEOUT": "300", "UV_SYSTEM_CERTS": "true", **os.environ}
    command = [str(BIN / "uv"), *map(str, words)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-8:])
        raise ProcessFailed(f"the peers' environment could not be made:\n{tail}")
