"""The canary of a scoring: a challenger that answers a share of the keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.domain.challengers import canary_at
from laurel.domain.config import Canary
from laurel.domain.ledger import LedgerEntry, LedgerState
from laurel.errors import IntegrityError
from laurel.runs.site import Site
from laurel.usecase import UseCase


@dataclass(frozen=True)
class Answering:
    """A challenger that answers a share of the keys."""

    entry: LedgerEntry
    canary: Canary

    def document(self) -> dict[str, Any]:
        """Plain JSON values, as :func:`read_answering` reads them."""
        share = self.canary.model_dump(mode="json", include={"share", "by", "salt"})
        return {"challenger": self.entry.model_version, "bundle": self.entry.bundle, **share}


def read_answering(said: Mapping[str, Any] | None, ledger: LedgerState) -> Answering | None:
    """The canary that a scoring's bundle names, if one."""
    if said is None:
        return None
    entry = ledger.version(str(said["challenger"]))
    if entry is None:
        raise IntegrityError("the ledger does not know a canary", found=str(said["challenger"]))
    share = {name: said[name] for name in ("share", "by", "salt")}
    return Answering(entry, Canary(**share))


def canary_of(site: Site, usecase: UseCase, *, cutoff: datetime) -> Answering | None:
    """The challenger that answers a share of the keys at a score cutoff, if one does."""
    config = usecase.config
    asked = config.scoring.canary
    if asked is None:
        return None
    state = site.ledger(usecase).read()
    entry = canary_at(state, cutoff, lag=config.decision_lag, asked=asked)
    return None if entry is None else Answering(entry, asked)
