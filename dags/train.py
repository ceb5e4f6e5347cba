"""Draws ``<name>_train``: a challenger beside the champion, and the decision of the gate."""

from datetime import timedelta

from airflow.sdk import DAG, Param

from laurel_airflow.approval import ApproveOperator
from laurel_airflow.assets import champion_asset, dataset_asset
from laurel_airflow.common import (
    HEAVY_POOL,
    dag_arguments,
    first_training_day,
    intervals,
    moment_param,
    usecases,
)
from laurel_airflow.operators import DecideOperator, TrainOperator
from laurel_airflow.sensors import TrainingInputsSensor

DOC = """Train a challenger on what was known at as_of, and let the gate decide.

`train` runs the stages of `dvc.yaml` in a workspace of its own: assemble, validate, featurize,
train, evaluate (challenger and champion on the same hold-out rows), verdict. `decide` appends the
verdict to the ledger; where the use case asks people, `approve` waits for their answer. A closed
gate is a normal outcome and a green run."""

for usecase in usecases():
    config = usecase.config
    with DAG(
        **dag_arguments(usecase, "train", doc=DOC, start=first_training_day(config)),
        schedule=intervals(config.training.schedule),
        max_active_runs=2,
        params={
            "as_of": moment_param(
                "as_of",
                "Bound of knowledge, e.g. 2013-08-05T00:00:00Z. "
                "Left empty: the end of the data interval.",
            ),
            "supersede": Param(
                False,
                type="boolean",
                description="Decide again for an as_of whose inputs have changed.",
            ),
        },
    ):
        inputs = TrainingInputsSensor(
            task_id="await_inputs", usecase=usecase.name, deadline=timedelta(days=3)
        )
        train = TrainOperator(
            task_id="train",
            usecase=usecase.name,
            searches=config.training.tuning is not None,
            pool=HEAVY_POOL,
            inlets=[dataset_asset(usecase.name, name) for name in sorted(config.datasets)],
        )
        crown = champion_asset(usecase.name)
        decide = DecideOperator(task_id="decide", usecase=usecase.name, outlets=[crown])
        inputs >> train >> decide
        if config.gate.approval:
            decide >> ApproveOperator(task_id="approve", usecase=usecase.name, outlets=[crown])
