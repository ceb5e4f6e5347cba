"""Parts of a decision's page: costs, curves, gaps, and what changed since the champion."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from laurel.pages.decision_charts import Axes, both, groups
from laurel.pages.names import METRIC_NAMES
from laurel.pages.page import number, signed

Found = Mapping[str, Any]
PRICES = {"at": "decided positive from", "under": "a unit too low", "over": "a unit too high"}
SHOWN = 40
"""Changed parameters, or revised partitions of a dataset, that are named."""


def charts(curves: Found, evidence: Found) -> Iterator[dict[str, Any]]:
    """A chart for each kind of curve that the models have."""
    models: Found = curves.get("models", {})
    for name, axes, hint in _axes(evidence):
        lines = {model: found[name] for model, found in models.items() if name in found}
        if lines:
            yield {"title": axes.title, "hint": hint, "svg": both(lines, axes)}


def _axes(evidence: Found) -> Iterator[tuple[str, Axes, str]]:
    cost = evidence.get("cost") or {}
    at = cost.get("at") if isinstance(cost.get("at"), int | float) else None
    yield (
        "roc",
        Axes("ROC", "false positive rate", "true positive rate", diagonal=True, unit=True),
        "Further up and left is better; the dashed line is chance.",
    )
    yield (
        "precision_recall",
        Axes("Precision over recall", "recall", "precision", unit=True),
        "How many of the found are right, over how many are found.",
    )
    yield (
        "errors",
        Axes("Share of rows within an error", "absolute error", "share of rows"),
        "Further up and left is better; the largest 1 % of errors are not drawn.",
    )
    yield (
        "reliability",
        Axes("Observed over said", "said", "observed", diagonal=True),
        "On the dashed line what was said came true; bins of equally many rows, with 95% bounds.",
    )
    unit = f" in {cost['unit']}" if cost.get("unit") else ""
    yield (
        "cost",
        Axes(f"Cost of a row{unit} over the threshold", "threshold", "cost", mark=at),
        "Lower is better; the upright line is the threshold that is decided by.",
    )


def classes(curves: Found) -> list[dict[str, Any]]:
    """Recall and precision of each class, of both models."""
    models: Found = curves.get("models", {})
    ours = models.get("challenger", {}).get("classes", [])
    theirs = {line["class"]: line for line in models.get("champion", {}).get("classes", [])}
    return [
        {
            **line,
            "champion": theirs.get(line["class"], {"recall": None, "precision": None}),
        }
        for line in ours
    ]


def cost(evidence: Found) -> dict[str, Any] | None:
    """What decisions cost, in a sentence, and by which prices."""
    priced: Found | None = evidence.get("cost")
    measured = evidence["overall"]["metrics"].get("cost")
    if not priced or measured is None:
        return None
    unit = f" {priced['unit']}" if priced.get("unit") else ""
    compared = evidence["overall"]["champion"].get("cost")
    rows = evidence["overall"]["compared_rows"] if compared else evidence["overall"]["rows"]
    ours = compared["challenger"] if compared else measured["value"]
    said = f"Over {rows:,} rows the challenger's decisions cost {_money(ours, rows)}{unit}"
    if compared and compared["reference"] is not None:
        saved = None if compared["gain"] is None else compared["gain"] * rows
        word = "less" if (saved or 0) >= 0 else "more"
        said += f", the champion's {_money(compared['reference'], rows)}{unit}: "
        said += f"{number(abs(saved or 0), 0)}{unit} {word}"
    return {"sentence": f"{said}.", "prices": list(_prices(priced))}


def _money(per_row: float | None, rows: int) -> str:
    return "undefined" if per_row is None else number(per_row * rows, 0)


def _prices(priced: Found) -> Iterator[dict[str, str]]:
    for name, value in priced.items():
        if name in ("kind", "unit") or value in (None, "", "decision"):
            continue
        if isinstance(value, Mapping):
            for own, row in value.items():
                for said, price in row.items():
                    yield {"name": f"{own}, decided {said}", "value": number(price, 2)}
            continue
        word = PRICES.get(name, name.replace("_", " "))
        yield {"name": word, "value": value if isinstance(value, str) else number(value, 2)}


def gaps(evidence: Found, checks: Sequence[Found]) -> list[dict[str, Any]]:
    """Each gap between the groups of a protected column, those that are tested first."""
    found = [
        {
            **gap,
            "name": METRIC_NAMES.get(gap["metric"], gap["metric"]),
            "svg": groups(gap["groups"], low=gap["low"], high=gap["high"]),
            "said": ", ".join(_group(group) for group in gap["groups"]),
            "bounds": _bounds(gap),
            "check": _check_of(gap, checks),
        }
        for gap in evidence.get("gaps", ())
    ]
    return sorted(found, key=lambda gap: gap["check"] is None)


def _group(group: Found) -> str:
    return f"{group['value']} {number(group['found'])} ({group['rows']:,})"


def _bounds(gap: Found) -> str:
    bounds = [each for each in gap["bounds"].values() if each]
    return f"{number(bounds[-1][0])} to {number(bounds[-1][1])}" if bounds else ""


def _check_of(gap: Found, checks: Sequence[Found]) -> Found | None:
    where = f"groups of {gap['column']}"
    mine = (c for c in checks if c["slice"] == where and c["metric"] == gap["metric"])
    return next(mine, None)


def changes(since: Found) -> dict[str, Any]:
    """What changed since the champion, ready to be shown."""
    parameters = [
        {"name": line["name"], "values": [_text(value) for value in line["values"]]}
        for line in since["parameters"]
    ]
    return {
        **since,
        "days": [
            {"name": line["part"], "values": [_stretch(ends) for ends in line["values"]]}
            for line in since["days"]
        ],
        "datasets": [_dataset(each) for each in since["datasets"]],
        "labels": [
            {
                "name": line["part"],
                "rows": ["" if rows is None else f"{rows:,}" for rows in line["rows"]],
                "labels": [
                    _rate(labels, rows)
                    for labels, rows in zip(line["labels"], line["rows"], strict=True)
                ],
            }
            for line in since["labels"]
        ],
        "parameters": parameters[:SHOWN],
        "more_parameters": max(0, len(parameters) - SHOWN),
    }


def _rate(labels: Found, rows: int | None) -> str:
    """What is said of labels; counts also as a share of the rows.

    >>> _rate({"positive": 30}, 100)
    'positive 30 (30.00%)'
    """
    parts = []
    for name, value in labels.items():
        if isinstance(value, int):
            share = f" ({value / rows:.2%})" if rows else ""
            parts.append(f"{name} {value:,}{share}")
        else:
            parts.append(f"{name} {value:.4g}")
    return ", ".join(parts)


def _dataset(each: Found) -> dict[str, Any]:
    revised = [line["partition"] for line in each["revised"]]
    more = f" and {len(revised) - SHOWN} more" if len(revised) > SHOWN else ""
    return {
        **each,
        "rows": [f"{rows:,}" for rows in each["rows"]],
        "change": signed(each["rows"][1] / each["rows"][0] - 1, 3) if each["rows"][0] else "",
        "revised": ", ".join(revised[:SHOWN]) + more,
        "only": [", ".join(_stretch(ends) for ends in stretches) for stretches in each["only"]],
    }


def _stretch(ends: Sequence[str] | None) -> str:
    if not ends:
        return "–"
    return ends[0] if ends[0] == ends[-1] else f"{ends[0]} to {ends[-1]}"


def _text(value: object) -> str:
    if value is None:
        return "–"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
