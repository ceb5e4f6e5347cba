"""A hold-out, measured and judged by the real gate, and the window it came from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from laurel.domain.config import Gate
from laurel.domain.evidence import Evidence, measure
from laurel.domain.gate import judge
from laurel.domain.objective import OBJECTIVES

POLICY = {
    "thresholds": [
        {"kind": "at_least", "metric": "auc", "value": 0.65},
        {"kind": "at_most", "metric": "log_loss", "value": 0.6},
        {"kind": "not_worse", "metric": "auc", "margin": 0.01},
    ],
    "slices": ["origin"],
    "refresh_after_days": 0,
    "minimum_rows": 200,
    "resamples": 100,
}


def make_evidence(
    *, champion: str | None = "flights-20130601-3fa9c1", skill: float = 1.0, origin: str = "LGA"
) -> Evidence:
    """Evidence on 3,000 hold-out rows; ``skill`` is how well the challenger does."""
    rng = np.random.default_rng(11)
    rows = 3_000
    signal = rng.normal(size=rows)
    label = (rng.random(rows) < 1 / (1 + np.exp(1.2 - 1.1 * signal))).astype(int)
    scores = pd.DataFrame(
        {
            "label": label,
            "challenger": _score(skill * signal + rng.normal(0, 0.3, rows)),
            "champion": _score(signal + rng.normal(0, 0.6, rows)) if champion else None,
            "compared": rng.random(rows) < 0.9,
            "constant": np.full(rows, 0.3),
            "simple": _score(signal + rng.normal(0, 0.9, rows)),
            "origin": rng.choice(["EWR", "JFK", origin], rows, p=[0.55, 0.4, 0.05]),
        }
    )
    facts = {
        "usecase": "flights",
        "as_of": "2013-07-01T00:00:00Z",
        "holdout": ("2013-06-23", "2013-06-29"),
        "champion": champion,
        "trimmed": int((~scores["compared"]).sum()),
        "reload_identical": True,
    }
    return measure(scores, make_policy(), objective=OBJECTIVES["binary"], seed=7, facts=facts)


def make_policy() -> Gate:
    """The policy of these tests."""
    return Gate.model_validate(POLICY)


def make_documents(evidence: Evidence) -> dict[str, Any]:
    """What :func:`laurel.pages.decision.render_decision` is given."""
    line = {"revision": 1, "known_at": "2013-06-30T00:00:00Z", "md5": "0" * 32}
    lines = [
        {**line, "partition": f"2013-06-{day:02}", "content_hash": f"{day:064}", "rows": 900}
        for day in range(1, 30)
    ]
    days = {
        "history": None,
        "train": ["2013-04-10", "2013-06-15"],
        "validation": ["2013-06-16", "2013-06-22"],
        "holdout": ["2013-06-23", "2013-06-29"],
    }
    return {
        "verdict": judge(evidence, make_policy()).document(),
        "evidence": evidence.document(),
        "window": {
            "usecase": "flights",
            "as_of": "2013-07-01T00:00:00Z",
            "days": days,
            "datasets": {"flights": lines, "labels": lines},
        },
        "model_version": "flights-20130701-8be21c",
        "run": "8be21c" + "0" * 58,
    }


def _score(signal: Any) -> Any:
    return 1 / (1 + np.exp(1.2 - 1.1 * signal))
