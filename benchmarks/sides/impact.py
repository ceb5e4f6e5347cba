"""What rests on a revision, found among generated records: seconds, first and again.

Usage: ``python benchmarks/sides/impact.py [--days 3650] [--trainings 500]``; the store is that of
``LAUREL_STORE``, which should be a new one: the records stay in it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from laurel.adapters.records.uses import find_uses
from laurel.adapters.store import open_store
from laurel.domain.canonical import canonical_json, digest
from laurel.domain.catalog import CatalogState
from laurel.domain.impact import trace
from laurel.domain.ledger import LedgerState
from laurel.settings import load_settings

FIRST = date(2014, 1, 1)
NAME, HISTORY, WINDOW, TRAILING = "generated", 28, 365, 28
DATASETS = ("labels", "rows", "weather")
TEXT = {f"include/file_{number}.py": "x = 1\n" * 500 for number in range(30)}


def main() -> None:
    """Write the records, then ask twice; prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=3650)
    parser.add_argument("--trainings", type=int, default=500)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings()
        chosen = settings.store
        store = open_store(settings)
        documents = list(records(asked.days, asked.trainings))
        started = perf_counter()
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda each: write(store, each), documents))
        print(f"wrote {len(documents):,} bundles in {perf_counter() - started:.1f} s", flush=True)
        seconds, found = zip(*(ask(store, Path(folder), asked.days) for _ in range(2)), strict=True)
        said = {
            "store": chosen.split(":")[0],
            "bundles": len(documents),
            "touched": found[0],
            "first_seconds": round(seconds[0], 2),
            "again_seconds": round(seconds[1], 2),
        }
        print(json.dumps(said))


def ask(store: Any, memory: Path, days: int) -> tuple[float, int]:
    """Seconds and items for the revision of a partition in the middle."""
    started = perf_counter()
    uses = find_uses(store, NAME, rows="rows", memory=memory)
    found = trace(
        uses,
        dataset="labels",
        wanted={day(days // 2): (1,)},
        ledger=LedgerState(),
        predictions=CatalogState(),
    )
    return perf_counter() - started, len(found)


def write(store: Any, document: dict[str, Any]) -> None:
    """Write a bundle, and what lies beside it in a real store."""
    prefix = f"runs/{NAME}/{document['kind']}/{document['id']}"
    store.create(f"{prefix}/bundle.json", canonical_json(document))
    store.create(f"{prefix}/validation.html", b"<html></html>")
    store.create(f"{prefix}/observed/000001.json", b"{}")


def records(days: int, trainings: int) -> Any:
    """Bundles of trainings, scorings and reports, each naming what it would have read."""
    model: str | None = None
    step = max(1, (days - WINDOW) // trainings)
    for place in range(days):
        if place >= WINDOW and (place - WINDOW) % step == 0:
            yield training(place, champion=model)
            model = f"{NAME}-{place}"
        yield scoring(place, model)
        yield report(place, model)


def training(place: int, *, champion: str | None) -> dict[str, Any]:
    """A training over a year, with the texts that a real bundle holds."""
    read = {
        name: [
            {"partition": day(each), "revision": 1, "content_hash": digest([name, each])}
            for each in range(place - WINDOW, place)
        ]
        for name in DATASETS
    }
    return {
        "id": digest(["train", place])[:16],
        "kind": "train",
        "as_of": f"{day(place)}T00:00:00Z",
        "model_version": f"{NAME}-{place}",
        "inputs": {"champion": champion, "datasets": read},
        "files": TEXT,
    }


def scoring(place: int, model: str | None) -> dict[str, Any]:
    """A scoring that looks back on some weeks."""
    past = {name: lines(place - HISTORY, place) for name in DATASETS}
    return {
        "id": digest(["score", place])[:16],
        "kind": "score",
        "partitions": [day(place)],
        "model_version": model,
        "inputs": {"rows": lines(place, place + 1)[0], "past": past},
    }


def report(place: int, model: str | None) -> dict[str, Any]:
    """A report over the trailing weeks."""
    read = {name: lines(place - TRAILING, place + 1) for name in (*DATASETS, "predictions")}
    return {
        "id": digest(["monitor", place])[:16],
        "kind": "monitor",
        "partitions": [day(place)],
        "model_version": model,
        "inputs": {"read": read, "quarantine": []},
    }


def lines(first: int, end: int) -> list[list[Any]]:
    """Partitions at their first revision."""
    return [[day(each), 1, digest(each)] for each in range(max(first, 0), end)]


def day(place: int) -> str:
    """The key of a partition."""
    return (FIRST + timedelta(days=place)).isoformat()


if __name__ == "__main__":
    main()
