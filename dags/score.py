"""Draws ``<name>_score``: the day's predictions, by the champion of the score cutoff."""

from datetime import timedelta

from airflow.sdk import DAG

from laurel_airflow.assets import champion_asset, dataset_asset
from laurel_airflow.common import dag_arguments, day_param, intervals, usecases
from laurel_airflow.scoring import DeliverOperator, ScoreOperator

DOC = """Score the partition with the champion that reigned at its score cutoff.

The run waits for the partition and for every decision due by the cutoff, so a backfill meets the
same champion as the live run did. A partition that does not come turns the run red at its
deadline; stale scores are never published. Published predictions go on to the sinks of the use
case, each by a task of its own."""

for usecase in usecases():
    config = usecase.config
    with DAG(
        **dag_arguments(usecase, "score", doc=DOC, start=config.scoring.start or config.start),
        schedule=intervals(config.scoring.schedule),
        max_active_runs=4,
        params={"partition": day_param("The day to score. Left empty: the data interval.")},
    ):
        score = ScoreOperator(
            task_id="score",
            usecase=usecase.name,
            deadline=timedelta(hours=config.scoring.deadline_hours),
            inlets=[
                champion_asset(usecase.name),
                *(dataset_asset(usecase.name, name) for name in sorted(config.datasets)),
            ],
            outlets=[dataset_asset(usecase.name, "predictions")],
        )
        score >> [
            DeliverOperator(task_id=f"deliver_{sink}", usecase=usecase.name, sink=sink)
            for sink in sorted(config.scoring.sinks)
        ]
