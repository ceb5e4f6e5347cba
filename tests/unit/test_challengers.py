"""Who scores beside the champion, and a probation in the ledger: pure rules over its entries."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from laurel.adapters.records import Ledger
from laurel.domain.challengers import canary_at, probation_of, shadows_at
from laurel.domain.config import Canary, Shadow, ShadowGate, UseCaseConfig, VersusChampion
from laurel.domain.ledger import Concluded, LedgerEntry, LedgerState, Probation, waiting_for
from laurel.domain.probation import ShadowEvidence, judge_shadow
from laurel.errors import Refused
from support.memory import MemoryStore
from support.monitoring import make_usecase
from support.records import day, decision

LAG = timedelta(days=1)
BETTER = {"kind": "better", "metric": "auc"}
ASKED = ShadowGate(partitions=3)


@pytest.fixture
def ledger() -> Ledger:
    """A champion A of day 7, and B of day 14 on probation: shadows of 15 to 17, until 18."""
    made = Ledger(MemoryStore(), "flights")
    made.decide(decision(7, name="A").model_copy(update={"verdict": "promote"}))
    made.decide(on_probation(14, "B"))
    return made


def on_probation(as_of: int, name: str) -> LedgerEntry:
    stood = Probation(
        since=day(as_of + 1),
        first=f"{day(as_of + 1):%Y-%m-%d}",
        last=f"{day(as_of + 3):%Y-%m-%d}",
        until=day(as_of + 4),
        policy=ASKED,
    )
    return decision(as_of, "registered", name=name).model_copy(
        update={"probation": stood, "effective_from": stood.until, "verdict": "promote"}
    )


def concluded(ledger: Ledger, name: str, event: str = "promoted") -> LedgerEntry:
    about = next(each for each in ledger.read().on_probation if each.model_version == name)
    return about.model_copy(
        update={
            "number": 0,
            "event": event,
            "probation": None,
            "concluded": Concluded(run="run", bundle="bundle"),
            "inputs": "what it showed",
            "policy": "what was asked",
        }
    )


def names(entries: tuple[LedgerEntry, ...]) -> list[str | None]:
    return [entry.model_version for entry in entries]


def at(state: LedgerState, t: int, asked: Shadow | None = None) -> list[str | None]:
    return names(shadows_at(state, day(t), lag=LAG, asked=asked))


def canary(state: LedgerState, t: int, **said: Any) -> str | None:
    asked = Canary(share=0.1, **said)
    found = canary_at(state, day(t), lag=LAG, asked=asked)
    return found.model_version if found else None


def test_a_challenger_on_probation_scores_just_its_partitions(ledger: Ledger) -> None:
    state = ledger.read()
    assert [at(state, t) for t in (14, 15, 17, 18)] == [[], ["B"], ["B"], []]


def test_scoring_goes_on_during_a_probation_and_waits_for_its_end(ledger: Ledger) -> None:
    state = ledger.read()
    assert waiting_for(state, day(14), t=day(17)) == ()
    assert waiting_for(state, day(14), t=day(18)) == (day(14),)
    assert ledger.conclude(concluded(ledger, "B"))
    state = ledger.read()
    assert waiting_for(state, day(14), t=day(18)) == ()
    assert [state.champion_as_of(day(t)).model_version for t in (17, 18)] == ["A", "B"]  # type: ignore[union-attr]
    assert at(state, 17) == ["B"], "a backfill meets the same"
    assert not ledger.conclude(concluded_again(state))


def concluded_again(state: LedgerState) -> LedgerEntry:
    return state.history[-1].model_copy(update={"number": 0})


def test_later_trainings_neither_overtake_a_probation_nor_come_before_it(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="comes too late"):
        ledger.decide(decision(10, name="early"))
    ledger.decide(decision(21, "rejected", name="C"))
    ledger.decide(on_probation(28, "D"))
    assert names(ledger.read().on_probation) == ["B", "D"]
    assert ledger.conclude(concluded(ledger, "B"))
    found = ledger.read().champion_as_of(day(30))
    assert found is not None
    assert found.model_version == "B"


def test_a_training_does_not_know_a_probation_that_ends_after_its_as_of(ledger: Ledger) -> None:
    ledger.conclude(concluded(ledger, "B"))
    state = ledger.read()
    met = [state.champion_before(day(t), t=day(t) + LAG) for t in (17, 18)]
    assert [each and each.model_version for each in met] == ["A", "B"]


def test_a_person_ends_a_probation_from_that_moment_on(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="on probation in shadow"):
        ledger.approve("B", by="ada", reason="hurry")
    said = ledger.decline_model("B", by="ada", reason="odd", decided_at=day(16))
    assert said.entry.effective_from == day(16)
    state = ledger.read()
    assert [at(state, t) for t in (15, 16)] == [["B"], []]
    assert [canary(state, t) for t in (15, 16)] == ["B", None]
    assert waiting_for(state, day(14), t=day(18)) == ()


def test_a_rollback_ends_a_canary_from_its_moment_on(ledger: Ledger) -> None:
    ledger.roll_back("A", by="ada", reason="noise", effective_from=day(16), decided_at=day(17))
    state = ledger.read()
    assert [canary(state, t) for t in (15, 16)] == ["B", None]
    assert [at(state, t) for t in (15, 16)] == [["B"], []]


def test_only_what_the_gate_let_through_answers_as_a_canary(ledger: Ledger) -> None:
    ledger.decide(decision(21, "rejected", name="C").model_copy(update={"verdict": "reject"}))
    state = ledger.read()
    assert canary(state, 22, partitions=60) == "B"
    assert canary(state, 22, partitions=7) is None, "its time is over"
    assert canary(state, 14) is None, "it could not have reigned yet"
    ledger.conclude(concluded(ledger, "B", "rejected"))
    state = ledger.read()
    assert [canary(state, t, partitions=60) for t in (17, 18)] == ["B", None]


def test_a_use_case_names_whom_it_shadows(ledger: Ledger) -> None:
    ledger.decide(decision(21, "rejected", name="C").model_copy(update={"verdict": "reject"}))
    state = ledger.read()
    assert at(state, 22, Shadow()) == ["C"]
    assert at(state, 22, Shadow(challengers="passed")) == ["B"]
    assert at(state, 22, Shadow(partitions=1)) == ["C"]
    assert at(state, 23, Shadow(partitions=1)) == []
    named = ("flights-20130701-1a2b3c4d",)
    assert at(state, 22, Shadow(challengers=named)) == []
    assert at(state, 16, Shadow()) == ["B"], "once, though it is on probation, too"
    assert at(LedgerState(), 16, Shadow()) == []


def test_a_probation_is_over_when_the_rows_and_the_labels_asked_for_are_known() -> None:
    config = make_usecase().config
    stood = probation_of(config, day(14), ASKED)
    assert (stood.first, stood.last) == (f"{day(15):%Y-%m-%d}", f"{day(17):%Y-%m-%d}")
    assert stood.until == day(18)
    asked = ShadowGate(partitions=3, realised=(VersusChampion(kind="not_worse", metric="auc"),))
    later = probation_of(config, day(14), asked).until
    assert later == day(18) + config.label_delay


def evidence(**said: Any) -> ShadowEvidence:
    known = {
        "usecase": "flights",
        "challenger": "B",
        "first": "2013-07-15",
        "last": "2013-07-17",
        "served": ("A",),
        "faults": {},
        "ended": None,
        "rows": 900,
        "distance": 0.05,
        "rank_correlation": 0.9,
        "changed": 0.1,
        "realised": None,
    }
    return ShadowEvidence.model_validate({**known, **said})


@pytest.mark.parametrize(
    ("said", "asked", "reason"),
    [
        ({}, {}, None),
        ({}, {"changed_at_most": 0.1, "distance_at_most": 0.05}, None),
        ({}, {"rank_correlation_at_least": 0.9}, None),
        ({}, {"changed_at_most": 0.09}, "changed decisions is 0.1, required is at most 0.09"),
        ({}, {"distance_at_most": 0.04}, "distance of the scores is 0.05"),
        ({}, {"rank_correlation_at_least": 0.95}, "rank correlation is 0.9"),
        ({"changed": None}, {"changed_at_most": 0.5}, "undefined"),
        ({"rows": 499}, {}, "499 rows were scored by both"),
        ({"faults": {"2013-07-16": "KeyError: 'x'"}}, {}, "2013-07-16: KeyError: 'x'"),
        ({"ended": "ada rolled back to Z"}, {}, "ada rolled back to Z"),
    ],
)
def test_what_was_shown_is_judged_by_what_was_asked(
    said: dict[str, Any], asked: dict[str, Any], reason: str | None
) -> None:
    verdict = judge_shadow(evidence(**said), ShadowGate(partitions=3, **asked))
    assert verdict.promotes == (reason is None)
    if reason is not None:
        assert reason in verdict.reasons[0]


def test_labels_that_were_not_looked_at_are_no_pass() -> None:
    asked = ShadowGate(partitions=3, realised=(VersusChampion(kind="better", metric="auc"),))
    with pytest.raises(Refused, match="holds no labels"):
        judge_shadow(evidence(), asked)


@pytest.mark.parametrize(
    ("gate", "scoring", "reason"),
    [
        ({"shadow": {"partitions": 0}}, {}, "greater than or equal to 1"),
        ({"shadow": {"partitions": 3, "changed_at_most": 0.1}}, {}, "needs decisions"),
        ({"shadow": {"partitions": 3, "realised": [BETTER, BETTER]}}, {}, "the same of a metric"),
        ({"shadow": {"partitions": 3, "realised": [{**BETTER, "metric": "mae"}]}}, {}, "mae"),
        ({}, {"canary": {"share": 0.6}}, "less than or equal to 0.5"),
        ({}, {"canary": {"share": 0.1, "by": ["customer"]}}, "['customer']"),
        ({"approval": {"by": ["ada"]}}, {"canary": {"share": 0.1}}, "nobody has approved"),
        ({}, {"shadow": {"challengers": ["newst"]}}, "should match pattern"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    gate: dict[str, Any], scoring: dict[str, Any], reason: str
) -> None:
    said = make_usecase().config.document()
    said["gate"] |= gate
    said["scoring"] |= {"threshold": None, **scoring}
    with pytest.raises(ValueError, match=re.escape(reason)):
        UseCaseConfig.model_validate(said)


def test_no_challenger_is_part_of_a_training_or_a_scoring() -> None:
    said = make_usecase().config.document()
    plain = UseCaseConfig.model_validate(said)
    said["gate"] |= {"shadow": {"partitions": 3}}
    said["scoring"] |= {"shadow": {}, "canary": {"share": 0.1}}
    beside = UseCaseConfig.model_validate(said)
    assert beside != plain
    assert beside.document() == plain.document()
