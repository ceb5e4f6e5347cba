"""Draws ``<name>_ingest``: the day's rows of each dataset, published or in quarantine."""

from airflow.sdk import DAG

from laurel_airflow.assets import dataset_asset
from laurel_airflow.common import dag_arguments, dataset_page, day_param, intervals, usecases
from laurel_airflow.operators import IngestOperator

DOC = """Pull, validate and publish the data interval of each dataset.

A partition that fails a critical expectation goes to quarantine, its task turns red, and nothing
of it is visible downstream. To load a long history, trigger one run with `start` and `end` (both
days included) instead of a thousand runs."""

for usecase in usecases():
    config = usecase.config
    pages = {name: dataset_page(dataset) for name, dataset in sorted(config.datasets.items())}
    columns = "\n\n".join(f"#### {name}\n\n{page}" for name, page in pages.items())
    with DAG(
        **dag_arguments(usecase, "ingest", doc=f"{DOC}\n\n{columns}", start=config.start),
        schedule=intervals("0 0 * * *"),
        max_active_runs=4,
        params={
            "start": day_param("of a range", title="First day"),
            "end": day_param("of a range, included", title="Last day"),
        },
    ):
        for dataset, page in pages.items():
            IngestOperator(
                task_id=f"ingest_{dataset}",
                usecase=usecase.name,
                dataset=dataset,
                outlets=[dataset_asset(usecase.name, dataset)],
                doc_md=page,
            )
