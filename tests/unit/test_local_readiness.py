from __future__ import annotations

from pathlib import Path

from laurel.local.readiness import _is_healthy, find_dag_files

HEALTH = {
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": "2026-01-01T00:00:10+00:00"},
    "triggerer": {"status": None, "latest_triggerer_heartbeat": None},
}
BEAT = 1767225610.0


def test_a_heartbeat_of_a_dead_predecessor_is_not_health() -> None:
    assert _is_healthy("scheduler", HEALTH, BEAT - 1)
    assert not _is_healthy("scheduler", HEALTH, BEAT + 1)


def test_a_component_that_never_beat_is_not_healthy() -> None:
    assert not _is_healthy("triggerer", HEALTH, 0)
    assert not _is_healthy("dag_processor", HEALTH, 0)
    assert _is_healthy("metadatabase", HEALTH, BEAT + 1)


def test_dag_files_are_those_airflow_looks_into(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("from airflow.sdk import DAG")
    (tmp_path / "words.py").write_text("nothing of the kind")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "score.py").write_text("import laurel_airflow  # a dag")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "train.py").write_text("airflow dag")

    assert find_dag_files(tmp_path) == {"train.py", "sub/score.py"}
