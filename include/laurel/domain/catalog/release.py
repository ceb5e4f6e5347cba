"""A release: a person lets a refused partition through, and says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """Who let a refused partition through, and what had been found wrong with it.

    >>> Release("ann", "a real blizzard", quarantine="9f86", failures="d081").document()["by"]
    'ann'
    """

    by: str
    reason: str
    quarantine: str
    """The id of what was held."""
    failures: str
    """The digest of the reasons for which it was refused."""

    def document(self) -> dict[str, str]:
        """Plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def read(cls, value: Mapping[str, str] | None) -> Release | None:
        """Read what :meth:`document` wrote, of an entry that may have none."""
        return cls(**value) if value else None
