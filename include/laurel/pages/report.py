"""The page of a nightly report: one sentence of verdict, then everything it rests on."""

from __future__ import annotations

from collections.abc import Sequence

from laurel.domain.canonical import digest
from laurel.domain.partition import Partition
from laurel.domain.report import Report
from laurel.domain.since_yesterday import since_yesterday
from laurel.pages.nightly import data, drift, performance
from laurel.pages.nightly.terms import METRICS, TERMS, metric_meaning, metric_name
from laurel.pages.page import templates


def render_report(report: Report, *, recompute: Sequence[str] | None = None) -> str:
    """The page as HTML that needs nothing else: no script, no fetch.

    recompute: the commands that make the report again; the command line's and Airflow's when left
    out.
    """
    drawn, others = drift.drift_rows(report)
    return (
        templates()
        .get_template("report.html")
        .render(
            report=report,
            changes=since_yesterday(report),
            judged=[alarm for alarm in report.alarms if alarm.state != "learning"],
            learning=[alarm for alarm in report.alarms if alarm.state == "learning"],
            metrics=list(performance.metric_rows(report)),
            over_time=list(performance.over_time(report)),
            standing=[
                performance.calibration(report),
                *performance.slices(report),
                *performance.gaps(report),
                *performance.ageing(report),
            ],
            ranking=drift.ranking(report),
            drifts=drawn,
            others=others,
            separations=drift.separations(report),
            correlations=drift.correlations(report),
            datasets=data.datasets(report),
            terms=TERMS,
            glossary=_glossary(report),
            chance=drift.chance,
            metric_name=metric_name,
            metric_meaning=metric_meaning,
            recompute=_commands(report) if recompute is None else recompute,
            digest=digest(report.document()),
        )
    )


def _glossary(report: Report) -> list[tuple[str, str]]:
    """What the words of the page mean, for paper and for screens without a pointer."""
    names = [*report.realised.champion.metrics, "mean_label", "mean_score"]
    metrics = [(metric_name(name), METRICS[name]) for name in names if name in METRICS]
    words = [(word.replace("_", " "), text) for word, text in TERMS.items()]
    known = {name.lower() for name, _ in metrics}
    return [*metrics, *((word, text) for word, text in words if word not in known)]


def _commands(report: Report) -> list[str]:
    day = Partition.of(report.partition)
    return [
        f"laurel monitor {report.usecase} {day}",
        f"airflow backfill create --dag-id {report.usecase}_monitor --from-date {day} "
        f"--to-date {day} --reprocess-behavior completed",
    ]
