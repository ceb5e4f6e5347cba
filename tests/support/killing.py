"""``kill -9`` at each write of an ingest, in forks of one interpreter that has everything loaded.

    python -m support.killing FOLDER PART PARTS

The writes are those that Python announces to audit hooks, below the home of the run: files opened
for writing, made, renamed, linked, removed, folders made and removed. Killed is before each, so
what stands between two of them is seen too. What each child left, and what a repeat made of it, is
printed as a line of JSON; of several parts each kills at every so manieth write.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from laurel.adapters.quarantine import Held, list_quarantine
from laurel.domain.catalog import sameness
from laurel.errors import ValidationFailed
from laurel.runs.site import Site
from support.runs import Home, open_home

DATASET = "visits"
BEFORE, GOOD, BAD = "2024-02-27", "2024-02-28", "2024-02-29"
"""The first day is published before anything is killed. The last is refused by its suite, so that a
run writes to the catalog and to quarantine."""
_CHANGES = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod"}
_MOVES = {"os.rename", "os.link"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def prepare(folder: Path) -> Home:
    """A home in which a day was published before, and a source that lies about the last day."""
    home = open_home(folder)
    home.ingest(DATASET, BEFORE, BEFORE)
    lies = home.source(DATASET, BAD).assign(amount=5000.0)
    lies.to_parquet(home.override(DATASET, BAD))
    return home


def ingest(home: Home) -> None:
    """Both days, which ends in quarantine for one of them."""
    with suppress(ValidationFailed):
        home.ingest(DATASET, GOOD, BAD)


def facts(home: Home) -> dict[str, Any]:
    """What a repeat must find equal: contents, bytes, directory objects, what is refused."""
    site = home.site
    state = site.catalog(home.usecase, DATASET).audit().state
    held = list_quarantine(site.store, home.usecase.name)
    revisions = [revision for each in state.revisions.values() for revision in each]
    return {
        "content": sameness(state),
        "md5": sorted(revision.md5 for revision in revisions),
        "tree": state.tree,
        "held": sorted(f"{one.key} {dict(one.files)}" for one in held),
        "broken": broken(site, [revision.md5 for revision in revisions], state.tree, held),
    }


def broken(
    site: Site, md5s: Sequence[str], tree: str | None, held: Sequence[Held] = ()
) -> list[str]:
    """Objects that records name and that are not there whole, and objects that are half there."""
    named = {*md5s, *([tree] if tree else [])}
    named |= {ref.md5 for one in held for ref in one.files.values()}
    if tree:
        named |= set(site.plane.names(tree).values())
    found = [f"{md5} is missing" for md5 in site.plane.missing(named)]
    roots = (site.settings.cache, Path(site.settings.store.removeprefix("file://")) / "dvc")
    for path in (path for root in roots for path in root.glob("files/md5/*/*")):
        name = (path.parent.name + path.name).removesuffix(".dir")
        if len(name) == 32 and hashlib.md5(path.read_bytes()).hexdigest() != name:  # noqa: S324
            found.append(f"{path} is half written")
    return found


def watch(root: Path, on_write: Callable[[int, str], None]) -> None:
    """Call before each write below ``root``, with its number; cannot be undone in a process."""
    count = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal count
        if event == "open":
            writes = isinstance(args[2], int) and bool(args[2] & _WRITING)
        elif event == "os.mkdir":
            writes = not os.path.isdir(args[0])  # noqa: PTH112 - no object is made for each event
        else:
            writes = event in _CHANGES
        if writes and any(str(root) in str(path) for path in args[:2]):
            count += 1
            on_write(count, f"{event} {args[1] if event in _MOVES else args[0]}")

    sys.addaudithook(hook)


def in_child(work: Callable[[], object]) -> tuple[int, Any]:
    """Do it in a fork; its exit code, and what it gave, through a pipe."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with suppress(BrokenPipeError):
                data = json.dumps(work()).encode()
                while data:
                    data = data[os.write(writing, data) :]
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, json.loads(data) if data else None


def count_writes(home: Home) -> list[str]:
    """The writes of an ingest, in their order."""
    seen: list[str] = []
    watch(home.folder, lambda _number, write: seen.append(write))
    ingest(home)
    return seen


def killed_at(number: int, home: Home) -> None:
    """An ingest that does not reach its write of that number."""

    def end(count: int, _write: str) -> None:
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    watch(home.folder, end)
    ingest(home)


def repeat(home: Home) -> dict[str, Any]:
    """What the killed run left, and what a repeat makes of it."""
    left = facts(home)
    ingest(home)
    return {"left": left, "after": facts(home)}


def main(folder: Path, part: int, parts: int) -> None:
    """Print a line for the undisturbed run, then one for each write of a part."""
    template = folder / "template"
    _, _ = in_child(lambda: prepare(template) and None)
    undisturbed = copied(template, folder / "undisturbed")
    _, writes = in_child(lambda: count_writes(undisturbed))
    _, expected = in_child(lambda: facts(undisturbed))
    say({"expected": expected, "writes": writes})
    for number in range(1 + part, len(writes) + 1, parts):
        home = copied(template, folder / "killed")
        code, _ = in_child(lambda number=number, home=home: killed_at(number, home))
        _, found = in_child(lambda home=home: repeat(home))
        say({"number": number, "write": writes[number - 1], "code": code, **(found or {})})


def say(line: dict[str, Any]) -> None:
    """A line of JSON for the test that started this."""
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


def copied(template: Path, folder: Path) -> Home:
    """A copy of a whole home, in place of the copy before it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder)
    return open_home(folder, fresh=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
