"""The page on the gate: its example is read and says every word, and it names every kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from laurel.domain.config import GapAtMost, Gate, MatrixCost, OutcomeCost, Underpowered, UnitCost
from laurel.domain.config.terms import MEAN_SCORE, POSITIVE_RATES
from laurel.domain.evidence.gauge import CONFIDENCE
from laurel.domain.metric import cost_metric

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "gate.md").read_text()
(EXAMPLE,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SAID = yaml.safe_load(EXAMPLE)["gate"]


def test_the_example_is_a_policy_and_says_every_word_of_one() -> None:
    policy = Gate.model_validate(SAID)
    assert set(SAID) == set(Gate.model_fields)
    assert set(SAID["underpowered"]) == set(Underpowered.model_fields)
    assert Gate.model_validate(policy.model_dump(mode="json")) == policy.model_copy(
        update={"approval": None, "shadow": None}
    )
    kinds = {threshold["kind"]: threshold for threshold in SAID["thresholds"]}
    assert set(kinds) == {"at_least", "at_most", "not_worse", "better", "gap_at_most"}
    assert set(kinds["gap_at_most"]) == set(GapAtMost.model_fields)


def test_every_choice_and_every_rate_is_named() -> None:
    for name in ("mode", "unscorable_champion", "resample"):
        field = Gate.model_fields[name]
        assert all(f"`{word}" in PAGE or word in EXAMPLE for word in field.annotation.__args__)
    assert all(f"`{name}`" in PAGE for name in (MEAN_SCORE, *POSITIVE_RATES))
    assert f"{CONFIDENCE:.0%}".replace("%", " %") in PAGE


@pytest.mark.parametrize(
    ("objective", "kind"),
    [("binary", OutcomeCost), ("multiclass", MatrixCost), ("regression", UnitCost)],
)
def test_the_costs_of_the_table_are_costs(objective: str, kind: type) -> None:
    (row,) = re.findall(rf"^\| `{objective}`.*?\| `(\{{kind.*?\}})` \|", PAGE, re.MULTILINE)
    cost = kind.model_validate(yaml.safe_load(row))
    if isinstance(cost, OutcomeCost):
        cost = cost.model_copy(update={"at": 0.5})
    assert not isinstance(cost, MatrixCost) or cost.costs == {"own": {"decided": 2.0}}
    if not isinstance(cost, MatrixCost):
        assert not cost_metric(cost).bigger_is_better
