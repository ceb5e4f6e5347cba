"""A reducer simple enough to see through: how many entries, their sum, and the last tag."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from laurel.domain.journal import Entry, Head


@dataclass(frozen=True)
class Tally:
    """The state: number of entries, sum of their amounts, tag of the last one."""

    count: int = 0
    total: int = 0
    last: str = ""


class Counting:
    """Folds bodies ``{"amount": int, "tag": str}``."""

    def initial(self) -> Tally:
        return Tally()

    def apply(self, state: Tally, entry: Entry) -> Tally:
        amount, tag = entry.body["amount"], entry.body["tag"]
        return replace(state, count=state.count + 1, total=state.total + amount, last=tag)

    def dump(self, state: Tally) -> Any:
        return {"count": state.count, "total": state.total, "last": state.last}

    def load(self, value: Any) -> Tally:
        return Tally(**value)


def says(amount: int, tag: str = "") -> Any:
    """A decision that always appends the same, whatever the head."""
    return lambda _: {"amount": amount, "tag": tag}


def witness(tag: str) -> Any:
    """A decision that writes down the head it was shown, so that a race can be judged after."""

    def decide(head: Head[Tally]) -> dict[str, Any]:
        shown = {"number": head.number, "digest": head.digest, "total": head.state.total}
        return {"amount": head.state.count + 1, "tag": tag, "shown": shown}

    return decide
