"""Run by itself: read a source to its end, and say how its memory grew on the way."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from laurel.adapters.sources import Connection
from laurel.settings import load_settings
from support.feeds import DAYS, Known, opened


def peak() -> float:
    """The most memory so far, in MB."""
    # not of getrusage, whose peak begins with that of the process that started this one
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main(folder: Path, source: Mapping[str, Any], connection: Mapping[str, Any] | None) -> None:
    """Print the rows, the peak before the first of them, and the peak at the end."""
    known = Known({"dwh": Connection(**connection)}) if connection else None
    settings = load_settings({"LAUREL_HOME": str(folder / "home")})
    reader = opened(folder / "usecase", source, settings, known)
    begun = peak()
    rows = sum(len(batch.rows) for batch in reader.read(DAYS[:1]))
    print(json.dumps({"rows": rows, "begun": begun, "end": peak()}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), *json.loads(sys.argv[2]))
