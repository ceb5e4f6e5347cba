"""Draws ``<name>_examine``: what each feature of the newest model gains and costs."""

from datetime import timedelta

from airflow.sdk import DAG, Param

from laurel_airflow.assets import champion_asset, examination_asset
from laurel_airflow.common import (
    HEAVY_POOL,
    dag_arguments,
    first_examination_day,
    intervals,
    usecases,
)
from laurel_airflow.operators import ExamineOperator
from laurel_airflow.sensors import TrainingSensor

DOC = """Examine the features of the newest training: gain, cost, and whether less would do.

Every feature is shuffled on the hold-out, the weakest and every group are left out in training, and
simpler models are trained on the same snapshot. No fresh data is looked at: frame and model are
those of the newest training with an as_of by the end of the data interval. The result is a page
and a record; nothing is decided by it."""

for usecase in usecases():
    config = usecase.config
    with DAG(
        **dag_arguments(usecase, "examine", doc=DOC, start=first_examination_day(config)),
        schedule=intervals(config.examination.schedule),
        max_active_runs=1,
        params={
            "as_of": Param(
                None,
                type=["null", "string"],
                title="as_of",
                description="Examines the newest training by this moment, e.g. "
                "2013-08-05T00:00:00Z. Left empty: the end of the data interval.",
            ),
        },
    ):
        training = TrainingSensor(
            task_id="await_training", usecase=usecase.name, deadline=timedelta(days=4)
        )
        examine = ExamineOperator(
            task_id="examine",
            usecase=usecase.name,
            pool=HEAVY_POOL,
            inlets=[champion_asset(usecase.name)],
            outlets=[examination_asset(usecase.name)],
        )
        training >> examine
