"""Publish: one partition into a dataset of 3,650 against one of 10, and against plain DVC."""

from __future__ import annotations

import json
import shutil
from itertools import count
from pathlib import Path

from bench import Bench
from pairs import Comparison, Sample, interleave, read_samples
from processes import BIN, python, run_process, with_our_modules

RUNS = 5
CONFIG = """\
[core]
    remote = store
    no_scm = true
    analytics = false
    check_update = false
    site_cache_dir = "{site}"
[cache]
    type = reflink,copy
['remote "store"']
    url = "{remote}"
"""


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """First by size in one warm process, then as whole processes against ``dvc add; dvc push``."""
    folder = bench.folder / "publish"
    shutil.rmtree(folder, ignore_errors=True)  # what was published before would be found again
    plain = folder / "plain" / "data"
    environ = with_our_modules(bench.environ(folder / "home"))
    log = bench.log("publish-warm")
    told = python("sides.publish_warm", folder / "files", str(runs), plain)
    run_process(told, environ=environ, log=log)
    found = json.loads(log.read_text().splitlines()[-1])
    by_size = Comparison("publish: in one warm process", read_samples(found["samples"]))
    return [by_size, _against_dvc(bench, runs, plain=plain, size=int(found["partitions"]))]


def _against_dvc(bench: Bench, runs: int, *, plain: Path, size: int) -> Comparison:
    folder = bench.folder / "publish"
    environ = with_our_modules(bench.environ(folder / "home"))
    numbers = count(size)
    init_dvc(bench, plain)

    def laurel() -> Sample:
        # the file that this run publishes is the one that the rival's next run adds
        told = python("sides.publish_one", str(next(numbers)), folder / "one")
        return run_process(told, environ=environ, log=bench.log("publish"))

    def dvc() -> Sample:
        (newest,) = (folder / "one").glob("*.parquet")
        newest.rename(plain / newest.name)
        return _add_and_push(bench, plain)

    sides = {"laurel, one process": laurel, "dvc add; dvc push": dvc}
    return Comparison(
        f"publish: whole processes, into {size:,}",
        interleave(sides, runs=runs),
        {"partitions": size},
    )


def init_dvc(bench: Bench, plain: Path) -> None:
    """A DVC repository that has the directory and a local remote already."""
    root = plain.parent
    (root / ".dvc" / "tmp").mkdir(parents=True)
    config = CONFIG.format(site=root / ".dvc" / "site", remote=root.parent / "remote")
    (root / ".dvc" / "config").write_text(config)
    _add_and_push(bench, plain)


def _add_and_push(bench: Bench, plain: Path) -> Sample:
    environ = bench.environ()
    told = ["sh", "-c", f"'{BIN}/dvc' add --quiet '{plain.name}' && '{BIN}/dvc' push --quiet"]
    return run_process(told, environ=environ, cwd=plain.parent, log=bench.log("dvc"))
