"""What a failed stage said, told as the error that it was; its whole output kept in the store."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from laurel.adapters.store import Store
from laurel.domain.bundle import bundle_prefix
from laurel.errors import LaurelError

ERROR = "error: "
"""How a stage begins to say its error."""
_PARTS = ("where", "found", "expected", "detail", "hint")
_LABEL = re.compile(r" *(\w+): *(.*)")
_INDENT = 12


def kept_failure(
    store: Store, error: LaurelError, *, usecase: str, run: str, data: Path
) -> LaurelError:
    """The error of a stage, its output and the Data Docs moved out of the passing workspace."""
    prefix = bundle_prefix(usecase, "train", run)
    docs, output = data / "validation.html", _output(error)
    if docs.is_file():
        store.create(f"{prefix}/validation.html", docs.read_bytes())
    if not output:
        return told_failure(error, usecase=usecase, detail=None)
    key = f"{prefix}/failed/{hashlib.sha256(output).hexdigest()[:16]}.log"
    store.create(key, output)
    return told_failure(error, usecase=usecase, detail=key)


def told_failure(error: LaurelError, *, usecase: str, detail: str | None) -> LaurelError:
    """The error of a stage in the stage's own words, where it said any."""
    said = read_error(_output(error).decode(errors="replace"))
    where = dict(re.findall(r"(dataset|partition) ([\w-]+)", said.get("where", "")))
    return type(error)(
        f"{error.fact}: {said['fact']}" if said else error.fact,
        usecase=usecase,
        dataset=where.get("dataset"),
        partition=where.get("partition"),
        found=said.get("found") if said else error.found,
        expected=said.get("expected") or error.expected,
        hint=said.get("hint") or error.hint,
        detail=detail,
    )


def read_error(output: str) -> dict[str, str]:
    """The last error that an output says, by its parts; nothing where there is none.

    >>> read_error("reading\\nerror: it failed\\n  found:    a\\n            b\\nhint: look")
    {'fact': 'it failed', 'found': 'a\\nb', 'hint': 'look'}
    """
    _, marker, text = f"\n{output}".rpartition(f"\n{ERROR}")
    if not marker:
        return {}
    fact, *lines = text.splitlines()
    parts, last = {"fact": fact}, ""
    for line in lines:
        label = _LABEL.match(line)
        if line.startswith(" " * _INDENT) and last:
            parts[last] += f"\n{line.strip()}"
        elif label and label[1] in _PARTS:
            last = label[1]
            parts[last] = label[2]
        else:
            break
    return parts


def _output(error: LaurelError) -> bytes:
    """What the stage printed: the file that its error names."""
    log = Path(error.detail or "")
    return log.read_bytes() if log.suffix == ".log" and log.is_file() else b""
