"""The page of a model card, for who answers for a model rather than for who made it.

Order and headings follow Mitchell et al., Model cards for model reporting, FAT* 2019.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from laurel.domain.scorecurve import at_threshold
from laurel.pages import card_charts
from laurel.pages.names import METRIC_NAMES
from laurel.pages.page import templates

MOVERS = 15
"""Features in the table of what moves the scores; the rest is counted."""
CHARTED = 6
"""Features whose values are drawn."""
CLEAR = 0.5
"""Rank correlation from which a feature is said to raise or lower the score."""
START, END = Markup("<!-- standing -->"), Markup("<!-- /standing -->")
SPACES = {
    "binary": ("log odds", "the odds"),
    "multiclass": ("the logarithm of a class's odds", "the odds"),
    "count": ("the logarithm of the expected count", "the expected count"),
}
"""Objective → what contributions are counted in, and what their exponential multiplies."""

Card = Mapping[str, Any]


def render_card(card: Card, *, standing: Mapping[str, Any] | None = None) -> str:
    """The page as HTML that needs nothing else: no script, no fetch.

    card: as :func:`laurel.domain.card.make_card` makes it. standing: what the ledger says of the
    version; without it the page says where to ask.
    """
    space, multiplied = SPACES.get(card["model"]["objective"], ("units of the label", None))
    page = (
        templates()
        .get_template("card.html")
        .render(
            card=card,
            sentence=_sentence(card),
            metrics=list(_metrics(card)),
            trivial=list(card["trivial"].values()),
            slices=list(_slices(card)),
            slice_metrics=_slice_metrics(card),
            curves=list(_curves(card)),
            outputs=[_output(card, each, multiplied) for each in card["explanation"]["outputs"]],
            movers=MOVERS,
            space=space,
            multiplied=multiplied,
            parts=list(_parts(card)),
            start=START,
            end=END,
        )
    )
    return with_standing(page, standing) if standing is not None else page


def with_standing(page: str, standing: Mapping[str, Any]) -> str:
    """A page with what the ledger says now in place of where to ask; the rest stays as it is."""
    before, found, rest = page.partition(START)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        return page
    said = templates().get_template("standing.html").render(standing=standing)
    return f"{before}{START}\n{said}{END}{after}"


def _sentence(card: Card) -> str:
    """What the version is and how it did, in two sentences."""
    rows = card["data"]["parts"]["holdout"]["rows"]
    first = next(iter(card["metrics"]), None)
    opened = card["gate"]["outcome"] == "promote"
    verdict = "The gate opened for it" if opened else "The gate stayed closed for it"
    if first is None or first["value"] is None:
        return f"{verdict}."
    name = METRIC_NAMES.get(first["metric"], first["metric"])
    versus = first["champion"]
    against = ""
    if versus and versus["reference"] is not None:
        against = f", where the champion before it had {versus['reference']:.3f}"
        shared = versus["challenger"]
        against = against if shared == first["value"] else f"{against} on the rows they share"
    return f"{name} {first['value']:.3f} on {rows:,} rows it had not seen{against}. {verdict}."


def _metrics(card: Card) -> Iterator[dict[str, Any]]:
    for each in card["metrics"]:
        versus = each["champion"] or {}
        yield {
            "name": METRIC_NAMES.get(each["metric"], each["metric"]),
            "value": each["value"],
            "bounds": _bounds(each["bounds"]),
            "beside": _beside(each),
            "champion": versus.get("reference"),
            "gain": versus.get("gain"),
            "gain_bounds": _bounds(versus.get("bounds", {}), sign="+"),
            "trivial": [each["trivial"][model] for model in card["trivial"]],
        }


def _bounds(bounds: Mapping[str, Any], *, sign: str = "") -> str:
    """The bounds of the greatest confidence, in words; nothing where there are none."""
    found = [pair for _, pair in sorted(bounds.items(), key=lambda item: float(item[0])) if pair]
    return f"{found[-1][0]:{sign}.4f} to {found[-1][1]:{sign}.4f}" if found else ""


def _beside(each: Mapping[str, Any]) -> bool:
    """Whether a value lies outside its own bounds: resamples of some metrics lean to one side."""
    pairs = [pair for pair in each["bounds"].values() if pair]
    return each["value"] is not None and any(not a <= each["value"] <= b for a, b in pairs)


def _slice_metrics(card: Card) -> list[tuple[str, str]]:
    """The two metrics shown of each slice: those that the gate tests first."""
    tested = [check["metric"] for check in card["gate"]["checks"]]
    there = [each["metric"] for each in card["metrics"]]
    chosen = [name for name in dict.fromkeys([*tested, *there]) if name in there][:2]
    return [(name, METRIC_NAMES.get(name, name)) for name in chosen]


def _slices(card: Card) -> Iterator[dict[str, Any]]:
    for each in card["slices"]:
        yield {
            "slice": each["slice"],
            "rows": each["rows"],
            "share": each["rows"] / card["scores"]["rows"] if card["scores"]["rows"] else None,
            "labels": _labels(each["labels"], each["rows"]),
            "underpowered": each["underpowered"],
            "cells": [
                {
                    "name": title,
                    "value": each["metrics"][name]["value"],
                    "bounds": _bounds(each["metrics"][name]["bounds"]),
                    "champion": each["champion"].get(name),
                }
                for name, title in _slice_metrics(card)
            ],
        }


def _curves(card: Card) -> Iterator[dict[str, Any]]:
    level = card["model"]["threshold"]
    several = len(card["scores"]["curves"]) > 1
    before = [] if several else card["reliability"]["before"]
    for curve in card["scores"]["curves"]:
        of = "" if curve["class"] is None else f" of class {curve['class']}"
        seen = f"Calibration{of}: observed over said"
        lie = f"Scores{of} on the hold-out"
        yield {
            "class": curve["class"],
            "binary": curve["binary"],
            "points": curve["points"],
            "decided": at_threshold(curve, level),
            "seen_title": seen,
            "seen": card_charts.said_and_seen(curve["points"], title=seen, before=before),
            "lie_title": lie,
            "lie": card_charts.histogram(
                curve["histogram"], title=lie, level=level if curve["binary"] else None
            ),
        }


def _output(card: Card, output: Mapping[str, Any], multiplied: str | None) -> dict[str, Any]:
    features = output["features"]
    gains = {each["name"]: each["gain_share"] for each in card["explanation"]["importance"]}
    values = [abs(dot[0] or 0.0) for each in features for dot in each["dots"]]
    reach = max([*values, 1e-9])
    largest = max([each["mean_abs"] or 0.0 for each in features], default=0.0) or 1.0
    return {
        "output": output["output"],
        "base": output["base"],
        "rest": max(0, len(features) - MOVERS),
        "rows": [
            {
                "name": each["name"],
                "mean_abs": each["mean_abs"],
                "bar": 100 * (each["mean_abs"] or 0.0) / largest,
                "factor": math.exp(each["mean_abs"] or 0.0) if multiplied else None,
                "direction": _direction(each),
                "gain": gains[each["name"]],
                "missing": _missing(each, card["explanation"]["sample_rows"]),
                "swarm": card_charts.swarm(each["dots"], reach=reach, title=each["name"]),
            }
            for each in features[:MOVERS]
        ],
        "charts": [_chart(each) for each in features[:CHARTED] if each["bins"]],
    }


def _direction(each: Mapping[str, Any]) -> str:
    if each["kind"] == "category":
        return "differs by category"
    if each["direction"] is None:
        return "always the same"
    if abs(each["direction"]) < CLEAR:
        return "mixed"
    return "higher raises" if each["direction"] > 0 else "higher lowers"


def _missing(each: Mapping[str, Any], rows: int) -> float:
    return each["missing"]["rows"] / rows if each["missing"] and rows else 0.0


def _chart(each: Mapping[str, Any]) -> dict[str, Any]:
    title, missing = str(each["name"]), each["missing"]
    if each["kind"] == "number":
        chart = card_charts.dependence(each["bins"], title=title)
    else:
        items = [
            (
                f"{part['others']} others" if part["level"] is None else part["level"],
                part["mean"],
                f", {part['rows']:,} rows",
            )
            for part in each["bins"]
        ]
        if missing:
            items.append(("missing", missing["mean"], f", {missing['rows']:,} rows"))
        chart = card_charts.diverging(items, title=title)
    note = ""
    if missing and each["kind"] == "number":
        note = f"missing in {missing['rows']:,} rows: {missing['mean']:+.2g} on average"
    return {"title": title, "svg": chart, "note": note}


def _parts(card: Card) -> Iterator[dict[str, Any]]:
    names = {"train": "learned from", "validation": "stopped early by", "holdout": "measured on"}
    for split, part in card["data"]["parts"].items():
        yield {
            "name": "hold-out" if split == "holdout" else split,
            "use": names[split],
            **part,
            "without": part["rows_there"] - part["rows"],
            "said": _labels(part["labels"], part["rows"]),
        }


def _labels(labels: Mapping[str, float], rows: int) -> str:
    """What is said of the labels of some rows, in words."""
    if "positive" in labels:
        return f"{labels['positive'] / rows:.1%} positive" if rows else ""
    if "counted" in labels:
        return f"{labels['counted']:,} counted"
    if "mean" in labels:
        return f"mean {labels['mean']:.4g}, spread {labels['std']:.3g}"
    return ", ".join(f"{name} {count / rows:.1%}" for name, count in labels.items()) if rows else ""
