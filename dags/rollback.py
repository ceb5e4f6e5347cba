"""Draws ``<name>_rollback``: one operation by hand that gives the crown back."""

from airflow.sdk import DAG, Param

from laurel_airflow.assets import champion_asset, dataset_asset
from laurel_airflow.common import dag_arguments, usecases
from laurel_airflow.operators import RescoreOperator, RollBackOperator
from laurel_airflow.scoring import DeliverOperator

DOC = """Give the crown back to an earlier champion, with a reason and a person.

The ledger gets one entry; the partitions whose champion it changes are scored again. What a
backfill of the past scores with changes only as far as `effective_from` reaches back."""

for usecase in usecases():
    with DAG(
        **dag_arguments(usecase, "rollback", doc=DOC, start=usecase.config.start),
        schedule=None,
        max_active_runs=1,
        params={
            "target": Param(
                type="string", minLength=1, title="Model version", description="Who is to reign."
            ),
            "reason": Param(type="string", minLength=5, description="Why, for the ledger."),
            "effective_from": Param(
                None,
                type=["null", "string"],
                title="Effective from",
                description="e.g. 2013-09-01T00:00:00Z. Left empty: now.",
            ),
        },
    ):
        roll_back = RollBackOperator(
            task_id="roll_back", usecase=usecase.name, outlets=[champion_asset(usecase.name)]
        )
        rescore = RescoreOperator(
            task_id="rescore",
            usecase=usecase.name,
            outlets=[dataset_asset(usecase.name, "predictions")],
        )
        roll_back >> rescore
        rescore >> [
            DeliverOperator(task_id=f"deliver_{sink}", usecase=usecase.name, sink=sink, behind=True)
            for sink in sorted(usecase.config.scoring.sinks)
        ]
