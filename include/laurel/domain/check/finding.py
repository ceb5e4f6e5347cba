"""What a check of a partition says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from laurel.domain.config.check import Severity

Outcome = Literal["passed", "failed", "underpowered"]


@dataclass(frozen=True)
class Finding:
    """The result of one check, for one column where it is about columns.

    >>> Finding("volume", "warning", "passed", observed="812 rows", expected="600 to 1,000").failed
    False
    """

    kind: str
    severity: Severity
    outcome: Outcome
    observed: str
    expected: str
    column: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the promise was broken; too little to tell is no failure."""
        return self.outcome == "failed"

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "outcome": self.outcome,
            "column": self.column,
            "observed": self.observed,
            "expected": self.expected,
        }
