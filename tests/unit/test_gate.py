from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laurel.domain.config import AtLeast, AtMost, GapAtMost, Gate, VersusChampion
from laurel.domain.evidence import (
    Bounds,
    Comparison,
    Evidence,
    Measure,
    Reliability,
    Scope,
    Trivial,
    measure,
)
from laurel.domain.gate import Verdict, judge, policy_digest
from laurel.domain.objective import OBJECTIVES
from laurel.domain.threshold import Check
from laurel.errors import ConfigError, Refused

ROWS = 1000
AUC_65 = AtLeast(metric="auc", value=0.65)
NOT_WORSE = VersusChampion(kind="not_worse", metric="auc", margin=0.01)
BETTER = VersusChampion(kind="better", metric="auc")


def around(value: float, width: float = 0.005) -> Bounds:
    return {"0.95": (value - width, value + width)}


def gain(value: float, *, bounds: tuple[float, float] | None = None) -> Comparison:
    interval = {"0.95": bounds} if bounds else around(value)
    return Comparison(challenger=0.70, reference=0.70 - value, gain=value, bounds=interval)


def scope(
    name: str | None = None,
    *,
    auc: float | None = 0.70,
    versus: Comparison | None = None,
    rows: int = ROWS,
    compared_rows: int | None = None,
) -> Scope:
    measured = Measure(value=auc, bounds=around(auc) if auc is not None else {"0.95": None})
    return Scope(
        slice=name,
        rows=rows,
        labels={"positive": rows // 4},
        metrics={"auc": measured, "log_loss": Measure(value=0.5, bounds=around(0.5))},
        compared_rows=0 if versus is None else rows if compared_rows is None else compared_rows,
        champion={} if versus is None else {"auc": versus},
    )


def evidence(
    overall: Scope,
    *slices: Scope,
    constant: float = 0.05,
    simple: float = 0.02,
    reload_identical: bool = True,
) -> Evidence:
    return Evidence(
        usecase="toy",
        objective="binary",
        classes=(),
        as_of="2024-02-12T00:00:00Z",
        holdout=("2024-02-04", "2024-02-10"),
        champion="toy-1" if overall.champion else None,
        trimmed=0,
        reload_identical=reload_identical,
        resamples=1000,
        seed=7,
        overall=overall,
        slices=slices,
        trivial=Trivial(metrics={}, constant=gain(constant), simple=gain(simple)),
        reliability=Reliability(method="none", curve=(), before=(), error_before=None),
    )


def policy(*thresholds: AtLeast | AtMost | VersusChampion | GapAtMost, **words: Any) -> Gate:
    """A policy by which an equal model may take over, where it asks that none is worse."""
    fresh = {"refresh_after_days": 0} if any(t.kind == "not_worse" for t in thresholds) else {}
    said = {"slices": ("shop",), "minimum_rows": 500, **fresh, **words}
    return Gate(thresholds=thresholds, **said)


def marks(
    verdict: Verdict, kinds: tuple[str, ...] = ("at_least", "at_most", "not_worse", "better")
) -> list[str]:
    return [check.verdict for check in verdict.checks if check.kind in kinds]


def only(verdict: Verdict, kind: str) -> Check:
    (found,) = [check for check in verdict.checks if check.kind == kind]
    return found


def test_no_threshold_means_not_promoted() -> None:
    verdict = judge(evidence(scope()), policy())
    assert verdict.outcome == "reject"
    assert verdict.reasons == ("no threshold is configured, so nothing can be promoted",)
    reigning = judge(evidence(scope(versus=gain(0.1))), policy())
    assert reigning.reasons[0] == verdict.reasons[0]


def test_without_a_champion_the_absolute_thresholds_decide_and_the_reasons_say_so() -> None:
    verdict = judge(evidence(scope()), policy(AUC_65, NOT_WORSE))
    assert verdict.outcome == "promote"
    assert verdict.reasons[0] == "there is no champion yet: the absolute thresholds decide"
    assert "auc is 0.7, required is at least 0.65" in verdict.reasons
    assert marks(verdict) == ["pass", "not_applicable"]


def test_without_a_champion_a_failed_absolute_threshold_closes_the_gate() -> None:
    verdict = judge(evidence(scope(auc=0.6)), policy(AUC_65, NOT_WORSE))
    assert verdict.outcome == "reject"
    assert verdict.reasons == ("auc is 0.6, required is at least 0.65",)


def test_without_a_champion_and_an_absolute_threshold_nothing_decides() -> None:
    verdict = judge(evidence(scope()), policy(NOT_WORSE))
    assert verdict.outcome == "reject"
    assert "nothing decides" in verdict.reasons[0]


def test_a_threshold_is_reached_by_its_very_value() -> None:
    assert judge(evidence(scope(auc=0.65)), policy(AUC_65)).outcome == "promote"
    at_most = AtMost(metric="log_loss", value=0.5)
    assert judge(evidence(scope()), policy(at_most)).outcome == "promote"


def test_at_most_closes_the_gate_above_its_value() -> None:
    verdict = judge(evidence(scope()), policy(AtMost(metric="log_loss", value=0.49)))
    assert verdict.reasons == ("log_loss is 0.5, required is at most 0.49",)


def test_an_undefined_metric_closes_the_gate() -> None:
    verdict = judge(evidence(scope(auc=None)), policy(AUC_65))
    assert verdict.outcome == "reject"
    assert "undefined" in verdict.reasons[0]


def test_one_failed_threshold_of_several_closes_the_gate() -> None:
    low = AtMost(metric="log_loss", value=0.4)
    assert judge(evidence(scope()), policy(AUC_65, low)).outcome == "reject"


@pytest.mark.parametrize(
    ("kind", "margin", "bounds", "outcome"),
    [
        ("not_worse", 0.01, (-0.009, 0.002), "promote"),
        ("not_worse", 0.01, (-0.01, 0.0), "promote"),
        ("not_worse", 0.01, (-0.011, 0.05), "reject"),
        ("not_worse", 0.0, (0.0, 0.0), "promote"),
        ("better", 0.0, (0.0, 0.0), "reject"),
        ("better", 0.0, (0.0, 0.01), "reject"),
        ("better", 0.0, (0.0001, 0.01), "promote"),
        ("better", 0.0, (-0.0001, 0.03), "reject"),
        ("better", 0.005, (0.005, 0.02), "promote"),
        ("better", 0.005, (0.0049, 0.02), "reject"),
    ],
)
def test_the_lower_bound_of_the_gain_decides_against_the_champion(
    kind: Any, margin: float, bounds: tuple[float, float], outcome: str
) -> None:
    threshold = VersusChampion(kind=kind, metric="auc", margin=margin)
    found = evidence(scope(versus=gain(sum(bounds) / 2, bounds=bounds)))
    assert judge(found, policy(threshold)).outcome == outcome


def test_a_tie_is_never_better() -> None:
    tie = gain(0.0, bounds=(0.0, 0.0))
    assert judge(evidence(scope(versus=tie)), policy(BETTER)).outcome == "reject"
    assert judge(evidence(scope(versus=tie)), policy(AUC_65, BETTER)).outcome == "reject"


def test_too_few_hold_out_rows_are_underpowered_and_close_the_gate() -> None:
    verdict = judge(evidence(scope(rows=499)), policy(AUC_65))
    assert verdict.outcome == "reject"
    assert marks(verdict) == ["underpowered"]
    assert "499 rows are too few, 500 are needed" in verdict.reasons[0]


def test_too_few_compared_rows_are_underpowered_even_where_the_hold_out_is_large() -> None:
    found = evidence(scope(versus=gain(0.05), compared_rows=499))
    verdict = judge(found, policy(AUC_65, NOT_WORSE))
    assert verdict.outcome == "reject"
    assert marks(verdict) == ["pass", "underpowered"]


def test_compared_rows_do_not_matter_to_a_policy_that_compares_nothing() -> None:
    found = evidence(scope(versus=gain(0.05), compared_rows=3))
    assert marks(judge(found, policy(AUC_65))) == ["pass"]


def test_gate_stays_closed_when_one_slice_regresses() -> None:
    worse = scope("shop=north", versus=gain(-0.04))
    fine = scope("shop=south", versus=gain(0.02))
    verdict = judge(evidence(scope(versus=gain(0.03)), worse, fine), policy(NOT_WORSE))
    assert verdict.outcome == "reject"
    assert len(verdict.reasons) == 1
    assert "auc on shop=north" in verdict.reasons[0]
    assert "required is to be worse by no more than 0.01" in verdict.reasons[0]


def test_gate_stays_closed_when_one_slice_is_below_an_absolute_threshold() -> None:
    found = evidence(scope(), scope("shop=north", auc=0.6), scope("shop=south"))
    verdict = judge(found, policy(AUC_65))
    assert verdict.reasons == ("auc on shop=north is 0.6, required is at least 0.65",)


def test_a_slice_with_too_few_rows_is_underpowered_and_closes_nothing() -> None:
    small = scope("shop=east", auc=0.2, versus=gain(-0.3), rows=40)
    verdict = judge(evidence(scope(versus=gain(0.02)), small), policy(AUC_65, NOT_WORSE))
    assert verdict.outcome == "promote"
    assert marks(verdict) == ["pass", "pass", "underpowered", "underpowered"]
    assert verdict.reasons[-1] == "1 slice(s) are underpowered: shop=east"


def test_a_slice_whose_loss_may_be_chance_is_underpowered() -> None:
    unsure = scope("shop=north", auc=0.648, versus=gain(-0.02, bounds=(-0.06, 0.02)))
    verdict = judge(evidence(scope(versus=gain(0.02)), unsure), policy(AUC_65, NOT_WORSE))
    assert verdict.outcome == "promote"
    assert marks(verdict)[2:] == ["underpowered", "underpowered"]
    assert "do not settle it" in verdict.checks[2].reason


def test_better_asks_of_a_slice_only_that_it_does_not_regress() -> None:
    same = scope("shop=north", versus=gain(0.0, bounds=(-0.01, 0.01)))
    worse = scope("shop=south", versus=gain(-0.01, bounds=(-0.02, -0.001)))
    overall = scope(versus=gain(0.02))
    assert judge(evidence(overall, same), policy(BETTER)).outcome == "promote"
    assert judge(evidence(overall, same, worse), policy(BETTER)).outcome == "reject"


def test_a_slice_of_one_class_is_underpowered() -> None:
    verdict = judge(evidence(scope(), scope("shop=north", auc=None)), policy(AUC_65))
    assert verdict.outcome == "promote"
    assert marks(verdict) == ["pass", "underpowered"]


@pytest.mark.parametrize("against", [0.0, -0.1])
def test_a_challenger_that_does_not_beat_the_constant_rate_is_rejected(against: float) -> None:
    verdict = judge(evidence(scope(), constant=against), policy(AUC_65))
    assert verdict.outcome == "reject"
    assert only(verdict, "beats_constant").verdict == "fail"
    assert "constant rate" in verdict.reasons[0]


def test_a_better_logistic_regression_is_reported_and_closes_nothing() -> None:
    verdict = judge(evidence(scope(), simple=-0.02), policy(AUC_65))
    assert verdict.outcome == "promote"
    assert only(verdict, "not_worse_than_simple").verdict == "fail"
    assert any(reason.startswith("reported, not blocking: auc") for reason in verdict.reasons)
    within = judge(evidence(scope(), simple=-0.009), policy(AUC_65))
    assert only(within, "not_worse_than_simple").verdict == "pass"


def test_a_saved_model_that_scores_otherwise_is_rejected() -> None:
    verdict = judge(evidence(scope(), reload_identical=False), policy(AUC_65))
    assert verdict.reasons == (
        "the saved model, loaded again, scores otherwise than when it was trained",
    )


def test_evidence_of_another_policy_is_refused_not_guessed() -> None:
    sure = VersusChampion(kind="not_worse", metric="auc", margin=0.01, confidence=0.99)
    with pytest.raises(Refused, match="lacks what the policy asks"):
        judge(evidence(scope(versus=gain(0.02))), policy(sure))
    with pytest.raises(Refused, match="lacks"):
        judge(evidence(scope()), policy(AtMost(metric="brier", value=0.2)))


def test_a_threshold_on_an_unknown_metric_is_an_error_with_a_near_match() -> None:
    with pytest.raises(ConfigError, match="'log_loss'"):
        judge(evidence(scope()), policy(AtMost(metric="logloss", value=0.2)))


def test_every_reason_holds_found_and_required() -> None:
    found = evidence(scope(versus=gain(-0.05)), scope("shop=north", auc=0.6, versus=gain(-0.05)))
    for check in judge(found, policy(AUC_65, NOT_WORSE, BETTER)).checks:
        if check.verdict != "not_applicable" and check.metric not in ("scores", "champion"):
            assert ("required is" in check.reason) or ("expected is" in check.reason)
            assert any(digit.isdigit() for digit in check.reason)


def test_the_document_of_a_verdict_is_plain_json() -> None:
    import json

    document = judge(evidence(scope(), scope("shop=north")), policy(AUC_65)).document()
    assert json.loads(json.dumps(document)) == json.loads(json.dumps(document, sort_keys=True))
    assert document["outcome"] == "promote"


def test_policies_that_differ_have_other_digests() -> None:
    assert policy_digest(policy(AUC_65)) == policy_digest(policy(AUC_65))
    assert policy_digest(policy(AUC_65)) != policy_digest(policy(NOT_WORSE))


@settings(deadline=None)
@given(low=st.floats(-0.2, 0.2), width=st.floats(0, 0.1), margin=st.floats(0, 0.1))
def test_whatever_is_better_is_also_not_worse(low: float, width: float, margin: float) -> None:
    found = evidence(scope(versus=gain(low + width / 2, bounds=(low, low + width))))
    kinds = [
        VersusChampion(kind=kind, metric="auc", margin=margin)  # type: ignore[arg-type]
        for kind in ("better", "not_worse")
    ]
    better, not_worse = (judge(found, policy(threshold)).outcome for threshold in kinds)
    assert better == "reject" or not_worse == "promote"


def scores(rows: int = 900, *, champion: bool = True, seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    labels = (draw.random(rows) < 0.3).astype("int64")

    def model(skill: float) -> Any:
        logit = -0.9 + skill * (labels - 0.3) + draw.normal(size=rows)
        return (1 / (1 + np.exp(-logit))).astype("float32")

    return pd.DataFrame(
        {
            "label": labels,
            "shop": draw.choice(["north", "south"], rows, p=[0.8, 0.2]),
            "challenger": model(1.5),
            "champion": model(0.7) if champion else np.full(rows, np.nan, "float32"),
            "compared": np.full(rows, champion),
            "constant": labels.mean(),
            "simple": model(1.0),
        }
    )


def measured(frame: pd.DataFrame, gate: Gate, *, champion: str | None = "toy-1") -> Evidence:
    facts = {
        "usecase": "toy",
        "as_of": "2024-02-12T00:00:00Z",
        "holdout": ("2024-02-04", "2024-02-10"),
        "champion": champion,
        "trimmed": 0,
        "reload_identical": True,
    }
    return measure(frame, gate, objective=OBJECTIVES["binary"], seed=7, facts=facts)


SMALL = Gate(thresholds=(AUC_65, BETTER), slices=("shop",), minimum_rows=200, resamples=100)


def test_measured_evidence_is_the_same_each_time_and_survives_json() -> None:
    one, two = measured(scores(), SMALL), measured(scores(), SMALL)
    assert one.digest() == two.digest()
    assert Evidence.model_validate(one.document()) == one


def test_measured_evidence_opens_the_gate_for_a_clearly_better_challenger() -> None:
    verdict = judge(measured(scores(), SMALL), SMALL)
    assert verdict.outcome == "promote"
    assert {c.slice for c in verdict.checks if c.verdict == "underpowered"} == {"shop=south"}


def test_a_model_compared_with_itself_ties() -> None:
    frame = scores()
    frame["champion"] = frame["challenger"]
    found = measured(frame, SMALL)
    assert found.overall.champion["auc"].bounds == {"0.95": (0.0, 0.0)}
    assert judge(found, SMALL).outcome == "reject"


def test_rows_left_out_of_the_comparison_still_count_for_the_challenger_alone() -> None:
    frame = scores()
    frame.loc[:599, "compared"] = False
    found = measured(frame, SMALL)
    assert (found.overall.rows, found.overall.compared_rows) == (900, 300)


def test_without_a_champion_nothing_is_compared() -> None:
    found = measured(scores(champion=False), SMALL, champion=None)
    assert found.overall.champion == {}
    assert judge(found, SMALL).reasons[0].startswith("there is no champion yet")


def test_one_more_slice_changes_nothing_of_the_others() -> None:
    frame = scores().assign(day="a")
    more = SMALL.model_copy(update={"slices": ("day", "shop")})
    one, two = measured(frame, SMALL), measured(frame, more)
    assert {s.slice: s for s in one.slices}.items() <= {s.slice: s for s in two.slices}.items()


def test_rows_without_a_value_are_a_slice_of_their_own() -> None:
    frame = scores()
    frame["shop"] = frame["shop"].where(frame.index % 2 == 0)
    assert "shop=missing" in [found.slice for found in measured(frame, SMALL).slices]


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_scores_does_not_change_a_metric(random: Any) -> None:
    frame = scores(rows=250)
    order = list(range(len(frame)))
    random.shuffle(order)
    shuffled = frame.iloc[order].reset_index(drop=True)
    one, two = (measured(f, SMALL).overall.metrics["auc"].value for f in (frame, shuffled))
    assert one == two
