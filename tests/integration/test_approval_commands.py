"""Approval by commands, scoring that waits for it, and a key that signs by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from laurel.adapters.signing import fingerprint, make_key, read_public
from laurel.domain.canonical import parse_instant
from laurel.domain.ledger import LedgerEntry, Question
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, Pending
from laurel.runs.approve import approve
from laurel.runs.inputs import choose_inputs
from laurel.runs.proof.verify import verify
from laurel.runs.site import open_site
from laurel.settings import load_settings
from support.asked import account
from support.runs import Home

pytestmark = pytest.mark.slow

VERSION = "toy-20240226-0badcafe"
AS_OF = parse_instant("2024-02-26")


def register(home: Home, *, by: tuple[str, ...]) -> LedgerEntry:
    """Let a model wait for approval that the gate would let through."""
    ledger = home.site.ledger(home.usecase)
    (*_, last) = ledger.read().history
    question = Question(by=by, until=datetime.now(UTC) + timedelta(days=1), otherwise="decline")
    proposal = last.model_copy(
        update={
            "number": 0,
            "event": "registered",
            "model_version": VERSION,
            "as_of": AS_OF,
            "effective_from": AS_OF + timedelta(days=1),
            "inputs": "other",
            "question": question,
        }
    )
    return ledger.decide(proposal).entry


def test_a_scoring_waits_for_a_person_and_a_command_answers(copied: Home) -> None:
    register(copied, by=("ada", account()))
    day = Partition.of("2024-02-28")
    with pytest.raises(Pending) as waiting:
        choose_inputs(copied.site, copied.usecase, partition=day)
    assert "2024-02-26" in str(waiting.value)

    listed = copied.laurel("approvals", "toy")
    assert VERSION in listed.stdout
    assert f"asked: ada, {account()}, by " in listed.stdout
    done = copied.laurel("decline", "toy", VERSION, "--reason", "the north is worse")
    assert done.returncode == 0, done.stderr
    assert f"{VERSION} is declined by {account()}: the north is worse" in done.stdout

    chosen = choose_inputs(copied.site, copied.usecase, partition=day)
    assert chosen.champion.model_version == copied.trained[1].model_version
    told = copied.laurel("ledger", "toy", "--version", VERSION).stdout
    assert f"declined by {account()}" in told
    assert f"asked  ada, {account()}, by " in told


def test_whoever_was_not_asked_is_refused_whatever_the_environment_says(copied: Home) -> None:
    register(copied, by=("ada",))

    words = ("approve", "toy", VERSION, "--reason", "I am ada")
    done = copied.laurel(*words, USER="ada", LOGNAME="ada", USERNAME="ada")

    assert done.returncode == 1
    assert f"{account()} was not asked about {VERSION}" in done.stderr
    assert copied.site.ledger(copied.usecase).read().history[-1].event == "registered"


def test_each_decision_is_signed_by_itself_and_the_key_is_nowhere(
    copied: Home, tmp_path: Path
) -> None:
    private, public = tmp_path / "key", tmp_path / "key.pub"
    make_key(private, public)
    copied.site.ledger(copied.usecase)
    register(copied, by=("ada",))
    environ = {**copied.environ, "LAUREL_SIGNING_KEY": str(private)}
    site = open_site(load_settings(environ))
    words = {"model_version": VERSION, "by": "ada", "reason": "reviewed"}

    approve(site, copied.usecase, **words)
    approve(site, copied.usecase, **words)

    assert len(copied.keys("signatures/toy/")) == 1, "the same answer again signs nothing new"
    keys = {fingerprint(read_public(public)): read_public(public)}
    chains = {chain.prefix: chain for chain in verify(site, "toy", keys=keys).chains}
    assert chains["ledger/toy"].entries == chains["ledger/toy"].proved == 4
    assert "the signature in signatures/toy/" in str(chains["ledger/toy"].witness)
    secret = private.read_text().splitlines()[1].encode()
    store = copied.folder / "store"
    held = [path for path in store.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert held == []


def test_nothing_is_decided_that_could_not_be_signed(copied: Home, tmp_path: Path) -> None:
    register(copied, by=("ada",))
    site = open_site(
        load_settings({**copied.environ, "LAUREL_SIGNING_KEY": str(tmp_path / "gone")})
    )

    with pytest.raises(ConfigError, match="not a private key"):
        approve(site, copied.usecase, model_version=VERSION, by="ada", reason="reviewed")

    assert copied.site.ledger(copied.usecase).read().history[-1].event == "registered"
