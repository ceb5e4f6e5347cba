"""The page of an examination: what each feature gains beside what it costs, and simpler models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from laurel.domain.canonical import digest
from laurel.pages import svg
from laurel.pages.charts import Mark
from laurel.pages.names import METRIC_NAMES
from laurel.pages.page import number, templates

MARKS: Mapping[str, Mark] = {"gain": "yes", "better": "yes", "worse": "yes", "harmful": "no"}
"""What is drawn green or red; the rest is grey. Of a rival that is worse, the model is better."""
SAID = {
    "gain": "gains",
    "replaceable": "replaceable",
    "noise": "within noise",
    "unused": "unused",
    "harmful": "harms",
    "undefined": "undefined",
}
CHIPS = {"gain": "pass", "harmful": "fail"}
STANDINGS = {"worse": "none", "as good": "warning", "better": "warning"}


def render_examination(
    document: Mapping[str, Any], *, observed: Mapping[str, Any], run: str
) -> str:
    """The page as HTML that needs nothing else: no script, no fetch.

    document: as kept beside the page in ``examination.json``. observed: what was measured while
    it was made, ``cost`` among it; it differs from run to run.
    """
    settings = document["settings"]
    scale = _scale(document["features"], document["floor"])
    joint = _scale(document["groups"], document["floor"])
    rivals = list(document["rivals"])
    wide = _scale([{"permuted": each["behind"]} for each in rivals], settings["margin"])
    costs = _costs(observed["cost"])
    return (
        templates()
        .get_template("examination.html")
        .render(
            document=document,
            settings=settings,
            run=run,
            observed=observed,
            metric=METRIC_NAMES.get(document["metric"], document["metric"]),
            base=[
                (METRIC_NAMES.get(name, name), value) for name, value in document["base"].items()
            ],
            features=[
                _feature(each, costs, scale, document["floor"]) for each in document["features"]
            ],
            groups=[_group(each, joint, document["floor"]) for each in document["groups"]],
            rivals=[_rival(each, wide, settings["margin"]) for each in rivals],
            noise=[
                {"source": source, **_words(effect)} for source, effect in document["noise"].items()
            ],
            digest=digest(document),
        )
    )


def _feature(
    each: Mapping[str, Any],
    costs: Mapping[str, Mapping[str, Any]],
    scale: svg.Scale,
    floor: float,
) -> dict[str, Any]:
    name = each["facts"]["name"]
    return {
        **each,
        **_words(each["permuted"]),
        "name": name,
        # a rounded -0.0 % is no negative share
        "alone": None if each["alone"] is None else round(each["alone"], 3) + 0.0,
        "said": SAID[each["verdict"]],
        "chip": CHIPS.get(each["verdict"], "underpowered"),
        "without": _words(each["ablated"]) if each["ablated"] else None,
        "chart": _strip(each["permuted"], scale, floor, title=name, verdict=each["verdict"]),
        "cost": costs.get(name),
    }


def _group(each: Mapping[str, Any], scale: svg.Scale, floor: float) -> dict[str, Any]:
    return {
        **each,
        **_words(each["permuted"]),
        "said": SAID[each["verdict"]],
        "chip": CHIPS.get(each["verdict"], "underpowered"),
        "without": _words(each["ablated"]) if each["ablated"] else None,
        "chart": _strip(
            each["permuted"], scale, floor, title=each["name"], verdict=each["verdict"]
        ),
    }


def _rival(each: Mapping[str, Any], scale: svg.Scale, margin: float) -> dict[str, Any]:
    return {
        **each,
        **_words(each["behind"]),
        "chip": STANDINGS.get(each["standing"], "underpowered"),
        "chart": _strip(
            each["behind"], scale, margin, title=each["title"], verdict=each["standing"]
        ),
    }


def _words(effect: Mapping[str, Any]) -> dict[str, Any]:
    low, high = effect["low"], effect["high"]
    inside = "" if low is None else f"{number(low, 5)} to {number(high, 5)}"
    return {"value": effect["value"], "bounds": inside}


def _costs(cost: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What building a feature takes: the time of its part, and how many features share it."""
    days = max(1, cost["partitions"])
    return {
        name: {
            "part": part["name"],
            "seconds": part["seconds"] / days,
            "shared": len(part["features"]),
        }
        for part in cost["parts"]
        for name in part["features"]
    }


def _scale(found: Iterable[Mapping[str, Any]], level: float) -> svg.Scale:
    """One scale for all, so that their lengths can be compared."""
    effects = [each["permuted"] for each in found]
    ends = [effect[end] for effect in effects for end in ("low", "value", "high")]
    low, high = svg.padded([0.0, level, *(end for end in ends if end is not None)], share=0.04)
    return svg.Scale(low, high, 2, WIDTH - 2)


WIDTH, HEIGHT = 220, 22


def _strip(
    effect: Mapping[str, Any], x: svg.Scale, level: float, *, title: str, verdict: str
) -> Markup:
    """An effect with its bounds over zero and the level below which it counts for nothing."""
    if effect["value"] is None:
        return Markup('<span class="quiet">undefined</span>')
    mark, middle = MARKS.get(verdict, "unsure"), HEIGHT / 2
    parts: Sequence[Markup] = [
        Markup('<rect class="floor" x="{}" y="2" width="{:.1f}" height="{}"/>').format(
            x(0.0), max(0.0, x(level) - x(0.0)), HEIGHT - 4
        ),
        Markup('<line class="axis" x1="{0}" x2="{0}" y1="2" y2="{1}"/>').format(x(0.0), HEIGHT - 2),
    ]
    if effect["low"] is not None:
        span = Markup('<line class="span {}" x1="{}" x2="{}" y1="{}" y2="{}"/>')
        parts = [*parts, span.format(mark, x(effect["low"]), x(effect["high"]), middle, middle)]
    dot = Markup('<circle class="dot {}" cx="{}" cy="{}" r="3.4"/>')
    parts = [*parts, dot.format(mark, x(effect["value"]), middle)]
    text = f"{title}: {effect['value']:.5f}"
    return svg.draw(parts, width=WIDTH, height=HEIGHT, title=text, kind="spark")
