"""Tasks forked from a warm parent: everything is loaded, and everything that has threads works."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

WORK = """
import json, os, sys, threading

from laurel_airflow.executor import WARM, warm_up

cold = sorted(name for name in WARM if name in sys.modules)
warm_up()
said = {
    "cold": cold,
    "lacking": sorted(name for name in WARM if name not in sys.modules),
    "threads": [thread.name for thread in threading.enumerate()],
    "children": [],
}
for _ in range(3):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        before = set(sys.modules)
        import laurel.runs.score
        loaded = len(set(sys.modules) - before)
        import duckdb, numpy, pyarrow as pa, pyarrow.parquet as pq, xgboost
        values = numpy.random.default_rng(7).normal(size=(20_000, 8)).astype("float32")
        label = (values @ numpy.arange(8, dtype="float32") > 0).astype(int)
        matrix = xgboost.QuantileDMatrix(values, label, nthread=2)
        booster = xgboost.train({"objective": "binary:logistic", "nthread": 2}, matrix, 5)
        scores = booster.inplace_predict(values)
        table = pa.table({"score": scores})
        pq.write_table(table, f"{sys.argv[1]}/{os.getpid()}.parquet")
        rows = duckdb.sql(f"select count(*) from '{sys.argv[1]}/{os.getpid()}.parquet'").fetchall()
        square = float((values.T @ values).trace())
        os.write(writing, json.dumps([loaded, rows[0][0], float(scores.sum()), square]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said["children"].append(json.loads(pipe.read()))
    assert os.waitpid(child, 0)[1] == 0
print(json.dumps(said))
"""


def test_a_task_of_a_warm_parent_loads_nothing_and_its_threads_work(tmp_path: object) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])

    assert said["cold"] == []
    assert said["lacking"] == []
    assert said["threads"] == ["MainThread"], "a parent with threads must not be forked"
    one, *others = said["children"]
    assert one[:2] == [0, 20_000]
    assert others == [one, one], "equal work gives equal bits in every child"
