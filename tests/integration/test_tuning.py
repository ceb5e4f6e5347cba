"""A use case that searches for parameters, through whole runs: killed, taken up, reproduced."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from laurel.adapters.records import find_bundle
from laurel.adapters.trials import FOLDER
from laurel.cli.progress import STAGES
from laurel.cli.trials import trials
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import parse_instant
from laurel.errors import NotFound
from laurel.runs.reproduce import reproduce
from laurel.runs.searches import find_search
from laurel.runs.train import train
from support.runs import Home, running_from
from support.tuned import TUNING, write_tuning

pytestmark = pytest.mark.slow

AS_OF = parse_instant("2024-02-26")
"""A week after the last one that the prepared home decided about."""
KILLER = '''\
"""Ends a run with ``kill -9`` when it is about to keep its so manieth trial."""

import os
import signal
import sys

kept = 0


def hook(event, args):
    global kept
    if event == "os.link" and "/trials/" in os.fspath(args[1]):
        kept += 1
        if kept == int(os.environ["KILL_AT"]):
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(hook)
'''


def with_tuning(prepared: Home, folder: Path) -> Home:
    home = prepared.copy(folder)
    write_tuning(home.usecase.folder)
    return home


@pytest.fixture(scope="module")
def searched(
    prepared: Home, source_checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Home:
    """A home in which the second training searched for parameters, undisturbed."""
    with running_from(source_checkout):
        home = with_tuning(prepared, tmp_path_factory.mktemp("searched"))
        home.train(AS_OF)
    return home


def bundle_of(home: Home) -> Bundle:
    bundle = find_bundle(home.site.store, "toy", "train", home.trained[-1].run)
    assert bundle is not None
    return bundle


def kept_trials(home: Home) -> list[str]:
    return sorted(file.name for file in (home.settings.cache / FOLDER).rglob("*.json"))


def killed_at(home: Home, killer: Path, number: int) -> int:
    """Train by the command line, killed as it is about to keep that trial of its own."""
    path = os.pathsep.join([str(killer), home.environ["PYTHONPATH"]])
    done: subprocess.CompletedProcess[str] = home.laurel(
        "train", "toy", "--as-of", AS_OF.isoformat(), PYTHONPATH=path, KILL_AT=str(number)
    )
    return done.returncode


def test_a_search_is_among_the_outputs_of_its_run_and_drawn_beside_it(
    searched: Home, own_checkout: Path
) -> None:
    bundle = bundle_of(searched)
    assert bundle.outputs["data/toy/tuning"]["stage"] == "toy_tune"
    assert json.loads(json.dumps(bundle.parameters))["training"]["tuning"]["trials"] == 6
    page = searched.site.store.read(f"{bundle.prefix}/tuning.html").decode()
    found = find_search(searched.site, bundle.id)[1]
    assert len(found.trials) == TUNING["trials"]
    assert page == found.page(bundle)
    assert (
        'href="tuning.html"' in searched.site.store.read(f"{bundle.prefix}/decision.html").decode()
    )
    # what was kept for a retry is gone: whoever reproduces this run computes its trials anew
    assert kept_trials(searched) == []


def test_a_repeated_training_finds_its_bundle_and_names_the_page_of_the_search(
    searched: Home, own_checkout: Path
) -> None:
    pages: dict[str, str] = {}
    again = train(searched.site, searched.usecase, as_of=AS_OF, pages=pages)
    assert again.repeated
    assert pages["Search"] == f"{bundle_of(searched).prefix}/tuning.html"


def test_a_run_without_a_search_has_no_page_and_no_trials_to_show(
    prepared: Home, own_checkout: Path
) -> None:
    run = prepared.trained[0].run
    assert not [key for key in prepared.keys("runs/toy/train/") if key.endswith("tuning.html")]
    with pytest.raises(NotFound, match="searched for no parameters"):
        find_search(prepared.site, run)


def test_the_trials_of_a_run_are_listed_by_the_command_line(
    searched: Home, own_checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LAUREL_HOME", "LAUREL_STORE", "LAUREL_USECASES", "LAUREL_EXPECTATIONS"):
        monkeypatch.setenv(name, searched.environ[name])
    door = typer.Typer()
    door.command()(trials)
    run = searched.trained[-1].run
    told = CliRunner().invoke(door, [run])
    assert told.exit_code == 0, told.output
    assert "log_loss" in told.stdout
    assert "grow_policy" in told.stdout
    lines = CliRunner().invoke(door, [run, "--all", "--json"]).stdout.splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3, 4, 5, 6]


def test_a_tuned_challenger_is_decided_about_like_any_other(
    searched: Home, own_checkout: Path, tmp_path: Path
) -> None:
    home = searched.copy(tmp_path)
    decided = home.decide(searched.trained[-1].run)
    assert not decided.repeated
    assert decided.entry.event in ("promoted", "rejected")
    assert decided.entry.bundle == searched.trained[-1].bundle
    assert home.site.ledger(home.usecase).read().history[-1].run == decided.entry.run


def test_a_search_killed_twice_goes_on_to_the_same_bundle_and_computes_no_trial_twice(
    searched: Home,
    prepared: Home,
    own_checkout: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    home = with_tuning(prepared, tmp_path / "home")
    killer = tmp_path / "killer"
    killer.mkdir()
    (killer / "sitecustomize.py").write_text(KILLER)
    assert killed_at(home, killer, 2) == -9
    assert kept_trials(home) == ["000001.json"]
    assert killed_at(home, killer, 3) == -9
    assert kept_trials(home) == ["000001.json", "000002.json", "000003.json"]
    with caplog.at_level(logging.INFO, logger=STAGES):
        made = home.train(AS_OF)
    lines = [line for line in caplog.messages if line.startswith("trial ")]
    known = [line.split()[1] for line in lines if "known from an earlier attempt" in line]
    assert known == ["1", "2", "3"]
    assert {line.split()[1] for line in lines if " of 6, " in line} == set("123456")
    assert made.bundle == searched.trained[-1].bundle
    assert kept_trials(home) == []


def test_a_run_that_searched_is_reproduced_to_the_byte_by_trials_computed_anew(
    searched: Home, own_checkout: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger=STAGES):
        again = reproduce(searched.site, bundle_of(searched))
    assert again.reproduced, again.text()
    assert "data/toy/tuning" in {output.path for output in again.outputs}
    lines = [line for line in caplog.messages if line.startswith("trial ")]
    assert not any("known from an earlier attempt" in line for line in lines)
    assert len([line for line in lines if " of 6, " in line]) == 6
    # its own trials are not left behind for the next one either
    assert kept_trials(searched) == []
