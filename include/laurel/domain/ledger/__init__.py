"""The ledger of a use case: what was decided about which model, and who is champion when.

The champion is a fold over the entries, never a pointer that can be overwritten:

1. Only entries with ``effective_from <= t`` count, so nothing decided for later changes ``t``.
2. Of several decisions for the same as_of only the newest counts: it superseded the others.
3. The newest rollback beats every entry written before it. So a rollback that reaches back past a
   promotion undoes that promotion, too.
4. A promotion written after that rollback beats it, if it takes effect no earlier. So a training
   that was under way when a person rolled back cannot undo what the person did.
5. Of several promotions that are left the one written last wins: decisions are made in the order
   of as_of, so it knows most, even where the decision lag was changed between them.
"""

from __future__ import annotations

from laurel.domain.ledger.entry import (
    CROWNING,
    DECIDING,
    TIME_OUT,
    Concluded,
    Event,
    LedgerEntry,
    Probation,
    Question,
)
from laurel.domain.ledger.order import Ruling, conclude, decide, settled, waiting_for
from laurel.domain.ledger.person import approve, decline, decline_model, roll_back, time_out
from laurel.domain.ledger.state import LedgerReducer, LedgerState, Reign, sameness
from laurel.domain.ledger.ticks import due_as_of, intervals_before, ticks

__all__ = [
    "CROWNING",
    "DECIDING",
    "TIME_OUT",
    "Concluded",
    "Event",
    "LedgerEntry",
    "LedgerReducer",
    "LedgerState",
    "Probation",
    "Question",
    "Reign",
    "Ruling",
    "approve",
    "conclude",
    "decide",
    "decline",
    "decline_model",
    "due_as_of",
    "intervals_before",
    "roll_back",
    "sameness",
    "settled",
    "ticks",
    "time_out",
    "waiting_for",
]
