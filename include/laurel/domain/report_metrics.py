"""A report as gauges for system monitoring: a few names that stay, described in docs/alarms.md.

What is undefined has no sample: an absent value can be seen, a zero would be believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Document = Mapping[str, Any]
Labels = Mapping[str, str]
Sample = tuple[Labels, float | None]


@dataclass(frozen=True)
class Gauge:
    """One name, what it means, and its samples by labels."""

    name: str
    meaning: str
    samples: tuple[tuple[Labels, float], ...]


def gauges(document: Document) -> tuple[Gauge, ...]:
    """The gauges of a report's document, each sample labelled with the use case.

    >>> [gauge.name for gauge in gauges({})][:2]
    ['laurel_report_partition_timestamp_seconds', 'laurel_report_rows']
    """
    own = {"usecase": str(document.get("usecase", ""))}
    return tuple(
        Gauge(
            name,
            meaning,
            tuple(
                ({**own, **labels}, float(value))
                for labels, value in (sample(document) if document else ())
                if value is not None
            ),
        )
        for name, meaning, sample in _GAUGES
    )


def _started(document: Document) -> Iterator[Sample]:
    day = datetime.fromisoformat(document["partition"]).replace(tzinfo=UTC)
    yield {}, day.timestamp()


def _rows(document: Document) -> Iterator[Sample]:
    yield {}, document["rows"]


def _standing(document: Document) -> Iterator[Sample]:
    for standing in ("deserved", "alarmed", "unknown"):
        yield {"standing": standing}, float(document["standing"] == standing)


def _champion(document: Document) -> Iterator[Sample]:
    yield {"model_version": document["champion"]["model_version"]}, document["champion_age_days"]


def _alarms(document: Document) -> Iterator[Sample]:
    for state in ("learning", "suspected", "confirmed", "acknowledged"):
        for severity in ("warning", "critical"):
            found = [
                alarm
                for alarm in document["alarms"]
                if _state(alarm) == state and alarm["severity"] == severity
            ]
            yield {"state": state, "severity": severity}, float(len(found))


def _alarm(document: Document) -> Iterator[Sample]:
    for alarm in document["alarms"]:
        labels = {"check": alarm["check"], "severity": alarm["severity"]}
        yield {**labels, "state": _state(alarm)}, 1.0


def _state(alarm: Mapping[str, Any]) -> str:
    return "acknowledged" if alarm.get("silenced") else str(alarm.get("state", "confirmed"))


def _performance(document: Document) -> Iterator[Sample]:
    for whose in ("champion", "served"):
        for metric, value in document["realised"][whose]["metrics"].items():
            yield {"metric": metric, "rows": whose}, value


def _estimate(document: Document) -> Iterator[Sample]:
    for metric, value in document["realised"]["estimate"].items():
        yield {"metric": metric}, value


def _outstanding(document: Document) -> Iterator[Sample]:
    champion = document["realised"]["champion"]
    rows = champion["rows"]
    yield {}, 1 - champion["labelled"] / rows if rows else None


def _drift(document: Document) -> Iterator[Sample]:
    for comparison in document["comparisons"]:
        for drift in (*comparison["features"], *comparison["scores"]):
            yield {"column": drift["name"], "comparison": comparison["name"]}, drift["psi"]


def _scores(document: Document) -> Iterator[Sample]:
    for name, value in document["mean_scores"].items():
        yield {"score": name}, value


def _freshness(document: Document) -> Iterator[Sample]:
    for item in document["freshness"]:
        yield {"dataset": item["dataset"]}, item["days"]


def _quarantine(document: Document) -> Iterator[Sample]:
    yield {}, float(len(document["quarantine"]))


def _skew(document: Document) -> Iterator[Sample]:
    yield {}, document["skew"]["differing"] if document["skew"] else None


def _retrain(document: Document) -> Iterator[Sample]:
    yield {}, float(document["retrain"])


_GAUGES: tuple[tuple[str, str, Callable[[Document], Iterator[Sample]]], ...] = (
    (
        "laurel_report_partition_timestamp_seconds",
        "Start of the partition that is reported on, as seconds since 1970 in UTC.",
        _started,
    ),
    ("laurel_report_rows", "Rows that were scored.", _rows),
    ("laurel_report_standing", "1 for the standing of the champion, 0 for others.", _standing),
    (
        "laurel_champion_age_days",
        "Days from the champion's as_of to the partition's end.",
        _champion,
    ),
    ("laurel_alarms", "Open alarms by state and severity.", _alarms),
    ("laurel_alarm", "1 for each open alarm.", _alarm),
    (
        "laurel_performance",
        "Realised performance over the trailing window: of the champion's rows, of all served.",
        _performance,
    ),
    ("laurel_performance_estimate", "What the scores promise of this partition.", _estimate),
    (
        "laurel_labels_outstanding_ratio",
        "Share of the champion's rows of the window whose labels have not matured.",
        _outstanding,
    ),
    ("laurel_drift_psi", "Population stability index of a feature or score.", _drift),
    ("laurel_score_mean", "Mean of a score over the partition.", _scores),
    ("laurel_freshness_days", "Days that a dataset's newest partition lies behind.", _freshness),
    ("laurel_quarantined", "Entries of this partition in quarantine.", _quarantine),
    ("laurel_skew_rows", "Published scores that differ from those computed anew.", _skew),
    ("laurel_retrain_asked", "1 where the report asks for retraining.", _retrain),
)
NAMES = tuple(name for name, _, _ in _GAUGES)
