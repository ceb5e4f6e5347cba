"""What a correction changes: metrics, decisions, predictions and alarms, as known and as corrected.

A decision *flips* where the gate would have said the other thing. What follows in the history is
not played through: each training meets the champion of then, and :func:`reigns_if` says who would
have reigned.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.canonical import instant
from laurel.domain.ledger import LedgerState

TOP = 20
"""Rows shown of those that change most."""
SCHEMA = 1


@dataclass(frozen=True)
class Changed:
    """The predictions of one partition beside those as corrected."""

    partition: str
    rows: int
    """Rows that are in both."""
    changed: int
    """Rows whose score is another one."""
    total: float
    """The sum of the absolute changes."""
    largest: float
    flipped: int
    """Rows that are decided the other way."""
    added: int
    removed: int
    top: tuple[Mapping[str, Any], ...]
    """The rows that change most: key, score and decision as known and as corrected."""


def compare_predictions(
    known: pd.DataFrame,
    corrected: pd.DataFrame,
    *,
    key: Sequence[str],
    partition: str,
    scores: Sequence[str] = ("score",),
) -> Changed:
    """Compare two tables of predictions by key; of several scores of a row the largest change.

    known, corrected: the key, the scores, and ``decision`` where there is one (missing where
    nothing is decided).
    """
    decides = "decision" in known and "decision" in corrected
    columns = [*key, *scores, *(["decision"] if decides else [])]
    both = known[columns].merge(
        corrected[columns], on=list(key), how="outer", suffixes=("_known", ""), indicator="side"
    )
    side = both.pop("side")
    rows = both[side == "both"].reset_index(drop=True)
    moved = np.column_stack(
        [(rows[name] - rows[f"{name}_known"]).abs().to_numpy(dtype=float) for name in scores]
    )
    gaps, most = moved.max(axis=1, initial=0.0), moved.argmax(axis=1)
    flipped = _flipped(rows) if decides else np.zeros(len(rows), bool)
    order = np.lexsort((*(rows[name].to_numpy() for name in reversed(key)), -gaps))[:TOP]
    return Changed(
        partition=partition,
        rows=len(rows),
        changed=int((gaps > 0).sum()),
        total=math.fsum(gaps),
        largest=float(gaps.max()) if len(gaps) else 0.0,
        flipped=int(flipped.sum()),
        added=int((side == "right_only").sum()),
        removed=int((side == "left_only").sum()),
        top=tuple(
            _row(rows, place, key, partition, score=scores[most[place]])
            for place in order
            if gaps[place] > 0
        ),
    )


def sum_changes(changes: Sequence[Changed]) -> dict[str, Any]:
    """All partitions together: counts, mean and largest change, and the rows that change most.

    >>> sum_changes([])["changed"]
    0
    """
    rows = sum(each.rows for each in changes)
    top = heapq.nlargest(
        TOP, (row for each in changes for row in each.top), key=lambda row: float(row["change"])
    )
    return {
        "partitions": len(changes),
        "rows": rows,
        "changed": sum(each.changed for each in changes),
        "mean_change": math.fsum(each.total for each in changes) / rows if rows else None,
        "largest_change": max((each.largest for each in changes), default=None),
        "flipped": sum(each.flipped for each in changes),
        "flipped_share": sum(each.flipped for each in changes) / rows if rows else None,
        "added": sum(each.added for each in changes),
        "removed": sum(each.removed for each in changes),
        "top": [dict(row) for row in top],
        "days": [
            {
                "partition": each.partition,
                "rows": each.rows,
                "changed": each.changed,
                "mean_change": each.total / each.rows if each.rows else None,
                "largest_change": each.largest,
                "flipped": each.flipped,
            }
            for each in changes
        ],
    }


def compare_verdicts(known: Mapping[str, Any], corrected: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics, outcome, and the thresholds that say another thing, of two verdicts of the gate.

    >>> one = {"outcome": "promote", "metrics": {"auc": 0.7}, "checks": []}
    >>> compare_verdicts(one, {**one, "outcome": "reject"})["flipped"]
    True
    """
    names = sorted({*known["metrics"], *corrected["metrics"]})
    return {
        "metrics": {
            name: {
                "known": known["metrics"].get(name),
                "corrected": corrected["metrics"].get(name),
            }
            for name in names
        },
        "known": known["outcome"],
        "corrected": corrected["outcome"],
        "flipped": known["outcome"] != corrected["outcome"],
        "thresholds": list(_thresholds(known["checks"], corrected["checks"])),
    }


def reigns_if(state: LedgerState, flips: Mapping[str, str]) -> list[dict[str, Any]]:
    """Where another champion would have reigned, had the gate's decisions been these.

    flips: the run of a training → ``promote`` or ``reject``. Decisions of persons stay as they are.

    >>> reigns_if(LedgerState(), {})
    []
    """
    events = {"promote": "promoted", "reject": "rejected"}
    history = tuple(
        entry.model_copy(update={"event": events[flips[entry.run or ""]]})
        if entry.run in flips and entry.event in events.values()
        else entry
        for entry in state.history
    )
    other = LedgerState(history)
    found: list[dict[str, Any]] = []
    moments = sorted({entry.effective_from for entry in state.history})
    for start, end in zip(moments, [*moments[1:], None], strict=False):
        known, corrected = _reigning(state, start), _reigning(other, start)
        if known == corrected:
            continue
        same = found and found[-1]["end"] == instant(start) and found[-1]["known"] == known
        if same and found[-1]["corrected"] == corrected:
            found[-1]["end"] = instant(end) if end else None
        else:
            found.append(
                {
                    "start": instant(start),
                    "end": instant(end) if end else None,
                    "known": known,
                    "corrected": corrected,
                }
            )
    return found


def compare_reports(known: Mapping[str, Any], corrected: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict, alarms and realised metrics of two reports' documents."""
    alarms = [
        {alarm["check"]: alarm for alarm in report["alarms"]} for report in (known, corrected)
    ]
    said = [{name: a["severity"] for name, a in found.items()} for found in alarms]
    metrics = [report["realised"]["champion"]["metrics"] for report in (known, corrected)]
    return {
        "known": known["verdict"],
        "corrected": corrected["verdict"],
        "differs": said[0] != said[1],
        "gone": [alarms[0][name]["reason"] for name in sorted({*said[0]} - {*said[1]})],
        "new": [alarms[1][name]["reason"] for name in sorted({*said[1]} - {*said[0]})],
        "metrics": {
            name: {"known": metrics[0].get(name), "corrected": metrics[1].get(name)}
            for name in sorted({*metrics[0], *metrics[1]})
        },
    }


def sentence(document: Mapping[str, Any]) -> str:
    """What a restatement found, in a sentence or two."""
    made, reports = document["trainings"], document["reports"]
    changes = document["predictions"]
    flips = sum(each["flipped"] for each in made)
    alarmed = sum(each["differs"] for each in reports)
    said = [
        f"{flips} of {_count(len(made), 'decision')} would have flipped",
        f"{changes['changed']:,} of {_count(changes['rows'], 'prediction')} "
        f"change{_by(changes['largest_change'])}",
        f"{changes['flipped']:,} would be decided the other way",
        f"{alarmed} of {_count(len(reports), 'report')} would have other alarms",
    ]
    days = [each["partition"] for each in document["partitions"]]
    which = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    data = f"{document['dataset']} of {which}"
    return f"With {data} as corrected, {', '.join(said[:-1])}, and {said[-1]}."


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _by(largest: float | None) -> str:
    return f" by up to {largest:.3f}" if largest else ""


def _flipped(rows: pd.DataFrame) -> NDArray[np.bool_]:
    one, other = rows["decision"], rows["decision_known"]
    both = (one.notna() & other.notna()).to_numpy(dtype=bool)
    return both & (one.astype(object) != other.astype(object)).to_numpy(dtype=bool, na_value=False)


def _row(
    rows: pd.DataFrame, place: int, key: Sequence[str], partition: str, *, score: str
) -> dict[str, Any]:
    row = rows.iloc[place]
    known, corrected = float(row[f"{score}_known"]), float(row[score])
    return {
        "partition": partition,
        "key": {name: str(row[name]) for name in key},
        "score": score,
        "known": known,
        "corrected": corrected,
        "change": abs(corrected - known),
        "decision_known": _plain(row.get("decision_known")),
        "decision": _plain(row.get("decision")),
    }


def _plain(decision: Any) -> Any:
    """A decision as a plain JSON value: a boolean, a class, or nothing."""
    if decision is None or pd.isna(decision):
        return None
    return decision.item() if isinstance(decision, np.generic) else decision


def _thresholds(
    known: Sequence[Mapping[str, Any]], corrected: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    before = {(c["kind"], c["metric"], c["slice"]): c for c in known}
    for check in corrected:
        old = before.get((check["kind"], check["metric"], check["slice"]))
        if old is not None and old["verdict"] != check["verdict"]:
            yield {
                "metric": check["metric"],
                "kind": check["kind"],
                "slice": check["slice"],
                "known": old["verdict"],
                "corrected": check["verdict"],
                "reason": check["reason"],
            }


def _reigning(state: LedgerState, moment: datetime) -> str | None:
    entry = state.champion_as_of(moment)
    return entry.model_version if entry else None
