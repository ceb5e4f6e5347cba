"""A stored card or decision with what the ledger says of it at the moment it is looked at."""

from __future__ import annotations

import re

from laurel.adapters.records import Ledger
from laurel.adapters.store import Store
from laurel.domain.standing import standing
from laurel.pages.card import with_standing

CARD = re.compile(r"runs/([a-z][a-z0-9_]*)/train/([0-9a-f]{8,64})/(?:card|decision)\.html")


def with_ledger(store: Store, key: str, data: bytes) -> bytes:
    """A page; in a model card or a decision, what the ledger says takes the place of where to ask.

    One of a run that the ledger does not name stays as it is.
    """
    found = CARD.fullmatch(key)
    if found is None:
        return data
    usecase, run = found.groups()
    state = Ledger(store, usecase).read()
    versions = [e.model_version for e in state.history if e.run == run and e.model_version]
    if not versions:
        return data
    return with_standing(data.decode(), standing(state, versions[0])).encode()
