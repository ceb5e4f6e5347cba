"""``laurel gate replay``: the ledger that another policy would have written."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from laurel.adapters.records import read_bundle, write_bundle
from laurel.domain.canonical import canonical_json, instant, parse_instant
from laurel.domain.config import Gate
from laurel.domain.evidence import Evidence
from laurel.domain.gate import judge
from laurel.errors import Refused
from laurel.runs.policy import PolicyReplay, replay_policy
from support.runs import AS_OFS, Home

pytestmark = pytest.mark.slow

ALL = {"first": parse_instant("2024-01-01"), "last": parse_instant("2024-12-31")}
THIRD = parse_instant("2024-02-26")


@pytest.fixture(scope="module")
def own(home: Home) -> Gate:
    return home.usecase.config.gate


@pytest.fixture(scope="module")
def home(prepared: Home, source_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a third decision."""
    from support.runs import running_from

    copy = prepared.copy(tmp_path_factory.mktemp("replayed"))
    with running_from(source_checkout):
        copy.decide(copy.train(THIRD).run)
    return copy


def asked(gate: Gate, **fields: object) -> Gate:
    return Gate.model_validate({**gate.model_dump(mode="json"), **fields})


def outcomes(found: PolicyReplay) -> list[str]:
    return [step.now.event for step in found.replayed.steps]


def test_the_own_policy_gives_the_identical_ledger(home: Home, own: Gate) -> None:
    for policy in (None, own):
        found = replay_policy(home.site, "toy", policy, **ALL)

        assert found.identical, found.document()
        assert found.flips == ()
        assert found.rescored == 0
        assert len(found.replayed.steps) == 3
        assert found.sentence() == "3 decisions replayed: the identical ledger"


def test_a_policy_that_nothing_passes_leaves_no_champion(home: Home, own: Gate) -> None:
    strict = asked(own, thresholds=[{"kind": "at_least", "metric": "auc", "value": 0.9999}])
    found = replay_policy(home.site, "toy", strict, **ALL)

    assert outcomes(found) == ["rejected"] * 3
    assert found.replayed.state.reigns() == ()
    assert not found.identical
    assert {step.champion_now for step in found.replayed.steps} == {None}


def test_nothing_is_written_by_a_replay(home: Home, own: Gate) -> None:
    before = home.keys()
    replay_policy(home.site, "toy", asked(own, resamples=200), **ALL)
    assert home.keys() == before


def test_another_champion_scores_the_stored_hold_out_exactly_as_it_did_then(home: Home) -> None:
    """The second challenger met the first model: computed anew, its scores are those kept."""
    from laurel.runs.policy import _Court

    state = home.site.ledger(home.usecase).read()
    first, second, _ = state.history
    with home.site.workspace() as folder:
        models = {entry.model_version or "": entry for entry in state.history}
        court = _Court(home.site, "toy", None, models, folder, of=1, watch=lambda *_: None)
        bundle = court._training(second)
        again, met = court._met(second, bundle, first.model_version)
        kept = home.table(
            home.site.plane.names(bundle.outputs["data/toy/evidence"]["md5"])["scores.parquet"]
        )
    for name, values in again.items():
        assert (kept[name].to_numpy() == values).all(), name
    assert met["champion"] == first.model_version
    assert parse_instant(met["champion_as_of"]) == first.as_of
    assert (met["champion_fault"], met["same_model"]) == (None, False)


def test_when_one_promotion_falls_the_next_challenger_meets_the_model_before(
    home: Home, own: Gate
) -> None:
    """Only the second decision compares with a champion it cannot beat by so much."""
    better = {"kind": "better", "metric": "auc", "margin": 0.2, "confidence": 0.95}
    found = replay_policy(
        home.site,
        "toy",
        asked(own, thresholds=[{"kind": "at_least", "metric": "auc", "value": 0.5}, better]),
        **ALL,
    )

    steps = found.replayed.steps
    assert [step.now.event for step in steps] == ["promoted", "rejected", "rejected"]
    one = steps[0].was.model_version
    assert [step.champion_now for step in steps] == [None, one, one]
    assert steps[2].champion_was == steps[1].was.model_version
    assert found.rescored == 1
    (reign,) = found.replayed.state.reigns()
    assert reign.entry.model_version == one


def test_only_the_range_is_decided_anew(home: Home, own: Gate) -> None:
    strict = asked(own, thresholds=[{"kind": "at_least", "metric": "auc", "value": 0.9999}])
    found = replay_policy(home.site, "toy", strict, first=AS_OFS[1], last=AS_OFS[1])

    assert outcomes(found) == ["rejected"]
    assert [entry.event for entry in found.replayed.state.history] == ["promoted", "rejected"]


def test_a_slice_by_a_column_that_was_not_kept_is_refused(home: Home, own: Gate) -> None:
    with pytest.raises(Refused, match="does not keep the columns") as refused:
        replay_policy(home.site, "toy", asked(own, slices=["amount"]), **ALL)
    assert "gate.slices" in str(refused.value)


def test_the_command_line_says_what_would_have_been(home: Home, own: Gate) -> None:
    policy = home.folder / "policy.yaml"
    policy.write_text(json.dumps({"gate": asked(own, thresholds=[]).model_dump(mode="json")}))
    done = home.laurel("gate", "replay", "toy", "--policy", str(policy))
    assert done.returncode == 0, done.stderr
    assert "3 decisions replayed: " in done.stdout
    assert "no model would ever have reigned" in done.stdout

    same = home.laurel("gate", "replay", "toy", "--json")
    assert json.loads(same.stdout)["identical"] is True

    policy.write_text("thresholds: nonsense")
    bad = home.laurel("gate", "replay", "toy", "--policy", str(policy))
    assert bad.returncode == 1
    assert "this is not a policy" in bad.stderr


# --- all that a policy may say, and a year of decisions


def test_costs_crossings_gaps_and_days_are_replayed_from_the_scores_that_were_kept(
    home: Home, own: Gate
) -> None:
    more = asked(
        own,
        thresholds=[
            *own.model_dump(mode="json")["thresholds"],
            {"kind": "at_most", "metric": "cost", "value": 5.0},
            {"kind": "gap_at_most", "metric": "positive_rate", "column": "shop", "value": 1.0},
        ],
        cost={"kind": "outcomes", "false_positive": 1, "false_negative": 3, "at": "decision"},
        protected=["shop"],
        crossings=[["shop", "partition"]],
        resample="days",
        underpowered={"slices": "report", "gaps": "report"},
    )
    found = replay_policy(home.site, "toy", more, **ALL)
    assert (found.flips, found.rescored) == ((), 0)
    for step in found.replayed.steps:
        assert any(reason.startswith("cost is ") for reason in step.now.reasons)
        assert any("apart between groups of shop" in reason for reason in step.now.reasons)
    dear = [{"kind": "at_most", "metric": "cost", "value": 0.0}]
    none = replay_policy(home.site, "toy", asked(more, thresholds=dear), **ALL)
    assert outcomes(none) == ["rejected"] * 3


def test_in_shadow_mode_nothing_would_have_been_promoted_and_the_verdicts_are_told(
    home: Home, own: Gate
) -> None:
    found = replay_policy(home.site, "toy", asked(own, mode="shadow"), **ALL)
    assert outcomes(found) == ["rejected"] * 3
    assert [step.now.verdict for step in found.replayed.steps] == ["promote"] * 3
    assert found.replayed.state.reigns() == ()
    off = asked(own, mode="off", thresholds=[])
    assert outcomes(replay_policy(home.site, "toy", off, **ALL)) == ["promoted"] * 3


def test_a_year_of_weekly_decisions_is_replayed(home: Home, own: Gate, tmp_path: Path) -> None:
    """Each has a bundle and evidence of its own; their models are that of the second training."""
    copy = home.copy(tmp_path)
    weeks = add_year(copy)
    year = {"first": weeks[0], "last": weeks[-1]}
    found = replay_policy(copy.site, "toy", None, **year)
    assert found.identical, found.document()
    assert (len(found.replayed.steps), found.rescored) == (52, 0)
    cost = {"kind": "outcomes", "false_positive": 1, "false_negative": 3}
    priced = replay_policy(copy.site, "toy", asked(own, cost=cost, resamples=100), **year)
    assert (priced.flips, priced.rescored) == ((), 0)
    assert len(priced.replayed.state.reigns()) == len(found.replayed.state.reigns())
    assert not priced.identical


def add_year(home: Home) -> list[datetime]:
    """52 more decisions, a week apart, each on the scores of the second, each met by the last."""
    site, state = home.site, home.site.ledger(home.usecase).read()
    second = state.history[1]
    bundle = read_bundle(site.store, "toy", "train", run=second.run or "", expected=second.bundle)
    whole = bundle.outputs["data/toy/evidence"]["md5"]
    names = site.plane.names(whole)
    site.plane.place({home.folder / "year" / name: md5 for name, md5 in names.items()})
    kept = Evidence.model_validate_json((home.folder / "year" / "evidence.json").read_bytes())
    champion, weeks = state.history[2].model_version, []
    for week in range(52):
        as_of = THIRD + timedelta(days=7 * (week + 1))
        run = f"{week:016x}"
        met = {"champion": champion, "as_of": instant(as_of)}
        file = home.folder / "year" / f"{week}.json"
        evidence = kept.model_copy(update=met)
        file.write_bytes(canonical_json(evidence.document()))
        (ref,) = site.plane.put({"evidence.json": file}).values()
        tree = site.plane.merge(whole, {"evidence.json": ref})
        judged = judge(evidence, home.usecase.config.gate)
        made = bundle.model_copy(
            update={
                "id": run,
                "as_of": as_of,
                "model_version": f"toy-week-{week:02}",
                "inputs": {**bundle.inputs, "champion": champion},
                "outputs": {**bundle.outputs, "data/toy/evidence": {"md5": tree.md5}},
                "verdict": {
                    **(bundle.verdict or {}),
                    **judged.document(),
                    "evidence": evidence.digest(),
                },
            }
        )
        write_bundle(site.store, made)
        if home.decide(run).entry.event == "promoted":
            champion = made.model_version
        weeks.append(as_of)
    return weeks
