"""Challengers in shadow and as a canary, over whole runs of the toy use case."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import laurel.runs.beside
import laurel.runs.shadow
from laurel.adapters.records import find_bundles, read_bundle
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import parse_instant
from laurel.domain.config import ShadowGate
from laurel.domain.partition import Partition
from laurel.domain.share import in_share
from laurel.errors import Pending, Refused
from laurel.runs.approve import approve, decline_model
from laurel.runs.policy import replay_policy
from laurel.runs.proof.export import export
from laurel.runs.proof.verify import verify
from laurel.runs.rollback import rescore, roll_back
from laurel.runs.score import score
from laurel.runs.scored import MANIFEST, Scored
from laurel.runs.shadow import FAILED, shadow_dataset
from support.runs import Home, keep, kept_home, running_from
from support.sharing import made_once

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_checkout")]

AS_OF = parse_instant("2024-02-26")
DAYS = ("2024-02-27", "2024-02-28", "2024-02-29")
GATE = """\
  shadow:
    partitions: 2
    changed_at_most: 0.5
    rank_correlation_at_least: 0.3
    minimum_rows: 50
"""
REALISED = """\
  shadow:
    partitions: 1
    minimum_rows: 50
    realised: [{kind: better, metric: auc, margin: 0.4}]
"""
CANARY = """\
  canary: {share: 0.3, salt: spring}
"""
ALWAYS = ("0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z")


def say(home: Home, *, gate: str = "", scoring: str = "") -> None:
    """Add to what the use case says of its gate and its scoring."""
    file = home.usecase.folder / "usecase.yaml"
    text = file.read_text()
    text = text.replace("gate:\n", f"gate:\n{gate}", 1)
    file.write_text(text.replace("scoring:\n", f"scoring:\n{scoring}", 1))


@pytest.fixture(scope="session")
def third(prepared: Home, source_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The prepared home with a third training that the gate lets through, not yet decided."""

    def make(folder: Path) -> None:
        with running_from(source_checkout):
            home = prepared.copy(folder)
            home.train(AS_OF)
            keep(home)

    made = made_once(tmp_path_factory, "third", make)
    own = tmp_path_factory.mktemp("third") / "home"
    with running_from(source_checkout):
        return kept_home(shutil.copytree(made, own))


@pytest.fixture
def home(third: Home, own_checkout: Path, tmp_path: Path) -> Home:
    """A copy of it for this test alone."""
    return third.copy(tmp_path)


@pytest.fixture
def plain(third: Home, own_checkout: Path, tmp_path: Path) -> Scored:
    """What scoring the first day gives without any challenger, its run and its bytes."""
    alone = third.copy(tmp_path / "alone")
    decline = alone.site.ledger(alone.usecase).decline
    decline(AS_OF, by="ada", reason="to see the champion alone")
    return alone.score(DAYS[0])


def challenger_of(home: Home) -> str:
    return home.trained[-1].model_version


def shadows(home: Home) -> dict[str, str]:
    """Partition → md5 of what the challenger said in shadow."""
    state = home.site.catalog(home.usecase, shadow_dataset(challenger_of(home))).read()
    return {key: each[-1].md5 for key, each in state.revisions.items()}


def report_of(home: Home, day: str) -> dict[str, Any]:
    page = home.monitor(day).page
    found: dict[str, Any] = json.loads(home.site.store.read(page.replace(".html", ".json")))
    return found


def failures(home: Home) -> list[Bundle]:
    made = find_bundles(home.site.store, "toy", "shadow")
    return [bundle for bundle in made if not bundle.outputs]


def test_a_challenger_stands_its_time_in_shadow_and_then_reigns(
    home: Home, plain: Scored, tmp_path: Path
) -> None:
    say(home, gate=GATE)
    champion, challenger = home.trained[1].model_version, challenger_of(home)
    decided = home.decide(home.trained[-1].run)
    assert "scores 2 partition(s) in shadow, 2024-02-27 to 2024-02-28" in decided.sentence()
    assert not decided.waits
    with pytest.raises(Refused, match="on probation in shadow"):
        approve(home.site, home.usecase, model_version=challenger, by="ada", reason="hurry")

    scored = [home.score(DAYS[0])]
    assert scored[0].run == plain.run, "the champion's run knows nothing of its shadow"
    with pytest.raises(Pending, match="cannot be judged yet") as waiting:
        home.score(DAYS[2])
    assert DAYS[1] in str(waiting.value)
    listed = home.laurel("shadow", "list", "toy")
    assert f"{challenger} scores in shadow; 1 partition(s) so far; on probation" in listed.stdout
    scored += [home.score(day) for day in DAYS[1:]]

    assert [each.model_version for each in scored] == [champion, champion, challenger]
    assert [each.shadows for each in scored] == [(f"{challenger} in shadow",)] * 2 + [()]
    last = home.site.ledger(home.usecase).read().history[-1]
    assert (last.event, last.decided_by, last.model_version) == ("promoted", "gate", challenger)
    assert last.effective_from == parse_instant(DAYS[2])
    assert last.reasons[0] == "it scored 2 partition(s) in shadow"
    assert home.decide(home.trained[-1].run).entry == last
    assert [home.score(day).changed for day in DAYS] == [False] * 3, "as it was known then"

    both = report_of(home, DAYS[1])["shadows"][0]
    assert (both["model_version"], both["partitions"], both["answered"]) == (challenger, 2, 0)
    assert both["labelled"] > 70
    assert both["night"]["rows"] == 80
    assert 0.3 < both["night"]["rank_correlation"] <= 1
    assert {each["slice"] for each in both["slices"]} == {
        "shop=east",
        "shop=north",
        "shop=south",
    }
    compared = home.laurel("shadow", "compare", "toy", challenger, "--json")
    figures = json.loads(compared.stdout)
    assert (figures["partitions"], figures["alike"]["rows"]) == (2, 160)
    assert set(figures["gains"]) >= {"auc", "log_loss"}

    proof = verify(home.site, "toy")
    assert proof.sound, [finding.text() for finding in proof.findings]
    first, end = map(parse_instant, ALWAYS)
    again = replay_policy(home.site, "toy", None, first=first, last=end)
    assert again.identical, [step.now for step in again.flips]
    asked = ShadowGate(partitions=2, distance_at_most=0.0)
    stricter = home.usecase.config.gate.model_copy(update={"shadow": asked})
    flips = replay_policy(home.site, "toy", stricter, first=first, last=end).flips
    assert [(step.was.event, step.now.event) for step in flips] == [("promoted", "rejected")]
    package = tmp_path / "package.zip"
    export(home.site, "toy", first=AS_OF, last=end, file=package)
    assert unpacked(package, tmp_path / "unpacked").returncode == 0


def unpacked(package: Path, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Verify an exported package by the program in it."""
    with zipfile.ZipFile(package) as file:
        file.extractall(folder)
    words = [sys.executable, "-I", str(folder / "verify.py")]
    return subprocess.run(words, check=False, capture_output=True)


def test_labels_decide_about_a_challenger_and_who_forges_the_verdict_is_named(home: Home) -> None:
    say(home, gate=REALISED)
    champion = home.trained[1].model_version
    entry = home.decide(home.trained[-1].run).entry
    assert entry.probation is not None
    assert entry.effective_from == parse_instant(DAYS[2]), "a day of rows and a day for labels"
    assert [home.score(day).model_version for day in DAYS] == [champion] * 3
    last = home.site.ledger(home.usecase).read().history[-1]
    assert last.event == "rejected"
    assert "auc is " in last.reasons[0]
    assert "better by at least 0.4" in last.reasons[0]

    forged = last.model_copy(
        update={"number": 0, "event": "promoted", "verdict": "promote", "reasons": ("it is fine",)}
    )
    ledger = home.folder / "store/ledger/toy/entries"
    newest = max(ledger.iterdir())
    newest.unlink()
    home.site.ledger(home.usecase).conclude(forged)
    said = "\n".join(finding.text() for finding in verify(home.site, "toy").findings)
    for name in ("event", "verdict", "reasons"):
        assert f"the {name} of the entry is not what the end of its probation says" in said


def test_a_canary_answers_its_share_of_keys_until_a_rollback(home: Home) -> None:
    say(home, gate=GATE, scoring=CANARY)
    champion, challenger = home.trained[1].model_version, challenger_of(home)
    home.decide(home.trained[-1].run)
    scored = home.score(DAYS[0])
    table = home.predictions(DAYS[0])
    own = in_share(table, ["visit_id"], share=0.3, salt="spring")
    assert 10 < own.sum() < 40
    assert set(table["model_version"][own]) == {challenger}
    assert set(table["model_version"][~own]) == {champion}
    bundle = read_bundle(home.site.store, "toy", "score", run=scored.run)
    said = json.loads(bundle.files[MANIFEST])
    assert said["versions"] == {champion: int((~own).sum()), challenger: int(own.sum())}
    assert sum(said["scores"]["score"]["counts"]) == (~own).sum(), "drift is the champion's own"
    other = home.table(shadows(home)[DAYS[0]])
    assert other["score"][own].tolist() == table["score"][own].tolist()
    assert not home.score(DAYS[0]).changed

    report = report_of(home, DAYS[0])
    assert report["rows"] == (~own).sum()
    assert report["skew"] == {"rows": (~own).sum(), "differing": 0, "largest": 0.0}
    assert report["shadows"][0]["answered"] == own.sum()
    assert home.laurel("reproduce", scored.run).returncode == 0
    in_shadow = next(iter(find_bundles(home.site.store, "toy", "shadow")))
    assert "identical bytes" in home.laurel("reproduce", in_shadow.id).stdout
    for version, key in (
        (challenger, table["visit_id"][own].iloc[0]),
        (champion, table["visit_id"][~own].iloc[0]),
    ):
        told = home.laurel("explain", "toy", key, DAYS[0])
        assert f"model {version}, as of" in told.stdout, told.stderr
        assert ("a canary answered this row" in told.stdout) == (version == challenger)
    assert verify(home.site, "toy").sound

    home.score(DAYS[1])
    first = home.trained[0].model_version
    back = parse_instant(DAYS[1])
    words = {"target": first, "reason": "the canary is dead", "by": "ada"}
    roll_back(home.site, home.usecase, effective_from=back, **words)
    assert rescore(home.site, home.usecase).partitions == (DAYS[1],)
    assert set(home.predictions(DAYS[1])["model_version"]) == {first}
    assert set(home.predictions(DAYS[0])["model_version"]) == {champion, challenger}
    assert home.score(DAYS[2]).model_version == first
    last = home.site.ledger(home.usecase).read().history[-1]
    assert (last.event, last.model_version) == ("rejected", challenger)
    assert "ada rolled back to" in last.reasons[0]
    assert verify(home.site, "toy").sound


def test_a_faulty_challenger_is_recorded_and_leaves_the_champion_alone(
    home: Home, plain: Scored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(home, gate=GATE)
    home.decide(home.trained[-1].run)
    laid = laurel.runs.beside.lay_model

    def broken(*args: Any, **words: Any) -> Path:
        model = laid(*args, **words)
        file = model / "features.py"
        code = "\n\ndef featurize(rows, context):\n    raise KeyError('seats')\n"
        file.write_text(file.read_text() + code)
        return model

    monkeypatch.setattr(laurel.runs.beside, "lay_model", broken)
    scored = home.score(DAYS[0])
    assert scored.run == plain.run
    assert scored.shadows == (f"{challenger_of(home)} failed in shadow (KeyError: 'seats')",)
    (failed,) = failures(home)
    assert json.loads(failed.files[FAILED]) == {"fault": "KeyError: 'seats'"}
    monkeypatch.undo()
    assert home.score(DAYS[0]).shadows == scored.shadows, "what was recorded stands"
    assert "KeyError" in report_of(home, DAYS[0])["shadows"][0]["fault"]
    home.score(DAYS[1])
    assert home.score(DAYS[2]).model_version == home.trained[1].model_version
    last = home.site.ledger(home.usecase).read().history[-1]
    assert last.reasons == (
        f"it could not score 1 partition(s) in shadow, {DAYS[0]}: KeyError: 'seats'",
    )
    assert verify(home.site, "toy").sound


def test_a_canary_that_fails_leaves_all_keys_to_the_champion(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(home, gate=GATE, scoring=CANARY)
    home.decide(home.trained[-1].run)

    def refuses(self: Any, batch: Any) -> None:
        raise ValueError("no such rows")

    monkeypatch.setattr("laurel.stages.shadow.Challenger._encoded", refuses)
    home.score(DAYS[0])
    assert set(home.predictions(DAYS[0])["model_version"]) == {home.trained[1].model_version}
    assert len(failures(home)) == 1


def test_what_a_kill_or_a_passing_fault_left_out_is_scored_by_the_next_run(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    say(home, gate=GATE)
    home.decide(home.trained[-1].run)
    undisturbed = home.copy(tmp_path / "undisturbed")
    assert home.killed_before("catalog/toy/shadow-", "score", "toy", DAYS[0])
    assert len(home.predictions_of(DAYS[0])) == 1
    assert shadows(home) == {}
    assert not home.score(DAYS[0]).changed
    score(undisturbed.site, undisturbed.usecase, partition=Partition.of(DAYS[0]), shard_rows=40)
    assert shadows(home) == shadows(undisturbed), "in shards, too"
    newest = [each.predictions_of(DAYS[0])[-1].md5 for each in (home, undisturbed)]
    assert newest[0] == newest[1]

    def full(*_: Any, **__: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(laurel.runs.beside, "Challenger", full)
        patch.setattr(laurel.runs.shadow, "write_predictions", full)
        scored = home.score(DAYS[1])
    assert scored.shadows == (f"{challenger_of(home)} is missing: score the partition again",)
    assert failures(home) == []
    home.score(DAYS[2])
    assert set(shadows(home)) == {*DAYS[:2]}, "whoever needs it makes it"


def test_a_person_ends_a_probation(home: Home) -> None:
    say(home, gate=GATE)
    challenger = challenger_of(home)
    home.decide(home.trained[-1].run)
    home.score(DAYS[0])
    words = {"model_version": challenger, "by": "ada", "reason": "it looks odd"}
    assert decline_model(home.site, home.usecase, **words).entry.event == "declined"
    assert home.score(DAYS[2]).model_version == home.trained[1].model_version
    assert home.laurel("shadow", "conclude", "toy").stdout == "no probation of toy is over\n"
    assert verify(home.site, "toy").sound
