"""A use case with one large partition, as CSV or Parquet: ``large.py FOLDER GIGABYTES FORMAT``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import duckdb

DAY = "2024-03-01"
BYTES_A_ROW = {"csv": 87.0, "parquet": 44.7}
"""As measured, to make a file of about the size that is asked for."""
USECASE = """\
name: large
title: One large partition
owner: benchmarks
start: 2024-03-01
end: 2024-03-01
source:
  kind: files
  path: "{folder}/source/{{date:%Y-%m-%d}}.{format}"
datasets:
  events:
    role: rows
    time: at
    key: [event_id]
    suite: large.events
    columns:
      event_id: {{type: string, description: Key}}
      at: {{type: timestamp, description: When it was}}
      shop: {{type: string, description: One of eight}}
      device: {{type: string, nullable: true, description: A text of twelve letters}}
      amount: {{type: float64, description: Money}}
      weight: {{type: float64, nullable: true, description: Kilograms}}
      items: {{type: int64, description: Pieces}}
      member: {{type: int64, description: Number of a member}}
  returns:
    role: labels
    time: arrived
    key: [event_id]
    suite: large.returns
    columns:
      event_id: {{type: string, description: Key}}
      arrived: {{type: timestamp, description: When it became known}}
      returned: {{type: float64, nullable: true, description: Whether it came back}}
label: {{column: returned}}
training:
  schedule: "0 0 * * 1"
  start: 2024-03-01
  train_days: 1
  validation_days: 1
  holdout_days: 1
  suite: large.frame
gate: {{}}
scoring: {{suite: large.predictions}}
"""
ROWS = """
SELECT
  printf('%d-%09d', (hash(i) % 90 + 10)::INT, i) AS event_id,
  TIMESTAMPTZ '2024-03-01 00:00:00Z' + to_microseconds((hash(i + 7) % 86399999999)::BIGINT) AS at,
  'shop ' || (hash(i + 1) % 8)::VARCHAR AS shop,
  CASE WHEN hash(i + 2) % 50 = 0 THEN NULL ELSE substr(md5(i::VARCHAR), 1, 12) END AS device,
  round((hash(i + 3) % 1000000) / 7919.0, 4) AS amount,
  CASE WHEN hash(i + 4) % 20 = 0 THEN NULL
    ELSE round((hash(i + 5) % 100000) / 977.0, 5) END AS weight,
  (hash(i + 6) % 9 + 1)::BIGINT AS items,
  (hash(i + 8) % 5000000)::BIGINT AS member
FROM range({count}) AS numbers(i)
"""


def main(folder: Path, gigabytes: float, form: str) -> None:
    """Write the use case, its suite and its source; prints how many rows and bytes those are."""
    usecase, suites = folder / "usecases" / "large", folder / "expectations" / "large"
    source = folder / "source"
    for place in (usecase, suites, source):
        place.mkdir(parents=True, exist_ok=True)
    (usecase / "usecase.yaml").write_text(USECASE.format(folder=folder, format=form))
    (usecase / "features.py").write_text('"""None are computed."""\n')
    (suites / "events.json").write_text(json.dumps(_suite(), indent=2))
    file = source / f"{DAY}.{form}"
    count = int(gigabytes * 1e9 / BYTES_A_ROW[form])
    how = "HEADER, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%fZ'" if form == "csv" else "FORMAT parquet"
    connection = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(folder)})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"COPY ({ROWS.format(count=count)}) TO '{file}' ({how})")
    print(json.dumps({"rows": count, "bytes": file.stat().st_size, "file": str(file)}))


def _suite() -> dict[str, Any]:
    said: list[tuple[str, dict[str, Any]]] = [
        ("expect_table_row_count_to_be_between", {"min_value": 1}),
        ("expect_column_values_to_not_be_null", {"column": "event_id"}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["event_id", "at"]}),
        ("expect_column_values_to_be_unique", {"column": "event_id"}),
        (
            "expect_column_values_to_be_in_set",
            {"column": "shop", "value_set": [f"shop {number}" for number in range(8)]},
        ),
        (
            "expect_column_values_to_match_regex",
            {"column": "event_id", "regex": "^[0-9]{2}-[0-9]{9}$"},
        ),
        (
            "expect_column_values_to_be_between",
            {"column": "amount", "min_value": 0, "max_value": 200},
        ),
        ("expect_column_values_to_not_be_null", {"column": "weight", "mostly": 0.9}),
        (
            "expect_column_values_to_be_between",
            {"column": "items", "min_value": 1, "max_value": 9},
        ),
        (
            "expect_column_mean_to_be_between",
            {"column": "amount", "min_value": 50, "max_value": 80},
        ),
    ]
    expectations = [
        {"type": kind, "kwargs": kwargs, "severity": "critical", "meta": {}}
        for kind, kwargs in said
    ]
    return {"name": "large.events", "expectations": expectations, "meta": {}}


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
