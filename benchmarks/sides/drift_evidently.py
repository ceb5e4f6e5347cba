"""The drift of every column by Evidently's ``DataDriftPreset``; run by the peers' interpreter."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

TEXT = ["carrier", "tailnum", "origin", "dest"]


def main(folder: Path, target: Path) -> None:
    """Run the preset over both files and write what it says."""
    then, now = (pd.read_parquet(folder / f"{name}.parquet") for name in ("then", "now"))
    numbers = [name for name in then.columns if name not in TEXT]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=TEXT)
    data = [Dataset.from_pandas(each, data_definition=definition) for each in (now, then)]
    found = Report([DataDriftPreset()]).run(*data)
    target.write_text(json.dumps(found.dict(), default=str))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
