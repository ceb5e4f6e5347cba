"""Memory of reading two million rows, measured in a process of its own, against that of few."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from support.synthetic import write_toy

pytestmark = pytest.mark.slow

ROWS = 2_000_000
LINE = b"20240229-0001,2024-02-29T12:00:00Z,north,40.25,3," + b"spring" * 10 + b"\n"
HEAD = b"visit_id,at,shop,amount,items,coupon\n"
GROWTH = 180 * 2**20
"""Bytes that reading may take; Arrow takes 477 MB and more to read either file at once."""

READ = """
import sys
from pathlib import Path
from laurel.adapters.sources import open_source
from laurel.domain.partition import Partition
from laurel.settings import load_settings
from laurel.usecase import load_usecase

def read(day):
    source = open_source(usecase, "visits", settings=settings)
    batches = source.read([Partition.of(day)])
    return sum(len(batch.rows) for batch in batches)

def peak():
    # not of getrusage, whose peak begins with that of the process that started this one
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024

folder = Path(sys.argv[1])
usecase = load_usecase(folder)
settings = load_settings({"LAUREL_HOME": str(folder / "home")})
few = read("2024-02-28")
before = peak()
print(few, read("2024-02-29"), peak() - before)
"""


def usecase_of(folder: Path, source: str) -> Path:
    root, _ = write_toy(folder)
    file = next(root.rglob("usecase.yaml"))
    file.write_text(file.read_text().replace('  options: {rows_per_day: "80"}', source))
    return file.parent


def measured(usecase: Path) -> tuple[int, int, int]:
    """Rows of a small day and of the large one, and how much the peak grew."""
    command = [sys.executable, "-c", READ, str(usecase)]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    few, many, grown = map(int, found.stdout.split())
    return few, many, grown


def write_csv(path: Path, rows: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(HEAD)
        for _ in range(0, rows, 10_000):
            file.write(LINE * min(rows, 10_000))


def write_parquet(path: Path, rows: int) -> None:
    """In row groups of a million, as most write them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = pa.array(range(rows))
    long = pc.utf8_lpad(numbers.cast(pa.string()), width=100, padding="v")
    table = pa.table({"visit_id": long, "items": numbers, "amount": numbers})
    pq.write_table(table, path, row_group_size=1_000_000, use_dictionary=False)


@pytest.mark.parametrize("kind", ["csv.gz", "parquet"])
def test_two_million_rows_of_a_file_take_no_more_memory_than_a_batch(
    tmp_path: Path, kind: str
) -> None:
    usecase = usecase_of(tmp_path, f'  kind: files\n  path: "in/{{date:%Y-%m-%d}}.{kind}"')
    write = write_csv if kind == "csv.gz" else write_parquet
    write(usecase / "in" / f"2024-02-28.{kind}", 10_000)
    write(usecase / "in" / f"2024-02-29.{kind}", ROWS)

    few, many, grown = measured(usecase)

    assert (few, many) == (10_000, ROWS)
    assert grown < GROWTH, f"{grown / 2**20:.0f} MB"


def test_two_million_rows_of_a_generator_take_no_more_memory_than_a_part(tmp_path: Path) -> None:
    usecase = usecase_of(tmp_path, "  file: rows.py")
    (usecase / "rows.py").write_text(
        "import pandas as pd\n"
        "def fingerprint(dataset, options): return '1'\n"
        "def read(dataset, start, end, options):\n"
        f"    for _ in range(1 if start.day == 28 else {ROWS // 10_000}):\n"
        "        yield pd.DataFrame({'visit_id': ['x' * 40] * 10_000, 'items': range(10_000)})\n"
    )

    few, many, grown = measured(usecase)

    assert (few, many) == (10_000, ROWS)
    assert grown < GROWTH, f"{grown / 2**20:.0f} MB"
