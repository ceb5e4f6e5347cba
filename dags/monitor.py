"""Draws ``<name>_monitor``: the nightly report: does the champion deserve the crown?"""

from datetime import timedelta

from airflow.sdk import DAG

from laurel_airflow.alarming import RetrainOperator, TellOperator
from laurel_airflow.assets import champion_asset, dataset_asset, report_asset
from laurel_airflow.common import dag_arguments, day_param, intervals, usecases
from laurel_airflow.operators import MonitorOperator
from laurel_airflow.sensors import PredictionsSensor

DOC = """Write the nightly report: drift, realised performance, freshness, alarms.

Everything is measured with what was known at the partition's end. A backfilled night says so, and
asks for nothing. `tell` tells the channels of the use case what the night changed, once; `retrain`
triggers the training DAG where a confirmed alarm asks for it, and is skipped otherwise."""

for usecase in usecases():
    config = usecase.config
    with DAG(
        **dag_arguments(usecase, "monitor", doc=DOC, start=config.scoring.start or config.start),
        schedule=intervals("0 0 * * *"),
        max_active_runs=4,
        params={"partition": day_param("The day to report on. Left empty: the data interval.")},
    ):
        inputs = PredictionsSensor(
            task_id="await_predictions", usecase=usecase.name, deadline=timedelta(days=2)
        )
        monitor = MonitorOperator(
            task_id="monitor",
            usecase=usecase.name,
            inlets=[
                champion_asset(usecase.name),
                dataset_asset(usecase.name, "predictions"),
                dataset_asset(usecase.name, config.labels_name),
            ],
            outlets=[report_asset(usecase.name)],
        )
        inputs >> monitor
        if config.alarms.notify:
            monitor >> TellOperator(task_id="tell", usecase=usecase.name)
        if config.monitoring.retrain:
            monitor >> RetrainOperator(task_id="retrain", usecase=usecase.name)
