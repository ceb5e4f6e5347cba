"""Draws ``<name>_restate``: what a correction changes, recomputed beside what was known."""

from airflow.sdk import DAG, Param

from laurel_airflow.assets import dataset_asset, restatement_asset
from laurel_airflow.common import HEAVY_POOL, dag_arguments, usecases
from laurel_airflow.operators import ImpactOperator, RestateOperator
from laurel_airflow.scoring import DeliverOperator

DOC = """Recompute what rests on a superseded revision, and report what differs.

`impact` lists the trainings, decisions, predictions and reports that used the old revision.
`restate` trains, evaluates, scores and measures again as corrected. The ledger, the predictions and
the reports stay as they were known: the predictions as corrected are the dataset
`predictions_corrected`, and a decision that would have flipped is reported, not made. They never
become the published ones by this: a scoring uses what was known at its cutoff, and gives another
revision only where the source dates its correction before that. Partitions that were scored again
for such a correction go on to the sinks that hold an earlier revision of them."""

for usecase in usecases():
    config = usecase.config
    datasets = sorted(config.datasets)
    with DAG(
        **dag_arguments(usecase, "restate", doc=DOC, start=config.start),
        schedule=None,
        max_active_runs=1,
        params={
            "dataset": Param(type="string", enum=datasets, description="What was corrected."),
            "start": Param(
                type="string",
                format="date",
                title="First day",
                description="The corrected partition, or the first of a range.",
            ),
            "end": Param(
                None,
                type=["null", "string"],
                format="date",
                title="Last day",
                description="Of a range, included. Left empty: one partition.",
            ),
            "known_by": Param(
                None,
                type=["null", "string"],
                title="Known by",
                description="Corrections known by this moment, e.g. 2013-08-05T00:00:00Z. "
                "Left empty: when the newest of them became known.",
            ),
            "limit": Param(
                None,
                type=["null", "integer"],
                minimum=1,
                description="At most so many predictions, and reports: the newest.",
            ),
        },
    ):
        inlets = [dataset_asset(usecase.name, name) for name in datasets]
        impact = ImpactOperator(task_id="impact", usecase=usecase.name, inlets=inlets)
        restate = RestateOperator(
            task_id="restate",
            usecase=usecase.name,
            pool=HEAVY_POOL,
            outlets=[restatement_asset(usecase.name)],
        )
        impact >> restate
        restate >> [
            DeliverOperator(task_id=f"deliver_{sink}", usecase=usecase.name, sink=sink, behind=True)
            for sink in sorted(config.scoring.sinks)
        ]
