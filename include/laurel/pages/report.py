"""The page of a nightly report: one sentence of verdict, then everything it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from laurel.domain.canonical import digest
from laurel.domain.drift import SEVERITIES, WITHIN, FeatureDrift, worst
from laurel.domain.partition import Partition
from laurel.domain.report import Report, named
from laurel.pages import charts
from laurel.pages.names import METRIC_NAMES
from laurel.pages.page import templates


def render_report(report: Report, *, recompute: Sequence[str] | None = None) -> str:
    """The page as HTML that needs nothing else: no script, no fetch.

    recompute: the commands that make the report again; the command line's and Airflow's when left
    out.
    """
    template = templates().get_template("report.html")
    return template.render(
        report=report,
        metrics=list(_metrics(report)),
        performance_charts=list(_performance_charts(report)),
        drifts=_drifts(report),
        observed=[_observed(name, value) for name, value in sorted(report.observed.items())],
        recompute=_commands(report) if recompute is None else recompute,
        digest=digest(report.document()),
    )


def _metrics(report: Report) -> Iterator[dict[str, Any]]:
    realised = report.realised
    for name in realised.champion.metrics:
        kind, value = report.bounds.get(name, ("", math.nan))
        yield {
            "name": METRIC_NAMES.get(name, name),
            "realised": realised.champion.metrics[name],
            "served": realised.served.metrics[name],
            "holdout": report.champion.holdout.get(name, math.nan),
            "bound": f"{kind.replace('_', ' ')} {value:g}" if kind else "",
            "estimate": realised.estimate.get(name),
        }
    if len(report.mean_scores) > 1:
        return
    for name in ("mean_label", "mean_score"):
        yield {
            "name": METRIC_NAMES[name],
            "realised": getattr(realised.champion, name),
            "served": getattr(realised.served, name),
            "holdout": report.champion.holdout.get(name),
            "bound": "",
            "estimate": report.mean_scores["score"],
        }


def _performance_charts(report: Report) -> Iterator[dict[str, Any]]:
    days = report.realised.days
    for name in report.charted:
        title = f"{METRIC_NAMES[name]} by day, all served"
        levels = [("at promotion", report.champion.holdout.get(name, math.nan))]
        if name in report.bounds:
            levels.append(("bound", report.bounds[name][1]))
        points = [(day.partition, day.performance.metrics[name]) for day in days]
        yield {"title": title, "svg": charts.line(points, title=title, levels=levels)}
    title = "Reliability: observed over predicted"
    curve = [(p.mean_score, p.observed, p.low, p.high, p.rows) for p in report.realised.calibration]
    yield {"title": title, "svg": charts.reliability(curve, title=title)}
    for column in dict.fromkeys(part.column for part in report.realised.slices):
        name = report.charted[0]
        title = f"{METRIC_NAMES[name]} by {column}, the champion's rows"
        parts = [p for p in report.realised.slices if p.column == column]
        items = [
            (f"{p.value} ({p.performance.labelled:,})", p.performance.metrics[name]) for p in parts
        ]
        overall = report.realised.champion.metrics[name]
        yield {"title": title, "svg": charts.bars(items, title=title, level=overall)}


def _drifts(report: Report) -> list[dict[str, Any]]:
    """One row per name, over the three comparisons; the score first, then the gravest."""
    by_name: dict[str, dict[str, FeatureDrift]] = {}
    for comparison in report.comparisons:
        for drift in comparison.features:
            by_name.setdefault(drift.name, {})[comparison.name] = drift
    rows = [_drift_row(name, found) for name, found in by_name.items()]
    rows.sort(key=lambda row: (SEVERITIES.index(row["severity"]), -row["order"], row["name"]))
    scores: dict[str, dict[str, FeatureDrift]] = {}
    for comparison in report.comparisons:
        for drift in comparison.scores:
            scores.setdefault(drift.name, {})[comparison.name] = drift
    return [*(_drift_row(f"the {named(name)}", found) for name, found in scores.items()), *rows]


def _drift_row(name: str, found: Mapping[str, FeatureDrift]) -> dict[str, Any]:
    profile = found["partition_profile"]
    alarmed = [drift for drift in found.values() if drift.severity in ("critical", "warning")]
    told = alarmed or [d for d in (profile,) if d.severity == "none" and d.reason != WITHIN]
    judged = [d.severity for d in found.values() if d.severity != "underpowered"]
    remarks = [drift.reason for drift in told[:1]]
    remarks += [f"new: {_listed(profile.new)}"] if profile.new else []
    remarks += [f"vanished: {_listed(profile.vanished)}"] if profile.vanished else []
    return {
        "name": name,
        "profile": profile,
        "window": found["partition_window"],
        "trailing": found["window_profile"],
        "severity": worst(judged) if judged else "underpowered",
        "order": -1.0 if math.isnan(profile.psi) else profile.psi,
        "remarks": remarks,
        "chart": charts.histogram_pair(
            profile.bins, profile.reference, profile.current, title=name
        ),
    }


def _listed(names: Sequence[str], *, most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _observed(name: str, value: float) -> dict[str, str]:
    if name.endswith("_bytes"):
        text, name = f"{value / 2**20:,.0f} MiB", name.removesuffix("_bytes")
    elif name == "seconds":
        text = f"{value:,.1f} s"
    else:
        text = f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"
    return {"name": name.replace("_", " "), "value": text}


def _commands(report: Report) -> list[str]:
    day = Partition.of(report.partition)
    return [
        f"laurel monitor {report.usecase} {day}",
        f"airflow backfill create --dag-id {report.usecase}_monitor --from-date {day} "
        f"--to-date {day} --reprocess-behavior completed",
    ]
