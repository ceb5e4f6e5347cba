"""The page of a restatement: one sentence, then what differs between as known and as corrected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from laurel.domain.canonical import digest
from laurel.pages.decision import KINDS
from laurel.pages.names import METRIC_NAMES
from laurel.pages.page import templates

DAYS = 60
"""Partitions listed one by one, those that change most."""


def render_restatement(document: Mapping[str, Any], *, title: str) -> str:
    """The page as HTML that needs nothing else: no script, no fetch.

    document: as kept beside the page in ``restatement.json``.
    """
    days = [each["partition"] for each in document["partitions"]]
    span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return (
        templates()
        .get_template("restatement.html")
        .render(
            document=document,
            title=title,
            span=span,
            trainings=[_training(each) for each in document["trainings"]],
            changed_days=_most_changed(document["predictions"]["days"]),
            top=[_row(row) for row in document["predictions"]["top"]],
            reports=[_report(each) for each in document["reports"]],
            commands=_commands(document, days),
            digest=digest(document),
        )
    )


def _training(each: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **each,
        "metrics": list(_metrics(each["metrics"])),
        "thresholds": [_threshold(threshold) for threshold in each["thresholds"]],
        "page": f"../{each['corrected_run']}/decision.html",
        "known_page": f"../../train/{each['run']}/decision.html",
    }


def _metrics(metrics: Mapping[str, Mapping[str, float | None]]) -> Iterator[dict[str, Any]]:
    for name, pair in metrics.items():
        known, corrected = pair["known"], pair["corrected"]
        change = None if known is None or corrected is None else corrected - known
        yield {"name": METRIC_NAMES.get(name, name), **pair, "change": change}


def _threshold(threshold: Mapping[str, Any]) -> dict[str, Any]:
    metric, kind = threshold["metric"], threshold["kind"]
    where = f" on {threshold['slice']}" if threshold["slice"] else ""
    title = f"{METRIC_NAMES.get(metric, metric)}: {KINDS.get(kind, kind)}{where}"
    return {**threshold, "title": title}


def _most_changed(days: list[dict[str, Any]]) -> list[dict[str, Any]]:
    most = sorted(days, key=lambda day: (-(day["mean_change"] or 0.0), day["partition"]))[:DAYS]
    return sorted(most, key=lambda day: str(day["partition"]))


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "key": ", ".join(row["key"].values()),
        "decided": (_decision(row["decision_known"]), _decision(row["decision"])),
    }


def _decision(said: object) -> str:
    if isinstance(said, bool):
        return "yes" if said else "no"
    return "" if said is None else str(said)


def _report(each: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **each,
        "metrics": {row["name"]: row for row in _metrics(each["metrics"])},
        "page": f"../../monitor/{each['run']}/report.html",
    }


def _commands(document: Mapping[str, Any], days: list[str]) -> list[str]:
    usecase, words = document["usecase"], f"{document['dataset']} {days[0]}"
    words += f" --end {days[-1]}" if len(days) > 1 else ""
    found = [f"laurel restate {usecase} {words} --known-by {document['known_by']}"]
    scored = document["predictions"]["days"]
    if scored:
        day = scored[0]["partition"]
        found += [
            f"laurel predictions {usecase} {day}  # as known",
            f"laurel predictions {usecase} {day} --as-corrected",
        ]
    return found
