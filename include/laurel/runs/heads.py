"""Where journals stand, for an entry of another one to note."""

from __future__ import annotations

from typing import Any, Protocol

from laurel.domain.journal import Head


class Headed(Protocol):
    """A journal of records."""

    prefix: str

    def head(self) -> Head[Any]:
        """Number and digest of its last entry."""
        ...


def noted_heads(*journals: Headed) -> dict[str, tuple[int, str]]:
    """Number and digest of each journal's last entry, by its prefix; nothing of an empty one."""
    heads = {journal.prefix: journal.head() for journal in journals}
    return {prefix: (head.number, head.digest) for prefix, head in heads.items() if head.number}
