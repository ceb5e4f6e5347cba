"""Draws ``<name>_score``: the day's predictions, by the champion of the score cutoff."""

from datetime import timedelta

from airflow.sdk import DAG

from laurel_airflow.assets import champion_asset, dataset_asset
from laurel_airflow.common import dag_arguments, day_param, intervals, usecases
from laurel_airflow.scoring import (
    PLAN,
    DeliverOperator,
    PlanShardsOperator,
    PublishShardsOperator,
    ScoreOperator,
    ScoreShardOperator,
)

DOC = """Score the partition with the champion that reigned at its score cutoff.

The run waits for the partition and for every decision due by the cutoff, so a backfill meets the
same champion as the live run did. A partition that does not come turns the run red at its
deadline; stale scores are never published. Published predictions go on to the sinks of the use
case, each by a task of its own.

Where the use case sets `scoring.shards`, a large partition is scored in shards: `plan` fixes inputs
and champion, each `score_shard` leaves its part in the store and is retried alone, `publish` puts
them together, with the bytes of one pass. What fits into one shard is scored by `plan`."""

for usecase in usecases():
    config = usecase.config
    with DAG(
        **dag_arguments(usecase, "score", doc=DOC, start=config.scoring.start or config.start),
        schedule=intervals(config.scoring.schedule),
        max_active_runs=4,
        params={"partition": day_param("The day to score. Left empty: the data interval.")},
    ):
        mapped, outlets = config.scoring.mapped, [dataset_asset(usecase.name, "predictions")]
        score = plan = (PlanShardsOperator if mapped else ScoreOperator)(
            task_id=PLAN if mapped else "score",
            usecase=usecase.name,
            deadline=timedelta(hours=config.scoring.deadline_hours),
            inlets=[
                champion_asset(usecase.name),
                *(dataset_asset(usecase.name, name) for name in sorted(config.datasets)),
            ],
            outlets=[] if mapped else outlets,
        )
        if mapped:
            shards = ScoreShardOperator.partial(task_id="score_shard", usecase=usecase.name)
            score = PublishShardsOperator(
                task_id="publish",
                usecase=usecase.name,
                # skipped where the plan has scored the partition
                trigger_rule="none_failed",
                outlets=outlets,
            )
            shards.expand(shard=plan.output) >> score
        score >> [
            DeliverOperator(task_id=f"deliver_{sink}", usecase=usecase.name, sink=sink)
            for sink in sorted(config.scoring.sinks)
        ]
