"""The page of a search for parameters: its trials, what mattered, where the best one lies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from laurel.domain.canonical import digest
from laurel.domain.trial import Trial, ranked
from laurel.pages import charts, tuning_charts
from laurel.pages.names import METRIC_NAMES
from laurel.pages.page import templates

TOP = 15
"""Trials in the table; the rest is counted."""
PRUNERS = {"median": "median of earlier trials", "hyperband": "Hyperband", "none": "none"}


def render_tuning(
    *,
    search: Mapping[str, Any],
    best: Mapping[str, Any],
    trials: Sequence[Trial],
    model_version: str,
    run: str,
) -> str:
    """The page as HTML that needs nothing else: no script, no fetch.

    search, best: the documents of a search as they are kept with its run.
    """
    bigger = bool(search["bigger_is_better"])
    drawn = {"best": best["trial"], "bigger_is_better": bigger}
    metric = METRIC_NAMES.get(search["metric"], search["metric"])
    shares = best["importances"]
    ordered = [name for name, _ in shares] or sorted(search["tuning"]["space"])
    pruned = [trial for trial in trials if trial.state == "pruned"]
    return (
        templates()
        .get_template("tuning.html")
        .render(
            search=search,
            best=best,
            metric=metric,
            model_version=model_version,
            run=run,
            sentence=_sentence(best, metric, count=len(trials), bigger_is_better=bigger),
            count=len(trials),
            pruned=len(pruned),
            pruner=PRUNERS[search["tuning"]["pruner"]["kind"]],
            history=tuning_charts.history(trials, title=f"{metric} of each trial", **drawn),
            ways=tuning_charts.by_rounds(trials, title=f"{metric} by rounds", **drawn),
            importances=charts.bars([(n, v) for n, v in shares], title="Share of the variance"),
            parameters=[
                (name, tuning_charts.by_parameter(name, searched, trials, **drawn))
                for name, searched in ((n, search["tuning"]["space"][n]) for n in ordered)
            ],
            folds=tuning_charts.folds(search["folds"], title="Days of the folds"),
            names=ordered,
            space=list(_space(search, best, ordered)),
            top=list(_top(trials, bigger_is_better=bigger)),
            rest=max(0, len(trials) - TOP),
            identity={"Run": run, "Search": search["digest"], "Best trial": digest(best)},
        )
    )


def _sentence(best: Mapping[str, Any], metric: str, *, count: int, bigger_is_better: bool) -> str:
    first, value = best["first"]["value"], best["value"]
    said = f"{metric} {value:.5g}"
    if count == 1:
        return f"There was one trial, with the parameters of the use case: {said}."
    if best["trial"] == 1:
        return (
            f"None of the other {count - 1} is better than the parameters of the use case: "
            f"{said}, the mean over the folds."
        )
    gain = value - first if bigger_is_better else first - value
    share = f"{gain / abs(first):.1%} better than" if first else "against"
    return (
        f"Trial {best['trial']} of {count} is best: {said}, the mean over the folds; {share} "
        f"{first:.5g} with the parameters of the use case."
    )


def _space(
    search: Mapping[str, Any], best: Mapping[str, Any], names: Sequence[str]
) -> Iterator[dict[str, str]]:
    for name in names:
        searched = search["tuning"]["space"][name]
        yield {
            "name": name,
            "searched": _range(searched),
            "first": said(best["first"]["params"][name]),
            "best": said(best["params"][name]),
        }


def _range(searched: Mapping[str, Any]) -> str:
    if searched["kind"] == "choice":
        return " or ".join(said(value) for value in searched["of"])
    text = f"{said(searched['low'])} to {said(searched['high'])}"
    if searched["log"]:
        return f"{text}, by ratios"
    step = searched["step"]
    return f"{text}, in steps of {said(step)}" if step not in (None, 1) else text


def _top(trials: Sequence[Trial], *, bigger_is_better: bool) -> Iterator[dict[str, Any]]:
    for trial in ranked(trials, bigger_is_better=bigger_is_better)[:TOP]:
        yield {
            **trial.document(),
            "params": {name: said(value) for name, value in trial.params.items()},
            "folds": " · ".join(f"{value:.4f}" for value in trial.last.folds),
        }


def said(value: object) -> str:
    """A value of a parameter, for reading.

    >>> said(0.0951647102944285), said(6), said(True), said("lossguide")
    ('0.09516', '6', 'yes', 'lossguide')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.4g}"
    return str(value)
