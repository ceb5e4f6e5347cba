"""The drift part of a report by Laurel: two files in, the drift of every column out as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow.parquet import read_table

from laurel.domain.config import Monitoring
from laurel.domain.correlation import changes
from laurel.domain.drift import compare
from laurel.domain.profile import bin_counts, build_profile


def _read(file: Path) -> pd.DataFrame:
    return read_table(file, use_threads=False).to_pandas(use_threads=False)


def main(folder: Path, target: Path) -> None:
    """Profile the first file, count the second over it, compare; the reference is read too."""
    then, now = (_read(folder / f"{name}.parquet") for name in ("then", "now"))
    profile = build_profile(then, np.full(len(then), 0.5))
    counts = bin_counts(profile, now, np.full(len(now), 0.5))
    drifts = compare(profile, counts, monitoring=Monitoring())
    said = {
        "rows": profile["rows"] + counts["rows"],
        "features": {drift.name: asdict(drift) for drift in drifts},
        "correlations": [asdict(c) for c in changes(profile["together"], counts["together"])],
    }
    target.write_text(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
