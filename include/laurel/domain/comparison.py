"""Two training runs side by side: what was set, read, run and found, and where they differ.

A comparison is made of the records alone and is plain JSON values, so that a terminal, a page and
a program read the same. Every pair is ``[first, second]``, in the order in which they were named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from laurel.domain.bundle import Bundle
from laurel.domain.config import COST
from laurel.domain.objective import OBJECTIVES
from laurel.domain.read_data import compare_datasets, compare_days

CONFIDENCE = "0.95"
"""The confidence of the intervals shown: two one-sided bounds of it."""

Pair = list[Any]


@dataclass(frozen=True)
class Facts:
    """What the records say of one training run."""

    bundle: Bundle
    evidence: Mapping[str, Any]
    importance: Sequence[Mapping[str, Any]]
    """Feature by feature with ``name`` and ``gain_share``; empty where the run kept none."""
    window: Mapping[str, Any]
    packages: Sequence[str] | None
    """Installed versions; ``None`` where the store does not have the list."""
    code: Mapping[str, str]
    """The md5 of each file of code that a stage depended on."""


def compare_runs(first: Facts, second: Facts) -> dict[str, Any]:
    """All of it, under a name for each part."""
    return {
        "usecase": second.bundle.usecase,
        "runs": [_head(first), _head(second)],
        "parameters": list(changed_values("", first.bundle.parameters, second.bundle.parameters)),
        "data": {
            "days": compare_days(first.window, second.window),
            "datasets": compare_datasets(first.bundle.inputs, second.bundle.inputs),
        },
        "code": _code(first, second),
        "environment": list(_environment(first, second)),
        "metrics": {
            "same_rows": list(first.evidence["holdout"]) == list(second.evidence["holdout"]),
            "overall": list(_metrics(first.evidence, second.evidence)),
            "paired": _paired(first, second),
        },
        "slices": list(_slices(first.evidence, second.evidence)),
        "importance": _importance(first.importance, second.importance),
        "gate": list(_gate(first.bundle, second.bundle)),
    }


def changed_values(name: str, before: Any, after: Any) -> Iterator[dict[str, Any]]:
    """Values that differ, each by its own name.

    >>> list(changed_values("model", {"rounds": 60, "seed": 7}, {"rounds": 50, "seed": 7}))
    [{'name': 'model.rounds', 'values': [60, 50]}]
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*before, *(key for key in after if key not in before)]:
            inner = f"{name}.{key}" if name else str(key)
            yield from changed_values(inner, before.get(key), after.get(key))
    elif before != after:
        yield {"name": name, "values": [before, after]}


def _head(facts: Facts) -> dict[str, Any]:
    bundle, evidence = facts.bundle, facts.evidence
    verdict = bundle.verdict or {}
    return {
        "run": bundle.id,
        "model_version": bundle.model_version,
        "usecase": bundle.usecase,
        "as_of": str(evidence["as_of"]),
        "objective": evidence.get("objective", "binary"),
        "champion": evidence["champion"],
        "holdout": list(evidence["holdout"]),
        "holdout_rows": evidence["overall"]["rows"],
        "outcome": verdict.get("outcome"),
        "reasons": list(verdict.get("reasons", ())),
    }


def _code(first: Facts, second: Facts) -> dict[str, Any]:
    before, after = first.bundle.code, second.bundle.code
    names = sorted(first.code.keys() | second.code.keys())
    return {
        "commit": [before.commit, after.commit],
        "dirty": [before.dirty, after.dirty],
        "version": [before.version, after.version],
        "files": [name for name in names if first.code.get(name) != second.code.get(name)],
    }


def _environment(first: Facts, second: Facts) -> Iterator[dict[str, Any]]:
    before, after = first.bundle.environment, second.bundle.environment
    for name in ("python", "machine", "libc"):
        if getattr(before, name) != getattr(after, name):
            yield {"name": name, "values": [getattr(before, name), getattr(after, name)]}
    if before.packages == after.packages:
        return
    if first.packages is None or second.packages is None:
        yield {"name": "packages", "values": [before.packages[:12], after.packages[:12]]}
        return
    versions = [dict(line.split("==", 1) for line in each) for each in _lists(first, second)]
    for name in sorted(versions[0].keys() | versions[1].keys()):
        pair = [each.get(name) for each in versions]
        if pair[0] != pair[1]:
            yield {"name": name, "values": pair}


def _lists(first: Facts, second: Facts) -> Iterator[Sequence[str]]:
    for facts in (first, second):
        yield facts.packages or ()


def _metrics(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each metric with its bounds, and by how much the second run is better."""
    before, after = first["overall"]["metrics"], second["overall"]["metrics"]
    for name in _names(first, second):
        measured = [_measure(each.get(name)) for each in (before, after)]
        values = [each["value"] for each in measured]
        yield {
            "metric": name,
            "bigger_is_better": is_bigger_better(second, name),
            "values": measured,
            "gain": _gain(second, name, values),
        }


def _measure(measured: Mapping[str, Any] | None) -> dict[str, Any]:
    bounds = ((measured or {}).get("bounds") or {}).get(CONFIDENCE)
    return {"value": (measured or {}).get("value"), "bounds": list(bounds) if bounds else None}


def is_bigger_better(evidence: Mapping[str, Any], metric: str) -> bool:
    """The direction of a metric of a run's objective; a cost is better where it is less."""
    if metric == COST:
        return False
    found = OBJECTIVES[evidence.get("objective", "binary")].metrics.get(metric)
    return found is None or found.bigger_is_better


def _gain(evidence: Mapping[str, Any], metric: str, values: Sequence[float | None]) -> float | None:
    """By how much the second value is better than the first: above zero is better, always."""
    before, after = values
    if before is None or after is None:
        return None
    return after - before if is_bigger_better(evidence, metric) else before - after


def _names(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    metrics = (first["overall"]["metrics"], second["overall"]["metrics"])
    return list(dict.fromkeys([*metrics[0], *metrics[1]]))


def _paired(first: Facts, second: Facts) -> dict[str, Any] | None:
    """What a run's own evidence says of the other one, its champion, on the same rows."""
    for place, (facts, other) in enumerate([(second, first), (first, second)]):
        overall = facts.evidence["overall"]
        if facts.evidence["champion"] == other.bundle.model_version and overall["champion"]:
            return {
                "challenger": 1 - place,
                "rows": overall["compared_rows"],
                "metrics": [
                    {
                        "metric": name,
                        "gain": found["gain"],
                        "bounds": (found["bounds"] or {}).get(CONFIDENCE),
                    }
                    for name, found in overall["champion"].items()
                ],
            }
    return None


def _slices(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    before, after = (
        {scope["slice"]: scope for scope in each["slices"]} for each in (first, second)
    )
    for name in dict.fromkeys([*before, *after]):
        pair = [each.get(name) for each in (before, after)]
        yield {
            "slice": name,
            "rows": [scope["rows"] if scope else None for scope in pair],
            "metrics": {
                metric: [_slice_value(scope, metric) for scope in pair]
                for metric in _names(first, second)
            },
        }


def _slice_value(scope: Mapping[str, Any] | None, metric: str) -> float | None:
    value: float | None = _measure(scope["metrics"].get(metric))["value"] if scope else None
    return value


def _importance(
    first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Share of all gain by feature, those of the second run first, by their rank in it."""
    shares = [{each["name"]: each["gain_share"] for each in run} for run in (first, second)]
    ranks = [{each["name"]: place for place, each in enumerate(run, 1)} for run in (first, second)]
    return [
        {
            "feature": name,
            "gain_share": [each.get(name) for each in shares],
            "rank": [each.get(name) for each in ranks],
        }
        for name in dict.fromkeys([*shares[1], *shares[0]])
    ]


def _gate(first: Bundle, second: Bundle) -> Iterator[dict[str, Any]]:
    """Each check of either gate, with what was found, required and said."""
    before, after = ({_key(check): check for check in _checks(run)} for run in (first, second))
    for key in dict.fromkeys([*before, *after]):
        kind, metric, scope = key
        pair = [each.get(key) for each in (before, after)]
        yield {
            "kind": kind,
            "metric": metric,
            "slice": scope,
            **{
                name: [check.get(name) if check else None for check in pair]
                for name in ("found", "required", "verdict")
            },
        }


def _checks(run: Bundle) -> list[dict[str, Any]]:
    return list((run.verdict or {}).get("checks", ()))


def _key(check: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    return check["kind"], check.get("metric"), check.get("slice")
