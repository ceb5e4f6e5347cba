"""Crown a champion in the configured home, and lay what a day is scored from in plain folders."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from laurel.adapters.tables import table_rows
from laurel.domain.canonical import parse_instant
from laurel.domain.partition import Partition
from laurel.errors import Refused
from laurel.runs.decide import decide
from laurel.runs.inputs import choose_inputs, lay_model, load_given
from laurel.runs.site import Site, open_site
from laurel.runs.train import train
from laurel.usecase import UseCase, get_usecase
from sides.plain import lay_plan


def main(plain: Path, name: str, *, as_of: str, day: Partition) -> None:
    """Train unless that was done, decide, and write the plain folder, last its ``facts.json``."""
    site = open_site()
    usecase = get_usecase(name, site.settings)
    trained = train(site, usecase, as_of=parse_instant(as_of))
    entry = decide(site, usecase, run=trained.run).entry
    if entry.event != "promoted":
        raise Refused(
            "the gate stayed closed, so there is no champion to score with",
            usecase=name,
            found="\n".join(entry.reasons),
        )
    facts = {"rows": lay_scoring(site, usecase, day, plain)}
    (plain / "facts.json").write_text(json.dumps(facts))


def lay_scoring(site: Site, usecase: UseCase, day: Partition, folder: Path) -> int:
    """Place what the day is scored from, and the champion; returns the rows of the day."""
    inputs = choose_inputs(site, usecase, partition=day)
    given = load_given(site, usecase, inputs=inputs, folder=folder)
    lay_model(site, usecase, entry=inputs.champion, folder=folder / "model")
    lay_plan(usecase, folder, days={"score": [day.key, day.key]})
    return table_rows(given.file)


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        sys.argv[2],
        as_of=sys.argv[3],
        day=Partition.of(sys.argv[4]),
    )
