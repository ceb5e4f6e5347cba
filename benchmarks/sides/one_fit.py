"""Fits of one frame in a process that waits for its start, so that several begin together.

    python -m sides.one_fit WORKSPACE USECASE FITS [shared]

The process fits with as many threads as the slots of the pool leave it. With ``shared`` these sleep
where they wait for each other, as in a stage; without, they spin, as OpenMP has it. It says
``ready``, waits for a line on standard input, fits, and says how many seconds it took.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter

from laurel.settings import load_settings, share_cores
from laurel.usecase import get_usecase


def main(folder: Path, name: str, fits: int, *, shared: bool) -> None:
    """Load the frame, wait, and fit."""
    settings = load_settings()
    if shared:
        share_cores(settings)
    from laurel.adapters.frames import FramePart
    from laurel.adapters.xgboost import fit
    from laurel.domain.objective import find_objective

    config = get_usecase(name, settings).config
    parts = [FramePart(folder / "data" / name, part, config) for part in ("train", "validation")]
    train, validation = (part.whole() for part in parts)
    print("ready", flush=True)
    sys.stdin.readline()
    started = perf_counter()
    for _ in range(fits):
        fit(
            train,
            validation,
            config.training.model,
            objective=find_objective(config.label),
            threads=settings.share,
        )
    print(perf_counter() - started, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), shared="shared" in sys.argv)
