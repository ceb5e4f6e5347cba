"""A process that decides a year of weekly trainings: ``python -m support.decider STORE SEED``.

It takes as_ofs in an order of its own, comes back to those that were not their turn, as a cleared
or waiting task does, and decides each by what the ledger says then: so a kill at any moment, or
another process that does the same, must change nothing.
"""

from __future__ import annotations

import os
import random
import sys
from datetime import timedelta

from laurel.adapters.records import Ledger
from laurel.adapters.store import open_store
from laurel.domain.canonical import digest
from laurel.domain.ledger import LedgerEntry, ticks
from laurel.errors import Contention, Pending, Refused
from laurel.settings import load_settings
from support.records import day

WEEKS = list(ticks("0 0 * * 1", start=day(0), end=day(365)))
LAG = timedelta(days=1)


def proposal(ledger: Ledger, number: int) -> LedgerEntry:
    """What the training of that week says: who it meets is part of it; two of three pass."""
    as_of = WEEKS[number]
    state = ledger.read()
    if number and state.decision(WEEKS[number - 1]) is None:
        raise Pending("earlier training runs are unfinished", found=f"week {number - 1}")
    champion = state.champion_before(as_of, t=as_of + LAG)
    met = champion.model_version if champion else None
    run = digest({"as_of": as_of, "champion": met})[:16]
    promoted = int(run, 16) % 3 != 0
    return LedgerEntry(
        event="promoted" if promoted else "rejected",
        model_version=f"flights-{as_of:%Y%m%d}-{run[:8]}",
        bundle=digest(run),
        run=run,
        as_of=as_of,
        effective_from=as_of + LAG,
        decided_at=as_of + LAG,
        decided_by="gate",
        reasons=(f"met {met}",),
        policy="policy",
        verdict="promote" if promoted else "reject",
        inputs=run,
    )


def decide_year(ledger: Ledger, order: list[int]) -> None:
    """Decide every week, again and again where it is not its turn, until all are decided."""
    waiting = list(order)
    while waiting:
        left = []
        for number in waiting:
            try:
                ledger.decide(proposal(ledger, number))
            except (Pending, Contention):
                left.append(number)
            except Refused:
                # a later week is decided: so is this one, by who came before
                assert ledger.read().decision(WEEKS[number]) is not None
        waiting = left


def main(url: str, seed: str) -> None:
    order = list(range(len(WEEKS)))
    random.Random(int(seed)).shuffle(order)  # noqa: S311
    store = open_store(load_settings({**os.environ, "LAUREL_STORE": url}))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    decide_year(Ledger(store, "flights"), order)


if __name__ == "__main__":
    main(*sys.argv[1:])
