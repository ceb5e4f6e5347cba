"""Trainings that race, run out of disk and memory and are killed, in forks of one interpreter.

    python -m support.killing_train FOLDER AS_OF

FOLDER holds a home with everything published. What each try ended with, which stages it ran and of
which it took the outputs of an equal run, is printed as a line of JSON.
"""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from laurel.adapters.records import find_bundle
from laurel.domain.bundle import bundle_prefix
from laurel.domain.canonical import parse_instant
from laurel.domain.stagefile import dvc_yaml
from laurel.errors import LaurelError
from laurel.runs.train import train
from support.killing import in_child, say, watch
from support.runs import NAME, Home, open_home

SITE = Path(__file__).parent / "dying"
"""What lets the process that serves stages die."""
FILE_SIZES = (4, 64)
"""KiB that a file may have where the disk counts as full: before any stage, and in the first."""
WRITES = ("/dvc/files/", "/dvc/runs/", ".html", "bundle.json")
"""Of the store, in the order in which a training writes them."""
OUT_OF_MEMORY = "train"
"""The stage whose process alone is killed, as the kernel does it."""


def main(folder: Path, as_of: datetime) -> None:
    """Race two trainings in a copy of the home; then kill and repeat one in another copy."""
    raced, killed = copied(folder, folder / "raced"), copied(folder, folder / "killed")
    racing = [begun(lambda: trained(raced, as_of)) for _ in range(2)]
    say({"name": "raced", "tries": list(map(ended, racing)), "bundles": bundles(raced, as_of)})
    for kib in FILE_SIZES:
        say(attempt(killed, as_of, f"{kib} KiB", first=lambda kib=kib: limit_files(kib)))
    for verb, out in outputs(killed).items():
        if verb == OUT_OF_MEMORY:
            say(attempt(killed, as_of, "out of memory", dying=f"one:{out}"))
        say(attempt(killed, as_of, verb, dying=f"all:{out}"))
    for part in WRITES:
        say(attempt(killed, as_of, part, first=lambda part=part: die_at(killed, part)))
    say({"name": "before the bundle", "bundles": bundles(killed, as_of)})
    say(attempt(killed, as_of, "undisturbed"))
    say(attempt(killed, as_of, "repeated"))
    say({"name": "after all", "bundles": bundles(killed, as_of)})
    elsewhere = copied(killed.folder, folder / "elsewhere")
    for run in bundles(killed, as_of):
        prefix = bundle_prefix(NAME, "train", run)
        shutil.rmtree(elsewhere.folder / "store" / prefix)
    say(attempt(elsewhere, as_of, "another machine"))


def copied(source: Path, folder: Path) -> Home:
    """A home with the same store and use case, and an empty cache."""
    shutil.copytree(source / "cases", folder / "cases")
    shutil.copytree(source / "store", folder / "store")
    return open_home(folder, fresh=False)


def outputs(home: Home) -> dict[str, str]:
    """The first output of each stage, by its verb, in their order."""
    stages = yaml.safe_load(dvc_yaml([home.usecase]))["stages"]
    return {
        name.removeprefix(f"{NAME}_"): (stage.get("outs") or stage["metrics"])[0]
        for name, stage in stages.items()
    }


def attempt(
    home: Home,
    as_of: datetime,
    name: str,
    *,
    first: Callable[[], object] = lambda: None,
    dying: str = "",
) -> dict[str, Any]:
    """Train in a fork after doing ``first``: how it ended, and what ran."""
    log = home.folder / f"{re.sub(r'[^a-z0-9]', '-', name.lower())}.log"

    def work() -> dict[str, Any]:
        handler = logging.FileHandler(log)
        logger = logging.getLogger("laurel.adapters.dvc.workspace")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        if dying:
            path = home.environ["PYTHONPATH"]
            place = {"PYTHONPATH": f"{SITE}{os.pathsep}{path}", "DYING_AT": dying}
            return trained(replace(home, environ={**home.environ, **place}), as_of)
        first()
        return trained(home, as_of)

    code, found = in_child(work)
    lines = log.read_text().splitlines() if log.exists() else []
    return {
        "name": name,
        "code": code,
        "ran": [m[1] for line in lines if (m := re.match(rf"stage {NAME}_(\w+): laurel", line))],
        "taken": [m[1] for line in lines if (m := re.match(rf"stage {NAME}_(\w+): the out", line))],
        **(found or {}),
    }


def trained(home: Home, as_of: datetime) -> dict[str, Any]:
    """A training, or the error that it ended with."""
    os.environ.update(home.environ)
    try:
        made = train(home.site, home.usecase, as_of=as_of)
    except LaurelError as error:
        kind = type(error).__name__
        return {"error": {"kind": kind, "retry": error.retryable, "text": str(error)}}
    return {"run": made.run, "bundle": made.bundle, "repeated": made.repeated}


def begun(work: Callable[[], object]) -> tuple[int, int]:
    """Start it in a fork; the child, and where what it gives can be read."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, json.dumps(work()).encode())
        finally:
            sys.stderr.flush()
            os._exit(0)
    os.close(writing)
    return child, reading


def ended(started: tuple[int, int]) -> Any:
    """What a fork gave, once it has ended."""
    child, reading = started
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    return json.loads(data)


def bundles(home: Home, as_of: datetime) -> dict[str, Any]:
    """The outputs of each training of an as_of, by its run."""
    store = home.folder / "store"
    files = sorted(store.glob(f"{Path(bundle_prefix(NAME, 'train', 'x')).parent}/*/bundle.json"))
    found = [find_bundle(home.site.store, NAME, "train", file.parent.name) for file in files]
    return {made.id: dict(made.outputs) for made in found if made and made.as_of == as_of}


def limit_files(kib: int) -> None:
    """Let this process and those it starts write files of that size at most."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (kib << 10, kib << 10))


def die_at(home: Home, part: str) -> None:
    """Kill this process before its first write to such a place in the store."""

    def end(_number: int, write: str) -> None:
        if part in write:
            os.kill(os.getpid(), signal.SIGKILL)

    watch(home.folder / "store", end)


if __name__ == "__main__":
    main(Path(sys.argv[1]), parse_instant(sys.argv[2]))
