"""What a run of ingest did, in words and as references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Ingested:
    """What a run of ingest did."""

    usecase: str
    dataset: str
    run: str
    published: tuple[str, ...] = ()
    unchanged: int = 0
    """Partitions whose content was the published one, or whose source had not changed."""
    warnings: tuple[str, ...] = ()
    restated: tuple[str, ...] = ()
    """Those of the published that had a revision before."""
    split: Mapping[str, int] = field(default_factory=dict)
    """Rows that were split off, by partition."""

    def __bool__(self) -> bool:
        return bool(self.published)

    def sentence(self) -> str:
        """What happened, in a sentence."""
        if not self.run:
            return f"{self.dataset} begins later: there is nothing to publish yet"
        names = _span(self.published)
        said = f"published {len(self.published)} partition(s) of {self.dataset}{names}"
        if self.unchanged:
            said += f"; {self.unchanged} unchanged"
        if self.warnings:
            said += f"; warnings in {len(self.warnings)}"
        if self.split:
            said += f"; split off {sum(self.split.values())} row(s) of {len(self.split)}"
        if self.restated:
            said += (
                f"; restated {len(self.restated)}: what used the revisions before is said by "
                f"laurel impact {self.usecase} {self.dataset} {self.restated[0]}"
            )
        return said

    def reference(self) -> dict[str, Any]:
        """References for XCom and the asset event."""
        return {
            "run": self.run,
            "dataset": self.dataset,
            "published": len(self.published),
            "first": self.published[0] if self.published else None,
            "last": self.published[-1] if self.published else None,
            "unchanged": self.unchanged,
            "warnings": len(self.warnings),
            "restated": len(self.restated),
            "split": sum(self.split.values()),
        }


def _span(keys: tuple[str, ...]) -> str:
    if not keys:
        return ""
    return f" ({keys[0]})" if len(keys) == 1 else f" ({keys[0]} to {keys[-1]})"
