"""The page of a comparison: two training runs side by side, and where they differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from laurel.pages import svg
from laurel.pages.decision import KINDS
from laurel.pages.names import METRIC_NAMES
from laurel.pages.page import number, percent, signed, templates

FEATURES = 20
"""Features in the chart of importance; the rest is counted."""
_PASSED = ("pass", "not_applicable", None)

Found = Mapping[str, Any]


def render_comparison(found: Found) -> str:
    """The page as HTML that needs nothing else: no script, no fetch.

    found: as :func:`laurel.domain.comparison.compare_runs` makes it.
    """
    checks = [_check(check) for check in found["gate"]]
    return (
        templates()
        .get_template("comparison.html")
        .render(
            found=found,
            runs=found["runs"],
            sentence=_sentence(found),
            metrics=[_metric(line) for line in found["metrics"]["overall"]],
            paired=_paired(found),
            slice_metric=_slice_metric(found),
            slices=list(_slices(found)),
            importance=[_feature(line, found) for line in found["importance"][:FEATURES]],
            other_features=max(0, len(found["importance"]) - FEATURES),
            checks=[check for check in checks if not check["slice"] or not check["passed"]],
            passed=sum(bool(check["slice"] and check["passed"]) for check in checks),
            parameters=[_change(line) for line in found["parameters"]],
            environment=[_change(line) for line in found["environment"]],
            days=[_day(line) for line in found["data"]["days"]],
            datasets=[_dataset(each) for each in found["data"]["datasets"]],
            commits=list(_commits(found["code"])),
        )
    )


def _sentence(found: Found) -> str:
    """What is the same and what is not, in a sentence."""
    parts = {
        "parameters": len(found["parameters"]),
        "files of code": len(found["code"]["files"]),
        "packages or facts of the machine": len(found["environment"]),
        "revised partitions": sum(len(each["revised"]) for each in found["data"]["datasets"]),
    }
    other = [f"{count} {name}" for name, count in parts.items() if count]
    said = (
        f"They differ in {_listed(other)}" if other else "Code, parameters and packages are equal"
    )
    days = {tuple(map(str, line["values"])) for line in found["data"]["days"]}
    same_days = all(before == after for before, after in days)
    told = "on the same days" if same_days else "on other days"
    return f"{said}; they were trained {told}."


def _listed(parts: Sequence[str]) -> str:
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def _metric(line: Found) -> dict[str, Any]:
    name = str(METRIC_NAMES.get(line["metric"], line["metric"]))
    return {
        "name": name,
        "direction": "more is better" if line["bigger_is_better"] else "less is better",
        "values": [number(each["value"], 4) for each in line["values"]],
        "bounds": [_bounds(each["bounds"]) for each in line["values"]],
        "gain": signed(line["gain"]),
        "better": _better(line["gain"]),
        "chart": _intervals(line["values"], title=name),
    }


def _bounds(bounds: Sequence[float] | None) -> str:
    return f"{number(bounds[0], 4)} to {number(bounds[1], 4)}" if bounds else ""


def _better(gain: float | None) -> str:
    return "" if not gain else "pass" if gain > 0 else "fail"


def _intervals(values: Sequence[Found], *, title: str) -> Markup:
    """Two values with their bounds, one above the other on one axis."""
    known = [
        v for each in values for v in (each["value"], *(each["bounds"] or ())) if v is not None
    ]
    if not known:
        return Markup("")
    width, rows = 220, (10, 24)
    low, high = svg.padded(known)
    x = svg.Scale(low, high, 5, width - 5)
    parts = []
    for each, y, kind in zip(values, rows, ("first", "second"), strict=True):
        if each["bounds"]:
            ends = [x(bound) for bound in each["bounds"]]
            parts.append(
                Markup('<line class="bar {}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                    kind, *ends, y, y
                )
            )
        if each["value"] is not None:
            parts.append(
                Markup('<circle class="{}" cx="{}" cy="{}" r="4"/>').format(
                    kind, x(each["value"]), y
                )
            )
    return svg.draw(parts, width=width, height=34, title=title, kind="spark")


def _feature(line: Found, found: Found) -> dict[str, Any]:
    top = max((share or 0) for each in found["importance"] for share in each["gain_share"])
    widths = [100 * (share or 0) / (top or 1) for share in line["gain_share"]]
    return {
        "name": line["feature"],
        "shares": ["" if share is None else percent(share) for share in line["gain_share"]],
        "ranks": line["rank"],
        "chart": _bars(widths, title=line["feature"]),
    }


def _bars(widths: Sequence[float], *, title: str) -> Markup:
    """Two bars, one below the other."""
    parts = [
        Markup('<rect class="{}" x="0" y="{}" width="{:.1f}" height="7" rx="2"/>').format(
            kind, y, max(0.5, 2.2 * width)
        )
        for width, y, kind in zip(widths, (2, 11), ("first", "second"), strict=True)
    ]
    return svg.draw(parts, width=220, height=20, title=title, kind="spark")


def _paired(found: Found) -> dict[str, Any] | None:
    paired = found["metrics"]["paired"]
    if not paired:
        return None
    challenger = found["runs"][paired["challenger"]]["model_version"]
    champion = found["runs"][1 - paired["challenger"]]["model_version"]
    lines = [
        {
            "name": METRIC_NAMES.get(line["metric"], line["metric"]),
            "gain": signed(line["gain"]),
            "better": _better(line["gain"]),
            "bounds": f"{signed(line['bounds'][0])} to {signed(line['bounds'][1])}"
            if line["bounds"]
            else "",
        }
        for line in paired["metrics"]
    ]
    return {"rows": paired["rows"], "challenger": challenger, "champion": champion, "lines": lines}


def _slice_metric(found: Found) -> str:
    first = next(iter(found["metrics"]["overall"]), {"metric": ""})["metric"]
    return METRIC_NAMES.get(first, first)


def _slices(found: Found) -> Iterator[dict[str, Any]]:
    if not found["metrics"]["overall"]:
        return
    overall = found["metrics"]["overall"][0]
    for line in found["slices"]:
        values = line["metrics"][overall["metric"]]
        known = None not in values
        change = values[1] - values[0] if known else None
        gain = change if overall["bigger_is_better"] or change is None else -change
        yield {
            "slice": line["slice"],
            "rows": ["" if rows is None else f"{rows:,}" for rows in line["rows"]],
            "values": ["" if value is None else number(value) for value in values],
            "gain": "" if gain is None else signed(gain, 3),
            "better": _better(gain),
        }


def _check(check: Found) -> dict[str, Any]:
    metric = METRIC_NAMES.get(check["metric"], check["metric"])
    return {
        "title": f"{metric}: {KINDS.get(check['kind'], check['kind'].replace('_', ' '))}",
        "slice": check["slice"],
        "found": ["" if value is None else number(value, 4) for value in check["found"]],
        "required": ["" if value is None else number(value, 4) for value in check["required"]],
        "verdicts": check["verdict"],
        "passed": all(verdict in _PASSED for verdict in check["verdict"]),
    }


def _change(line: Found) -> dict[str, Any]:
    return {"name": line["name"], "values": [_text(value) for value in line["values"]]}


def _day(line: Found) -> dict[str, Any]:
    return {
        "name": line["part"],
        "values": [_stretch(*ends) if ends else "–" for ends in line["values"]],
    }


def _text(value: object) -> str:
    if value is None:
        return "–"
    listed = isinstance(value, list | dict)
    return json.dumps(value, ensure_ascii=False) if listed else str(value)


def _dataset(each: Found) -> dict[str, Any]:
    return {
        **each,
        "sizes": [
            f"{partitions:,} partitions, {rows:,} rows"
            f"{f', {before:,} as superseded, too' if before else ''}"
            for partitions, rows, before in zip(
                each["partitions"], each["rows"], each["superseded"], strict=True
            )
        ],
        "only": [", ".join(_stretch(*ends) for ends in stretches) for stretches in each["only"]],
    }


def _stretch(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"


def _commits(code: Found) -> Iterator[str]:
    for commit, dirty in zip(code["commit"], code["dirty"], strict=True):
        yield f"{commit or 'no commit'}{', dirty' if dirty else ''}"
