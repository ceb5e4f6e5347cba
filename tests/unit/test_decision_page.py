"""The page of a decision: both models' curves, costs, gaps, and what changed since the champion."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import auc, precision_score, recall_score, roc_curve

from laurel.domain.config import Gate
from laurel.domain.decision_curves import decision_curves
from laurel.domain.evidence import Evidence, measure
from laurel.domain.gate import judge
from laurel.domain.objective import OBJECTIVES, Objective
from laurel.domain.since_champion import since_champion
from laurel.pages.decision import render_decision

ROWS = 1_200
CLASSES = ("bus", "car", "train")
HOSTILE = "<script>alert(1)</script>"
POLICIES: dict[str, dict[str, Any]] = {
    "binary": {
        "thresholds": [
            {"kind": "at_least", "metric": "auc", "value": 0.6},
            {"kind": "gap_at_most", "metric": "auc", "column": "hour", "value": 0.5},
        ],
        "cost": {
            "kind": "outcomes",
            "false_positive": 1,
            "false_negative": 4,
            "at": 0.2,
            "unit": HOSTILE,
        },
    },
    "multiclass": {
        "thresholds": [{"kind": "at_most", "metric": "log_loss", "value": 1.2}],
        "cost": {
            "kind": "matrix",
            "costs": {
                "bus": {"car": 1, "train": 2},
                "car": {"bus": 3, "train": 1},
                "train": {"bus": 1, "car": 1},
            },
        },
    },
    "regression": {
        "thresholds": [{"kind": "at_most", "metric": "rmse", "value": 20}],
        "cost": {"kind": "units", "under": 2, "over": 1},
    },
}


def table(objective: Objective) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    signal = rng.normal(size=ROWS)
    rows: dict[str, Any] = {
        "compared": rng.random(ROWS) < 0.9,
        "hour": rng.choice(["day", "night"], ROWS),
    }
    noise = {"challenger": 0.3, "champion": 0.8, "simple": 1.2, "constant": 0.0}
    if objective.classes:
        rows["label"] = np.argmax(signal[:, None] * [1, -1, 0] + rng.gumbel(size=(ROWS, 3)), axis=1)
    elif objective.probabilities:
        rows["label"] = (rng.random(ROWS) < 1 / (1 + np.exp(1 - signal))).astype(int)
    else:
        rows["label"] = 50 + 10 * signal + rng.normal(0, 3, ROWS)
    for model, spread in noise.items():
        said = signal + rng.normal(0, spread, ROWS) if spread else np.zeros(ROWS)
        rows |= objective.columns(scores(objective, said), objective.names(model))
    return pd.DataFrame(rows)


def scores(objective: Objective, said: Any) -> Any:
    if objective.classes:
        odds = np.exp(said[:, None] * [1, -1, 0] + [0, 0, 0.8])
        return odds / odds.sum(axis=1, keepdims=True)
    return 1 / (1 + np.exp(1 - said)) if objective.probabilities else 50 + 10 * said


def made(name: str, *, champion: str | None = "toy-1") -> tuple[pd.DataFrame, Evidence, Gate]:
    objective = replace(
        OBJECTIVES[name], classes=CLASSES if name == "multiclass" else OBJECTIVES[name].classes
    )
    policy = Gate.model_validate(
        {**POLICIES[name], "protected": ["hour"], "minimum_rows": 100, "resamples": 100}
    )
    rows = table(objective)
    facts = {
        "usecase": "toy",
        "as_of": "2024-02-12T00:00:00Z",
        "holdout": ("2024-02-04", "2024-02-10"),
        "champion": champion,
        "trimmed": int((~rows["compared"]).sum()),
        "reload_identical": True,
    }
    threshold = 0.2 if name == "binary" else None
    evidence = measure(rows, policy, objective=objective, seed=7, threshold=threshold, facts=facts)
    return rows, evidence, policy


def changes() -> dict[str, Any]:
    def training(number: int) -> dict[str, Any]:
        lines = [
            {"partition": f"2024-01-{day:02}", "rows": 80, "revision": 1, "md5": f"{day}"}
            for day in range(number, 20)
        ]
        if number > 1:
            lines[3] = {**lines[3], "revision": 2, "md5": "corrected"}
        days = {"train": [f"2024-01-{number:02}", "2024-01-18"]}
        return {
            "model_version": f"toy-{number}",
            "as_of": "2024-02-12T00:00:00Z",
            "window": {"days": days},
            "inputs": {"datasets": {"visits": lines}},
            "parameters": {"rounds": 60 * number, "note": HOSTILE * (number > 1)},
            "rows": {"train": 1000, "train_labels": {"positive": 250 + number}},
        }

    return since_champion(training(1), training(2))


def page(name: str, **words: Any) -> str:
    rows, evidence, policy = made(name, **words)
    return render_decision(
        verdict=judge(evidence, policy).document(),
        evidence=evidence.document(),
        window={"days": {}, "datasets": {}},
        model_version="toy-2",
        run="1a2b3c4d5e6f7081",
        curves=decision_curves(rows, evidence),
        since=changes() if words.get("champion", "toy-1") else None,
    )


def test_both_models_are_drawn_on_the_rows_that_compare_them() -> None:
    rows, evidence, _ = made("binary")
    found = decision_curves(rows, evidence)
    compared = rows[rows["compared"]]

    assert found["rows"] == len(compared) == evidence.overall.compared_rows
    assert list(found["models"]) == ["challenger", "champion"]
    for model, curves in found["models"].items():
        false, true, _ = roc_curve(compared["label"], compared[model])
        ours = np.array(curves["roc"])
        assert len(ours) <= 82
        assert auc(ours[:, 0], ours[:, 1]) == pytest.approx(auc(false, true), abs=0.01)
        at = dict(map(tuple, curves["cost"]))[0.2]
        assert at == pytest.approx(
            getattr(
                evidence.overall.champion["cost"],
                "challenger" if model == "challenger" else "reference",
            ),
            abs=1e-6,
        )


def test_classes_are_found_and_rightly_found_as_another_library_counts() -> None:
    rows, evidence, _ = made("multiclass")
    compared = rows[rows["compared"]]
    lines = decision_curves(rows, evidence)["models"]["champion"]["classes"]
    decided = compared[[f"champion_{name}" for name in CLASSES]].to_numpy().argmax(axis=1)

    for kind, score in (("recall", recall_score), ("precision", precision_score)):
        expected = score(compared["label"], decided, average=None)
        assert [line[kind] for line in lines] == pytest.approx(expected, abs=1e-6)


def test_the_share_of_rows_within_an_error_is_counted() -> None:
    rows, evidence, _ = made("regression")
    compared = rows[rows["compared"]]
    errors = np.abs(compared["label"] - compared["challenger"])
    curve = decision_curves(rows, evidence)["models"]["challenger"]["errors"]

    assert curve[0] == [0.0, 0.0]
    for error, share in curve[1:]:
        assert share == pytest.approx((errors <= error + 1e-6).mean(), abs=1e-5)


@pytest.mark.parametrize("name", POLICIES)
def test_a_page_needs_nothing_else_and_escapes_everything(name: str) -> None:
    said = page(name)

    assert "<script" not in said
    assert not re.search(r"""(src|href)=["'](https?:)?//""", said)
    assert "url(" not in said
    for title in ("What decisions cost", "Curves of both models", "Gaps between groups"):
        assert title in said
    assert "&lt;script&gt;alert(1)" in said
    for drawing in re.findall(r"<svg.*?</svg>", said, flags=re.DOTALL):
        ElementTree.fromstring(drawing)  # noqa: S314 - our own
        assert "aria-label" in drawing or "aria-hidden" in drawing


def test_costs_are_told_in_sums_over_the_same_rows() -> None:
    _, evidence, _ = made("regression")
    compared = evidence.overall.champion["cost"]
    rows = evidence.overall.compared_rows
    assert compared.challenger is not None
    assert compared.reference is not None

    said = page("regression")

    assert f"Over {rows:,} rows the challenger&#39;s decisions cost" in said
    assert f"{compared.challenger * rows:,.0f}" in said
    assert f"{compared.reference * rows:,.0f}" in said


def test_what_changed_since_the_champion_is_told() -> None:
    said = page("binary")

    assert "What changed since the champion" in said
    assert "2024-01-05" in said, "the partition that was restated in between"
    assert "positive 251 (25.10%)" in said
    assert "positive 252 (25.20%)" in said
    assert "<th>rounds</th>" in said


def test_without_a_champion_one_model_is_drawn_and_nothing_has_changed() -> None:
    said = page("binary", champion=None)

    assert "There is no champion to compare with" in said
    assert 'class="model challenger"' in said
    assert 'class="model champion"' not in said
    assert "What changed since the champion" not in said
