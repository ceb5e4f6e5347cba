"""The page of one prediction: what it says, what each feature added, what it came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from laurel.domain.explained import Explained, Output
from laurel.pages.card import SPACES
from laurel.pages.card_charts import waterfall
from laurel.pages.page import templates

SHOWN = 14
"""Features in the waterfall; the rest is one step."""


def render_prediction(found: Explained, *, title: str) -> str:
    """The page as HTML that needs nothing else: no script, no fetch."""
    space, _ = SPACES.get(found.objective, ("units of the label", None))
    return (
        templates()
        .get_template("prediction.html")
        .render(
            found=found,
            title=title,
            sentence=_sentence(found),
            scores={name: f"{value:.6g}" for name, value in found.scores.items()},
            outputs=[_output(each, many=len(found.outputs) > 1) for each in found.outputs],
            row=[{**each, "text": text(each["value"])} for each in found.row],
            space=space,
        )
    )


def text(value: Any) -> str:
    """A value as it is read.

    >>> text(None), text(True), text(0.30000001192)
    ('missing', 'yes', '0.3')
    """
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _sentence(found: Explained) -> str:
    scores = ", ".join(f"{name} {value:.4g}" for name, value in found.scores.items())
    decision = found.prediction.get("decision")
    said = f"{found.source.model_version} said {scores}"
    if decision is None:
        return f"{said}."
    if found.threshold is None:
        return f"{said} and decided {text(decision)}."
    side = "at or above" if decision else "below"
    return f"{said}, {side} the threshold of {found.threshold:g}: decided {text(decision)}."


def _output(output: Output, *, many: bool) -> dict[str, Any]:
    title = f"Class {output.name}" if many else "From the base to the margin"
    return {
        "title": title,
        "chart": waterfall(output.base, list(_steps(output)), title=title),
        "base": output.base,
        "margin": output.margin,
        "rows": [
            {
                "feature": each.feature,
                "value": each.note if each.value is None else text(each.value),
                "note": "" if each.value is None else each.note,
                "contribution": each.contribution,
            }
            for each in output.contributions
        ],
    }


def _steps(output: Output) -> Iterator[tuple[str, float]]:
    for each in output.contributions[:SHOWN]:
        value = each.note if each.value is None else text(each.value)
        yield f"{each.feature} = {value}", each.contribution
    rest = output.contributions[SHOWN:]
    if rest:
        yield f"{len(rest)} others", sum(each.contribution for each in rest)
