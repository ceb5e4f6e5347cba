"""Which features drifted, how much that may matter to the model, and how they lie then and now."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from laurel.domain.drift import SEVERITIES, WITHIN, FeatureDrift, worst
from laurel.domain.report import Report, named
from laurel.domain.sketch import Description
from laurel.pages import charts
from laurel.pages.nightly.figure import Figure, Head, Table, head, table
from laurel.pages.page import number, percent

DRAWN = 40
"""Features that are drawn; of more, the others stand in a table."""
RANKED = 12
LISTED = 6

Row = dict[str, Any]


def drift_rows(report: Report) -> tuple[list[Row], list[Row]]:
    """One row per name over the three comparisons: those that are drawn, and the others.

    Scores and decisions come first, then the gravest, then what matters most to the model.
    """
    rows = [_row(name, found) for name, found in _by_name(report, "features").items()]
    rows.sort(key=lambda row: (SEVERITIES.index(row["severity"]), -row["order"], row["name"]))
    scores = [
        _row(f"the {named(name)}", found) for name, found in _by_name(report, "scores").items()
    ]
    decided = [_row("the decision", found) for found in _by_name(report, "decisions").values()]
    return [*scores, *decided, *rows[:DRAWN]], rows[DRAWN:]


def ranking(report: Report) -> Figure | None:
    """Features by drift times importance; ``None`` where the champion's importances are unknown."""
    features = report.comparisons[0].features
    known = [each for each in features if not math.isnan(each.matters)]
    known.sort(key=lambda each: (-each.matters, each.name))
    if not known:
        return None
    title = "What drifted, by how much it matters to this model"
    return Figure(
        title=title,
        drawing=charts.bars([(d.name, d.matters) for d in known[:RANKED]], title=title, width=560),
        table=table(
            (
                Head("Feature"),
                head("PSI × importance", "matters"),
                head("PSI", "psi"),
                head("Importance", "importance"),
            ),
            [(d.name, number(d.matters, 4), number(d.psi), percent(d.importance)) for d in known],
        ),
    )


def separations(report: Report) -> list[Row]:
    """What a classifier tells apart, one row per comparison that kept rows."""
    found = []
    for comparison in report.comparisons:
        told = comparison.separation
        if told is not None:
            most = list(told.features.items())[:3]
            found.append(
                {
                    "title": comparison.title,
                    "auc": number(told.auc),
                    "p_value": chance(told.p_value),
                    "rows": f"{told.reference_rows:,} and {told.rows:,}",
                    "features": ", ".join(f"{n} ({percent(v, 0)})" for n, v in most),
                    "constant": listed(told.constant),
                }
            )
    return found


def correlations(report: Report) -> Table | None:
    """The pairs whose correlation with each other changed most, against training."""
    changes = report.comparisons[0].correlations
    if not changes:
        return None
    return table(
        (
            Head("Features"),
            head("In training", "correlation"),
            head("Now", "correlation"),
            head("p, before correction", "p_value"),
        ),
        [
            (f"{c.first} and {c.second}", number(c.then), number(c.now), chance(c.p_value))
            for c in changes
        ],
    )


def chance(p_value: float) -> str:
    """A p-value for reading.

    >>> chance(0.034), chance(1e-20), chance(math.nan)
    ('0.034', 'below 1e-12', 'undefined')
    """
    if math.isnan(p_value):
        return number(p_value)
    return "below 1e-12" if p_value < 1e-12 else f"{p_value:.2g}"


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more.

    >>> listed([*"abcdefgh"])
    'a, b, c, d, e, f and 2 more'
    """
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _by_name(report: Report, kind: str) -> dict[str, dict[str, FeatureDrift]]:
    found: dict[str, dict[str, FeatureDrift]] = {}
    for comparison in report.comparisons:
        for drift in getattr(comparison, kind):
            found.setdefault(drift.name, {})[comparison.name] = drift
    return found


def _row(name: str, found: Mapping[str, FeatureDrift]) -> Row:
    first = next(iter(found.values()))
    profile = found.get("partition_profile", first)
    alarmed = [drift for drift in found.values() if drift.severity in ("critical", "warning")]
    told = alarmed or [d for d in (profile,) if d.severity == "none" and d.reason != WITHIN]
    judged = [d.severity for d in found.values() if d.severity != "underpowered"]
    remarks = [drift.reason for drift in told[:1]]
    remarks += [f"new: {listed(profile.new)}"] if profile.new else []
    remarks += [f"vanished: {listed(profile.vanished)}"] if profile.vanished else []
    matters = profile.psi if math.isnan(profile.matters) else profile.matters
    return {
        "name": name,
        "profile": profile,
        "window": found.get("partition_window", profile),
        "trailing": found.get("window_profile", profile),
        "severity": worst(judged) if judged else "underpowered",
        "order": -1.0 if math.isnan(matters) else matters,
        "remarks": remarks,
        "chart": charts.histogram_pair(
            profile.bins, profile.reference, profile.current, title=name
        ),
        "shares": _shares(profile),
        "described": _described(profile),
    }


def _shares(drift: FeatureDrift) -> Table:
    """The table of a drawing of shares."""
    then, now = sum(drift.reference), sum(drift.current)
    return table(
        (Head("Bin"), head("Training", "rows"), head("This partition", "rows")),
        [
            (
                name,
                percent(a / then if then else math.nan),
                percent(b / now if now else math.nan),
            )
            for name, a, b in zip(drift.bins, drift.reference, drift.current, strict=True)
        ],
    )


def _described(drift: FeatureDrift) -> Table:
    """What the values are like, then and now."""
    return table(
        (Head(""), head("Training", "value"), head("This partition", "value")),
        list(_lines(drift.then, drift.now)),
    )


def _lines(then: Description, now: Description) -> Iterator[tuple[str, ...]]:
    yield "Rows", f"{then.rows:,}", f"{now.rows:,}"
    yield "Missing", percent(then.missing), percent(now.missing)
    if then.levels is not None or now.levels is not None:
        known = ("undefined" if n is None else f"{n:,}" for n in (then.levels, now.levels))
        yield ("Categories", *known)
        return
    for name, key in (("Mean", "mean"), ("Spread", "std"), ("Least", "least")):
        yield (name, *(short(getattr(side, key)) for side in (then, now)))
    for key in sorted({*then.quantiles, *now.quantiles}, key=float):
        values = (side.quantiles.get(key, math.nan) for side in (then, now))
        yield (f"Quantile {float(key):.0%}", *map(short, values))
    yield "Largest", short(then.largest), short(now.largest)


def short(value: float) -> str:
    """A number of any size, with four digits.

    >>> short(1234567.0), short(0.000123456), short(math.nan)
    ('1.235e+06', '0.0001235', 'undefined')
    """
    return number(value) if math.isnan(value) else f"{value:.4g}"
