"""The page of a search for parameters: its trials, what mattered, where the best one lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from laurel.domain.trial import Trial
from laurel.pages.page import templates


def render_tuning(
    *,
    search: Mapping[str, Any],
    best: Mapping[str, Any],
    trials: Sequence[Trial],
    model_version: str,
    run: str,
) -> str:
    """The page as HTML that needs nothing else: no script, no fetch."""
    template = templates().get_template("tuning.html")
    return template.render(
        search=search, best=best, trials=trials, model_version=model_version, run=run
    )
