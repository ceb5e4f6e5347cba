"""The page on objectives names every objective, metric, calibration and word of training."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from laurel.domain.config import TERMS, Label, Training, Weights
from laurel.domain.config import Model as ModelConfig
from laurel.domain.objective import OBJECTIVES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "objectives.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE, re.MULTILINE))


def test_every_objective_has_a_row_with_its_metrics_and_no_other() -> None:
    assert set(ROWS) == set(TERMS)
    for name, row in ROWS.items():
        metrics = re.findall(r"`(\w+)`", row.rsplit("|", 1)[-1])
        assert tuple(metrics) == TERMS[name].metrics


def test_the_example_of_training_is_read_and_says_every_word() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    said = yaml.safe_load(example)["training"]
    model, weights = said.pop("model"), said.pop("weights")
    assert set(ModelConfig.model_validate(model).model_dump()) == set(model)
    assert set(Weights.model_validate(weights).model_dump()) == set(weights)
    assert set(said) <= set(Training.model_fields)


def test_calibrations_and_losses_are_those_of_the_entries() -> None:
    for terms in TERMS.values():
        assert all(f"{method}" in PAGE for method in terms.calibrations)
    stopping = ", ".join(f"`{entry.stopping.name}`" for entry in OBJECTIVES.values())
    assert stopping in PAGE.replace("\n  ", " ")
    assert all(f"label.{name}" in PAGE for name in ("objective", "classes", "exposure"))
    assert {"classes", "exposure"} < set(Label.model_fields)
