"""All DAGs as Airflow's own DAG bag sees them: those of the shipped use cases, of a toy, and of
one whose models people approve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from laurel.settings import dags_folder, load_settings
from laurel.usecase import UseCase, find_usecases
from support.asked import write_asked
from support.synthetic import write_toy


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home of the tests' own, and the toy beside the shipped use cases."""
    folder = tmp_path_factory.mktemp("dags")
    usecases, suites = write_toy(folder)
    write_asked(folder)
    file = usecases / "toy" / "usecase.yaml"
    asking = file.read_text().replace("minimum_rows: 100\n", "minimum_rows: 100\n  retrain: true\n")
    file.write_text(f"{asking}alarms:\n  notify: [{{kind: webhook, connection: hook}}]\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUREL_HOME", str(folder / "laurel"))
        patch.setenv("LAUREL_USECASES", str(usecases))
        patch.setenv("LAUREL_EXPECTATIONS", str(suites))
        yield


@pytest.fixture(scope="session")
def usecases(environment: None) -> dict[str, UseCase]:
    """The use cases the DAGs are drawn for."""
    return find_usecases(load_settings())


@pytest.fixture(scope="session")
def bag(environment: None) -> Any:
    """Airflow's DAG bag of the shipped folder."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(Path(dags_folder()), safe_mode=False)
