"""A use case with as many rows and features as wanted, and a training of it under a memory limit.

Run by itself: ``python -m support.bulk FOLDER ENGINE MEGABYTES [CGROUP]`` runs the training
stages over a window laid by :func:`lay_bulk` and says how its memory grew on the way.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from laurel.adapters.documents import write_json
from laurel.adapters.tables import write_table
from laurel.domain.canonical import instant, parse_instant
from laurel.domain.config import UseCaseConfig
from laurel.domain.partition import Partition
from laurel.domain.window import TrainingWindow, plan
from laurel.usecase import UseCase
from support.memory_limit import MB, cgroup, join, status, take_at_most

AS_OF = parse_instant("2024-03-01")
ROOT = Path(__file__).resolve().parents[2]
CODE = """
import numpy as np
import pandas as pd

def featurize(rows, context):
    base = rows[["a", "b", "c"]].to_numpy("float32")
    turn = np.arange(3 * {features}, dtype="float32").reshape(3, -1) % 7 - 3
    values = base @ turn + np.sin(base[:, :1] * np.arange(1, {features} + 1, dtype="float32"))
    return pd.DataFrame(values, index=rows.index, columns=[f"f{{n}}" for n in range({features})])
"""


def bulk_usecase(folder: Path, *, days: int, features: int, rounds: int = 4) -> UseCase:
    """The use case, with so many train days, one of validation and one of hold-out."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "features.py").write_text(CODE.format(features=features))
    number = {"type": "float64"}
    key = {"id": {"type": "int64"}}
    document = {
        "name": "bulk",
        "title": "Many rows",
        "owner": "tests",
        "start": "2023-01-01",
        "datasets": {
            "events": {
                "role": "rows", "time": "at", "key": ["id"], "suite": "bulk.raw",
                "columns": {**key, "at": {"type": "timestamp"}, "a": number, "b": number,
                            "c": number},
            },
            "outcomes": {
                "role": "labels", "time": "came", "key": ["id"], "suite": "bulk.labels",
                "columns": {**key, "came": {"type": "timestamp"}, "y": number},
            },
        },
        "label": {"column": "y"},
        "training": {
            "schedule": "0 0 * * 1", "start": "2023-01-01", "suite": "bulk.frame",
            "train_days": days, "validation_days": 1, "holdout_days": 1,
            "model": {"params": {"max_depth": 4, "eta": 0.3}, "rounds": rounds},
        },
        "gate": {"resamples": 100},
        "scoring": {"suite": "bulk.predictions"},
    }  # fmt: skip
    return UseCase(folder=folder, config=UseCaseConfig.model_validate(document))


def lay_bulk(usecase: UseCase, folder: Path, *, rows: int) -> TrainingWindow:
    """Lay a window with so many rows on each day; one label in fifty comes a day late."""
    window = plan(usecase.config, AS_OF)
    data = folder / "data" / usecase.name
    lines: dict[str, list[dict[str, Any]]] = {"events": [], "outcomes": []}
    late = pd.DataFrame()
    for number, event in enumerate(window.partitions("rows")):
        drawn = np.random.default_rng(number)
        values = pd.DataFrame(drawn.normal(size=(rows, 3)), columns=["a", "b", "c"])
        first = {"id": np.arange(rows) + number * rows}
        at = pd.Series(pd.Timestamp(event.start), index=range(rows)).astype("datetime64[us, UTC]")
        table = pd.DataFrame({**first, "at": at}).join(values)
        noise = drawn.normal(size=rows)
        y = (values["a"] + 0.5 * values["b"] * values["c"] + noise > 0).astype("float64")
        came = at + pd.Timedelta(days=1)
        outcomes = pd.DataFrame({**first, "came": came, "y": y})
        own = outcomes["id"] % 50 != 0
        lines["events"].append(_lay(table, data, "events", event))
        arrived = pd.concat([outcomes[own], late], ignore_index=True)
        lines["outcomes"].append(_lay(arrived, data, "outcomes", event.shifted(1)))
        late = outcomes[~own]
    write_json({**window.document(), "datasets": lines}, data / "window.json")
    write_json({"model_version": None}, data / "inputs" / "champion" / "champion.json")
    return window


def _lay(frame: pd.DataFrame, data: Path, name: str, partition: Partition) -> dict[str, Any]:
    file = data / "inputs" / name / f"{partition.key}.parquet"
    facts = write_table(frame, file)
    md5 = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    return {
        "partition": partition.key,
        "revision": 1,
        "known_at": instant(partition.end),
        "md5": md5,
        "rows": facts.rows,
    }


@dataclass(frozen=True)
class Ran:
    """How a training under a limit ended."""

    code: int
    said: dict[str, Any]
    """Megabytes taken at most, by stage, of the stages that ended."""
    text: str


def run_limited(usecase: UseCase, folder: Path, *, engine: dict[str, Any], megabytes: int) -> Ran:
    """Train in a process that may take so much more than it has after its imports."""
    config = usecase.config
    training = config.training.model_dump(mode="json") | {"engine": engine}
    document = config.document() | {"training": training}
    (folder / "usecase.json").write_text(json.dumps(document))
    with cgroup(megabytes * MB) as group:
        command = [sys.executable, "-m", "support.bulk", str(folder), str(usecase.folder)]
        done = subprocess.run(
            [*command, str(megabytes), *([str(group)] if group else [])],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    said = {key: value for line in lines for key, value in line.items()}
    return Ran(done.returncode, said, done.stderr)


def main(folder: Path, source: Path, megabytes: int, group: str | None = None) -> None:
    """Run the stages and print after each how much memory it took at most."""
    from laurel.adapters.engine.fitting import fit_with  # noqa: F401 - imported before the limit
    from laurel.stages.assemble import assemble
    from laurel.stages.evaluate import evaluate
    from laurel.stages.featurize import featurize
    from laurel.stages.train import train

    config = UseCaseConfig.model_validate_json((folder / "usecase.json").read_text())
    usecase = UseCase(folder=source, config=config)
    begun = status("VmRSS")
    if group:
        join(Path(group))
    else:
        take_at_most(megabytes * MB)
    print(json.dumps({"limit": "cgroup" if group else "data"}), flush=True)  # noqa: T201
    for stage in (assemble, featurize, train, evaluate):
        Path("/proc/self/clear_refs").write_text("5")
        stage(usecase, folder)
        print(json.dumps({stage.__name__: (status("VmHWM") - begun) // MB}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
