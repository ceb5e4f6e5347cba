"""The page of a decision of the gate: what was found against what was required, and on what."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from laurel.domain.canonical import digest
from laurel.domain.objective import OBJECTIVES, Objective
from laurel.pages import charts
from laurel.pages import decision_parts as parts
from laurel.pages.card import END, START
from laurel.pages.names import METRIC_NAMES
from laurel.pages.page import number, signed, templates

MARKS = ("fail", "underpowered", "not_applicable", "pass")
KINDS = {
    "at_least": "at least",
    "at_most": "at most",
    "gap_at_most": "gap between groups at most",
    "not_worse": "not worse than the champion",
    "better": "better than the champion",
    "comparable": "can score these rows",
    "other_model": "is another model",
    "gain": "is replaced by a gain",
    "beats_constant": "beats a constant",
    "not_worse_than_simple": "not worse than a simple model",
    "reload": "equal after reloading the model",
}
DOWNWARD = ("at_most", "gap_at_most")
"""Kinds that ask for no more than a value."""
_SHOWN_DIGEST = 16


def render_decision(
    *,
    verdict: Mapping[str, Any],
    evidence: Mapping[str, Any],
    window: Mapping[str, Any],
    model_version: str,
    run: str,
    identity: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
    curves: Mapping[str, Any] | None = None,
    since: Mapping[str, Any] | None = None,
) -> str:
    """The page as HTML that needs nothing else: no script, no fetch.

    verdict, evidence, window: the documents of a training run as they are kept with it. identity:
    more digests to name, such as those of code, parameters and environment. links: the names of
    pages that lie beside it → their files. curves: of both models, by
    :func:`laurel.domain.decision_curves.decision_curves`. since: what changed since the champion,
    by :func:`laurel.domain.since_champion.since_champion`.
    """
    checks = [_check(check) for check in verdict.get("checks", ())]
    objective = OBJECTIVES[evidence["objective"]]
    template = templates().get_template("decision.html")
    return template.render(
        verdict={"outcome": verdict.get("outcome"), "reasons": verdict.get("reasons", ())},
        evidence=evidence,
        model_version=model_version,
        run=run,
        links=dict(links or {}),
        sentence=_sentence(verdict, model_version=model_version),
        start=START,
        end=END,
        whole=[check for check in checks if not check["slice"]],
        sliced=[c for c in checks if c["slice"] and c["verdict"] not in ("pass", "not_applicable")],
        cost=parts.cost(evidence),
        curves=list(parts.charts(curves or {}, evidence)),
        classes=parts.classes(curves or {}),
        compared=(curves or {}).get("rows"),
        gaps=parts.gaps(evidence, checks),
        since=parts.changes(since) if since else None,
        metrics=list(_metrics(evidence)),
        charted=[METRIC_NAMES[name] for name in objective.charted],
        titles={
            "constant": _title(objective.constant_title),
            "simple": _title(objective.simple_title.removeprefix("a ")),
        },
        labels=_said(evidence["overall"]["labels"]),
        reliability=list(_reliability(evidence)),
        slices=[_slice(scope, checks, objective) for scope in evidence["slices"]],
        days=list(_days(window)),
        datasets=[_dataset(name, window) for name in window.get("datasets", {})],
        identity={
            "Run": run,
            "Window": digest(window),
            "Evidence": digest(evidence),
            "Verdict": digest(verdict),
            **(identity or {}),
        },
    )


def _sentence(verdict: Mapping[str, Any], *, model_version: str) -> str:
    checks = verdict.get("checks", ())
    reasons = verdict.get("reasons", ())
    passed = sum(check["verdict"] == "pass" for check in checks)
    if verdict.get("outcome") == "promote":
        unsure = sum(check["verdict"] == "underpowered" for check in checks)
        rest = f", {unsure} are underpowered" if unsure else ""
        return f"The gate opens for {model_version}: {passed} of {len(checks)} checks pass{rest}."
    first = reasons[0] if reasons else "no reason was recorded"
    more = f"; and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return f"The gate stays closed for {model_version}: {first}{more}."


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    kind, metric = check["kind"], check["metric"]
    interval = check.get("interval")
    title = f"{METRIC_NAMES.get(metric, metric)}: {KINDS.get(kind, kind)}"
    chart = Markup("") if check["found"] is None else _against(check, title=title)
    return {
        **check,
        "blocking": check.get("blocking", True),
        "title": title,
        "bounds": _bounds(interval),
        "demand": _demand(check),
        "chart": chart,
    }


def _against(check: Mapping[str, Any], *, title: str) -> Markup:
    mark: charts.Mark = "unsure"
    if check["verdict"] in ("pass", "fail"):
        mark = "yes" if check["verdict"] == "pass" else "no"
    required = check["required"]
    return charts.interval(
        check["found"],
        bounds=check.get("interval"),
        required=math.nan if required is None else required,
        upward=check["kind"] not in DOWNWARD,
        title=title,
        mark=mark,
    )


def _demand(check: Mapping[str, Any]) -> str:
    if check["required"] is None:
        return ""
    sign = "≤" if check["kind"] in DOWNWARD else "≥"
    return f"{sign} {number(check['required'], 4)}"


def _bounds(interval: Any) -> str:
    return f"{number(interval[0], 4)} to {number(interval[1], 4)}" if interval else ""


def _metrics(evidence: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    overall, trivial = evidence["overall"], evidence["trivial"]["metrics"]
    for name, measured in overall["metrics"].items():
        compared = overall["champion"].get(name, {})
        bounds = list(compared.get("bounds", {}).values())
        yield {
            "name": METRIC_NAMES.get(name, name),
            "challenger": compared.get("challenger", measured["value"]),
            "champion": compared.get("reference"),
            "gain": compared.get("gain"),
            "bounds": f"{signed(bounds[-1][0])} to {signed(bounds[-1][1])}"
            if bounds and bounds[-1]
            else "",
            "constant": trivial["constant"].get(name),
            "simple": trivial["simple"].get(name),
        }


def _reliability(evidence: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The curve of the scores, and of what they were before a calibration."""
    told, error = evidence["reliability"], evidence["overall"]["metrics"].get("calibration_error")
    curves = {"Scores as they are given": (told["curve"], error and error["value"])}
    if told["before"]:
        curves["Scores before calibration"] = (told["before"], told["error_before"])
    for title, (points, found) in curves.items():
        curve = [
            tuple(p[n] for n in ("mean_score", "observed", "low", "high", "rows")) for p in points
        ]
        small = "" if found is None else f", calibration error {number(found, 4)}"
        yield {"title": f"{title}{small}", "svg": charts.reliability(curve, title=title)}


def _slice(
    scope: Mapping[str, Any], checks: list[dict[str, Any]], objective: Objective
) -> dict[str, Any]:
    mine = [check["verdict"] for check in checks if check["slice"] == scope["slice"]]
    return {
        "slice": scope["slice"],
        "rows": scope["rows"],
        "labels": _said(scope["labels"]),
        "verdict": min(mine, key=MARKS.index, default=""),
        "pairs": [_pair(scope, name) for name in objective.charted],
    }


def _said(labels: Mapping[str, float]) -> str:
    """What is said of labels, in words: counts and means.

    >>> _said({"positive": 1200})
    '1,200 positive'
    """
    return ", ".join(
        f"{value:,} {name}" if isinstance(value, int) else f"{name} {value:.4g}"
        for name, value in labels.items()
    )


def _title(text: str) -> str:
    return text[:1].upper() + text[1:]


def _pair(scope: Mapping[str, Any], name: str) -> dict[str, Any]:
    alone = {"challenger": scope["metrics"].get(name, {}).get("value"), "reference": None}
    return {**alone, **scope["champion"].get(name, {})}


def _days(window: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for name in ("history", "train", "validation", "holdout"):
        ends = window.get("days", {}).get(name)
        if ends:
            yield {
                "name": "hold-out" if name == "holdout" else name,
                "first": ends[0],
                "last": ends[-1],
            }


def _dataset(name: str, window: Mapping[str, Any]) -> dict[str, Any]:
    lines: list[Mapping[str, Any]] = window["datasets"][name]
    return {
        "name": name,
        "partitions": len(lines),
        "restated": sum(line["revision"] > 1 for line in lines),
        "superseded": len(window.get("superseded", {}).get(name, ())),
        "rows": sum(line["rows"] for line in lines),
        "digest": digest(lines)[:_SHOWN_DIGEST],
    }
