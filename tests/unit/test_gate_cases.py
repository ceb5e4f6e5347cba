"""What the gate says where a champion is equal, old, the same, or cannot be compared with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from laurel.domain.config import Gate, OutcomeCost
from laurel.domain.evidence import Evidence, measure
from laurel.domain.evidence.gaps import gap_bounds
from laurel.domain.gate import OFF, SHADOW, Verdict, judge, promotes
from laurel.domain.objective import OBJECTIVES
from laurel.domain.threshold import Check
from laurel.errors import Refused
from laurel.runs.train import expect_gate
from laurel.settings import load_settings
from support.synthetic import load_toy

AT_LEAST = {"kind": "at_least", "metric": "auc", "value": 0.6}
NOT_WORSE = {"kind": "not_worse", "metric": "auc", "margin": 0.05}
BETTER = {"kind": "better", "metric": "auc"}
ROWS = 1200


def scores(*, skill: float = 1.5, reigning: float | None = 1.5, seed: int = 3) -> pd.DataFrame:
    """A hold-out of twelve days in three shops; a champion of None says nothing."""
    draw = np.random.default_rng(seed)
    labels = (draw.random(ROWS) < 0.3).astype("int64")

    def model(skill: float) -> Any:
        logit = -0.9 + skill * (labels - 0.3) + draw.normal(size=ROWS)
        return (1 / (1 + np.exp(-logit))).astype("float32")

    return pd.DataFrame(
        {
            "label": labels,
            "shop": draw.choice(["east", "north", "south"], ROWS, p=[0.05, 0.5, 0.45]),
            "till": draw.choice(["1", "2"], ROWS),
            "partition": np.sort(np.arange(ROWS) % 12).astype(str),
            "challenger": model(skill),
            "champion": np.full(ROWS, np.nan, "float32") if reigning is None else model(reigning),
            "compared": np.full(ROWS, reigning is not None),
            "constant": labels.mean(),
            "simple": model(1.0),
        }
    )


def asked(*thresholds: dict[str, Any], **words: Any) -> Gate:
    return Gate.model_validate(
        {"thresholds": thresholds, "minimum_rows": 100, "resamples": 200, **words}
    )


def evidence(
    gate: Gate, frame: pd.DataFrame | None = None, *, days: int = 7, **facts: Any
) -> Evidence:
    """Evidence against a champion that is some days older."""
    known = {
        "usecase": "toy",
        "as_of": f"2024-02-{12 + days:02}T00:00:00Z",
        "holdout": ("2024-02-01", "2024-02-12"),
        "champion": "toy-1",
        "champion_as_of": "2024-02-12T00:00:00Z",
        "trimmed": 0,
        "reload_identical": True,
        **facts,
    }
    frame = scores() if frame is None else frame
    return measure(frame, gate, objective=OBJECTIVES["binary"], seed=7, threshold=0.5, facts=known)


def decided(gate: Gate, frame: pd.DataFrame | None = None, **facts: Any) -> Verdict:
    return judge(evidence(gate, frame, **facts), gate)


def only(verdict: Verdict, kind: str, scope: str | None = None) -> Check:
    (found,) = [c for c in verdict.checks if c.kind == kind and c.slice == scope]
    return found


# --- a tie keeps the champion


def test_a_challenger_that_is_not_worse_does_not_replace_a_champion() -> None:
    verdict = decided(asked(AT_LEAST, NOT_WORSE))
    assert [c.verdict for c in verdict.checks if c.kind == "not_worse"] == ["pass"]
    assert verdict.outcome == "reject"
    assert "a tie keeps the champion" in verdict.reasons[0]


def test_absolute_thresholds_alone_do_not_replace_a_champion() -> None:
    verdict = decided(asked(AT_LEAST), scores(skill=4.0))
    assert verdict.outcome == "reject"
    assert only(verdict, "gain").verdict == "fail"


def test_a_gain_at_the_stated_confidence_replaces_a_champion() -> None:
    verdict = decided(asked(AT_LEAST, BETTER), scores(skill=3.0))
    assert verdict.outcome == "promote"
    assert only(verdict, "gain").verdict == "pass"


@pytest.mark.parametrize(("days", "outcome"), [(6, "reject"), (7, "promote"), (30, "promote")])
def test_an_equal_model_takes_over_once_the_champion_is_old(days: int, outcome: str) -> None:
    gate = asked(AT_LEAST, NOT_WORSE, BETTER, refresh_after_days=7)
    frame = scores()
    frame["champion"] = frame["challenger"].to_numpy()[:]
    verdict = decided(gate, frame, as_of=f"2024-{'02' if days < 17 else '03'}-{days_on(days)}")
    assert verdict.outcome == outcome
    if outcome == "promote":
        assert only(verdict, "better").verdict == "not_applicable"
        assert f"the champion is {days} days old" in only(verdict, "better").reason


def days_on(days: int) -> str:
    """The day of the month that is so many days after 12 February 2024, a leap year."""
    return f"{12 + days if days < 17 else 12 + days - 29:02}T00:00:00Z"


def test_a_worse_model_does_not_take_over_from_an_old_champion() -> None:
    gate = asked(AT_LEAST, NOT_WORSE, refresh_after_days=0)
    verdict = decided(gate, scores(skill=1.0, reigning=3.0))
    assert verdict.outcome == "reject"


def test_an_old_champion_is_kept_where_no_threshold_asks_that_none_is_worse() -> None:
    verdict = decided(asked(AT_LEAST, refresh_after_days=0), scores(skill=3.0))
    assert verdict.outcome == "reject"
    assert "no threshold asks that it is not worse" in verdict.reasons[0]


def test_the_very_same_model_keeps_its_place_even_when_it_is_old() -> None:
    gate = asked(AT_LEAST, NOT_WORSE, refresh_after_days=0)
    frame = scores()
    frame["champion"] = frame["challenger"]
    assert decided(gate, frame).outcome == "promote"
    verdict = decided(gate, frame, same_model=True)
    assert verdict.outcome == "reject"
    assert "is the champion toy-1 itself" in verdict.reasons[0]


# --- a champion that cannot score the rows


def test_a_champion_that_cannot_score_the_rows_keeps_the_gate_closed() -> None:
    gate = asked(AT_LEAST, BETTER)
    fault = "KeyError: 'amount'"
    verdict = decided(gate, scores(reigning=None), champion_fault=fault)
    assert verdict.outcome == "reject"
    assert verdict.reasons == (
        f"the champion toy-1 cannot score these rows ({fault}): nothing can be compared",
    )
    assert only(verdict, "better").verdict == "not_applicable"


def test_a_champion_that_cannot_score_is_replaced_where_the_policy_says_so() -> None:
    gate = asked(AT_LEAST, BETTER, unscorable_champion="replace")
    verdict = decided(gate, scores(reigning=None), champion_fault="KeyError: 'amount'")
    assert verdict.outcome == "promote"
    assert any("the absolute thresholds decide" in reason for reason in verdict.reasons)
    low = asked({**AT_LEAST, "value": 0.99}, BETTER, unscorable_champion="replace")
    judged = decided(low, scores(reigning=None), champion_fault="KeyError: 'amount'")
    assert judged.outcome == "reject"


# --- what underpowered means


def test_too_few_rows_close_the_gate_or_are_reported_as_the_policy_says() -> None:
    few = {"minimum_rows": ROWS + 1}
    assert decided(asked(AT_LEAST, **few), champion=None).outcome == "reject"
    reported = asked(AT_LEAST, underpowered={"overall": "report"}, **few)
    verdict = decided(reported, champion=None)
    assert verdict.outcome == "reject"
    assert verdict.reasons[0] == "no threshold passes on all rows, so nothing decides"


def test_an_underpowered_slice_closes_the_gate_where_the_policy_says_so() -> None:
    gate = asked(AT_LEAST, slices=["shop"])
    assert decided(gate, champion=None).outcome == "promote"
    strict = asked(AT_LEAST, slices=["shop"], underpowered={"slices": "reject"})
    verdict = decided(strict, champion=None)
    assert verdict.outcome == "reject"
    assert "shop=east" in verdict.reasons[0]


# --- modes


def test_in_shadow_mode_the_outcome_is_the_same_and_nothing_is_promoted() -> None:
    gate = asked(AT_LEAST, mode="shadow")
    verdict = decided(gate, champion=None)
    assert (verdict.outcome, verdict.promotes) == ("promote", False)
    assert verdict.reasons[0] == SHADOW
    assert not promotes(verdict.document())
    assert decided(asked(AT_LEAST), champion=None).promotes
    low = decided(asked({**AT_LEAST, "value": 0.99}, mode="shadow"), champion=None)
    assert (low.outcome, low.promotes) == ("reject", False)


def test_a_gate_that_is_off_promotes_and_says_what_it_would_have_said() -> None:
    verdict = decided(asked({**AT_LEAST, "value": 0.99}, mode="off"), champion=None)
    assert verdict.promotes
    assert verdict.reasons[0] == OFF
    assert verdict.reasons[1].startswith("it would have said: auc is 0.")


# --- costs, crossings and gaps


def test_the_cost_of_decisions_is_a_metric_like_any_other() -> None:
    cost = {"kind": "outcomes", "false_positive": 1, "false_negative": 5, "at": "optimal"}
    most = {"kind": "at_most", "metric": "cost", "value": 0.0}
    gate = asked(AT_LEAST, most, {**BETTER, "metric": "cost"}, cost=cost, slices=["shop"])
    frame = scores(skill=3.0)
    found = evidence(gate, frame)
    assert isinstance(found.cost, OutcomeCost)
    assert found.cost.at == pytest.approx(1 / 6)
    positive, decided_so = frame["label"] > 0, frame["challenger"] >= np.float32(1 / 6)
    expected = np.mean(~positive & decided_so) + 5 * np.mean(positive & ~decided_so)
    assert found.overall.metrics["cost"].value == pytest.approx(expected)
    assert {scope.metrics["cost"].value for scope in found.slices}
    verdict = judge(found, gate)
    assert only(verdict, "better").verdict == "pass"
    assert only(verdict, "at_most").verdict == "fail"
    assert Evidence.model_validate(found.document()) == found


def test_a_crossing_is_a_slice_of_several_columns() -> None:
    gate = asked(AT_LEAST, slices=["shop"], crossings=[["shop", "till"]])
    found = evidence(gate, scores())
    names = [scope.slice for scope in found.slices]
    assert names[:3] == ["shop=east", "shop=north", "shop=south"]
    assert names[3:5] == ["shop=east & till=1", "shop=east & till=2"]
    assert len(names) == 9
    north = next(scope for scope in found.slices if scope.slice == "shop=north & till=2")
    frame = scores()
    assert north.rows == int(((frame["shop"] == "north") & (frame["till"] == "2")).sum())
    small = [c for c in judge(found, gate).checks if c.slice == "shop=east & till=1"]
    assert [check.verdict for check in small] == ["underpowered"]


def test_the_gap_between_protected_groups_is_a_threshold() -> None:
    limit = {"kind": "gap_at_most", "metric": "positive_rate", "column": "shop", "value": 0.1}
    gate = asked(AT_LEAST, limit, protected=["shop"])
    frame = scores()
    north = frame["shop"] == "north"
    frame.loc[north, "challenger"] = frame.loc[north, "challenger"] ** 0.25
    found = evidence(gate, frame, champion=None)
    gap = next(g for g in found.gaps if g.metric == "positive_rate")
    rates = (frame["challenger"] >= 0.5).groupby(frame["shop"]).mean()
    assert (gap.low, gap.high) == ("south", "north")
    assert gap.gap == pytest.approx(rates["north"] - rates["south"])
    assert [(group.value, group.rows < 100) for group in gap.groups] == [
        ("east", True),
        ("north", False),
        ("south", False),
    ]
    check = only(judge(found, gate), "gap_at_most", "groups of shop")
    assert check.verdict == "fail"
    assert check.interval is not None
    assert check.interval[0] > 0.1
    assert "(north 0." in check.reason
    wide = asked(AT_LEAST, {**limit, "value": 0.9}, protected=["shop"])
    judged = decided(wide, frame, champion=None)
    assert only(judged, "gap_at_most", "groups of shop").verdict == "pass"


def test_a_gap_that_the_rows_do_not_settle_follows_the_policy() -> None:
    frame, gate = scores(), asked(AT_LEAST, protected=["shop"])
    gap = next(g for g in evidence(gate, frame, champion=None).gaps if g.metric == "auc")
    assert gap.gap
    limit = {"kind": "gap_at_most", "metric": "auc", "column": "shop", "value": gap.gap * 0.99}
    strict = decided(asked(AT_LEAST, limit, protected=["shop"]), frame, champion=None)
    assert only(strict, "gap_at_most", "groups of shop").verdict == "underpowered"
    assert strict.outcome == "reject"
    reported = asked(AT_LEAST, limit, protected=["shop"], underpowered={"gaps": "report"})
    assert decided(reported, frame, champion=None).outcome == "promote"


def test_one_group_with_enough_rows_has_no_gap() -> None:
    limit = {"kind": "gap_at_most", "metric": "auc", "column": "shop", "value": 0.5}
    gate = asked(AT_LEAST, limit, protected=["shop"])
    verdict = decided(gate, scores().assign(shop="north"), champion=None)
    check = only(verdict, "gap_at_most", "groups of shop")
    assert (check.found, check.verdict) == (None, "underpowered")


def test_the_bounds_of_a_gap_cover_the_truth_about_as_often_as_they_say() -> None:
    """Three groups of which one differs by 0.2, a hundred rows of noise each."""
    covered = {"low": 0, "high": 0}
    for seed in range(150):
        draw = np.random.default_rng(seed)
        rows = [draw.normal(mean, 1, 100) for mean in (0.0, 0.2, 0.5)]
        gap = float(max(r.mean() for r in rows) - min(r.mean() for r in rows))
        again = np.array([draw.choice(r, (200, 100)).mean(axis=1) for r in rows])
        found = gap_bounds(gap, again.max(axis=0) - again.min(axis=0), 0.9)
        assert found is not None
        covered["low"] += found[0] <= 0.5
        covered["high"] += found[1] >= 0.5
    assert covered["low"] / 150 >= 0.85
    assert covered["high"] / 150 >= 0.82


# --- old evidence


def test_evidence_of_before_costs_and_gaps_is_read_and_keeps_its_digest() -> None:
    from laurel.domain.canonical import digest

    gate = asked(AT_LEAST)
    now = evidence(gate, champion=None, champion_as_of=None).document()
    added = {"version", "champion_as_of", "champion_fault", "same_model", "resample"}
    added |= {"threshold", "cost", "gaps"}
    before = {name: value for name, value in now.items() if name not in added}
    read = Evidence.model_validate(before)
    assert read.version == 1
    assert read.digest() == digest(before)
    assert judge(read, gate).outcome == "promote"


@pytest.mark.parametrize("mode", ["enforce", "shadow", "off"])
@pytest.mark.parametrize("environment", ["development", "production"])
def test_only_production_refuses_a_gate_that_is_off(
    mode: str, environment: str, tmp_path: Path
) -> None:
    toy = load_toy(tmp_path)
    gate = toy.config.gate.model_copy(update={"mode": mode})
    usecase = replace(toy, config=toy.config.model_copy(update={"gate": gate}))
    settings = load_settings({"LAUREL_ENVIRONMENT": environment, "LAUREL_HOME": str(tmp_path)})
    if (mode, environment) != ("off", "production"):
        expect_gate(settings, usecase)
        return
    with pytest.raises(Refused, match="no model is promoted unasked") as refused:
        expect_gate(settings, usecase)
    assert "gate.mode: off" in str(refused.value)
