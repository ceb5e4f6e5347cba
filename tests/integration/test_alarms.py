"""Alarms on the use case ``toy`` through the real stages: learned, found, acknowledged, told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from laurel.adapters.records.alarms import AlarmJournal
from laurel.cli import alarms, report
from laurel.domain.alarms.request import Declined, Request
from laurel.domain.canonical import parse_instant
from laurel.domain.partition import Partition
from laurel.errors import DataError, NotFound, Refused
from laurel.runs.acknowledge import acknowledge
from laurel.runs.calibrate import Calibrated, calibrate
from laurel.runs.monitor import Monitored
from laurel.runs.proof.journals import heads
from laurel.runs.proof.verify import verify
from laurel.runs.tell import messages, remember, request_training
from support.runs import DATASETS, Home, open_home, running_from

pytestmark = pytest.mark.slow

QUIET = (Partition.of("2024-02-13"), Partition.of("2024-03-11"))
"""Four weeks, all scored by one champion."""
SHIFTED = ("2024-03-12", "2024-03-13", "2024-03-14")
LAST = "2024-03-15"
CHECK = "drift/amount"
CONFIG = (
    ('"0 0 * * 1"', '"0 0 12 2 *"'),  # one training only
    ("end: 2024-02-29", f"end: {LAST}"),
    ("reference_days: 7", "reference_days: 14"),
    ("minimum_rows: 100\n", "minimum_rows: 50\n  retrain: true\n"),
)
CHANNEL = "alarms:\n  notify: [{kind: webhook, connection: hook}]\n"


@dataclass
class Watched:
    """A home with quiet nights, what was learned from them, and nights with a planted shift."""

    home: Home
    learned: Calibrated
    nights: dict[str, Monitored]
    beforehand: Path
    """The store before any night was monitored."""

    def document(self, night: str) -> dict[str, Any]:
        return document(self.home, self.nights[night])


def document(home: Home, made: Monitored) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        home.site.store.read(f"runs/toy/monitor/{made.run}/report.json")
    )
    return found


def alarm(document: dict[str, Any], check: str = CHECK) -> dict[str, Any] | None:
    return next((each for each in document["alarms"] if each["check"] == check), None)


@pytest.fixture(scope="module")
def watched(source_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    with running_from(source_checkout):
        home = open_home(folder / "home")
        _configure(home)
        for night in SHIFTED:
            frame = home.source("visits", night)
            frame["amount"] = frame["amount"] * 3 + 100
            frame.to_parquet(home.override("visits", night))
        for dataset in DATASETS:
            home.ingest(dataset, "2024-01-01", LAST)
        home.decide(home.train(parse_instant("2024-02-12")).run)
        for day in range((Partition.of(LAST).day - QUIET[0].day).days + 1):
            home.score(QUIET[0].shifted(day).key)
        learned = _calibrate(home)
        home.copy(folder / "before")
        nights = [home.monitor(night) for night in ("2024-03-11", *SHIFTED[:2])]
        made = {night.partition: night for night in nights}
        yield Watched(home, learned, made, folder / "before")


def _configure(home: Home) -> None:
    file = home.usecase.folder / "usecase.yaml"
    text = file.read_text()
    for old, new in CONFIG:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text + CHANNEL)


def _calibrate(home: Home, **changes: Any) -> Calibrated:
    given = {"first": QUIET[0], "last": QUIET[1], "by": "ada", "reason": "nothing was launched"}
    return calibrate(home.site, home.usecase, **given | changes)


def test_bounds_are_learned_from_counts_and_written_once(watched: Watched) -> None:
    found = watched.learned.calibration

    assert found.nights == 28
    assert {CHECK, "drift/shop", "drift_week/amount", "score_drift"} <= set(found.checks)
    assert found.family.at_most > found.family.rate
    assert watched.learned.entry.first == SHIFTED[0]

    again = _calibrate(watched.home)
    assert again.repeated
    assert again.calibration.digest == found.digest
    assert AlarmJournal(watched.home.site.store, "toy").audit().number >= 1


def test_a_planted_shift_is_suspected_first_and_confirmed_within_the_stated_delay(
    watched: Watched,
) -> None:
    calm, first, second = (watched.document(night) for night in ("2024-03-11", *SHIFTED[:2]))
    stated = next(d for d in watched.learned.calibration.checks[CHECK].delays if d.size == 0.5)

    assert alarm(calm) is None
    suspected, confirmed = alarm(first), alarm(second)
    assert suspected is not None
    assert (suspected["state"], suspected["change"]) == ("suspected", "suspected")
    assert confirmed is not None
    assert (confirmed["state"], confirmed["change"]) == ("confirmed", "confirmed")
    assert confirmed["since"] == SHIFTED[0]
    assert stated.late >= 2, "the second night of the shift is the second one stated"
    assert second["standing"] == "alarmed"
    assert second["retrain"] is True


def test_the_rate_and_the_delays_are_beside_the_alarm_on_the_page(watched: Watched) -> None:
    made = watched.nights[SHIFTED[1]]
    page = watched.home.site.store.read(made.page).decode()
    learned = watched.learned.calibration.checks[CHECK]

    assert learned.sentence() in page
    assert f"exceeded on {learned.flagged} of 28 quiet nights" in page


def test_a_night_knows_the_calibration_of_then(watched: Watched) -> None:
    assert watched.document("2024-03-11")["calibration"] is None
    assert watched.document(SHIFTED[0])["calibration"] == watched.learned.calibration.digest


def test_nights_out_of_order_say_the_same_to_the_byte(
    watched: Watched, source_checkout: Path, tmp_path: Path
) -> None:
    with running_from(source_checkout):
        other = open_home(watched.beforehand, fresh=False)
        again = {night: other.monitor(night) for night in reversed(SHIFTED[:2])}

    for night, made in again.items():
        assert made.run == watched.nights[night].run
        assert document(other, made) == watched.document(night)
        for name in ("report.html", "report.json", "metrics.txt"):
            key = f"runs/toy/monitor/{made.run}/{name}"
            assert other.site.store.read(key) == watched.home.site.store.read(key)


def test_the_metrics_beside_a_report_say_what_it_says(watched: Watched) -> None:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    made = watched.nights[SHIFTED[1]]
    text = watched.home.site.store.read(f"runs/toy/monitor/{made.run}/metrics.txt").decode()
    found = {family.name: family.samples for family in text_string_to_metric_families(text)}
    confirmed = {
        sample.labels["check"]
        for sample in found["laurel_alarm"]
        if sample.labels["state"] == "confirmed"
    }

    assert confirmed == {
        each["check"]
        for each in watched.document(SHIFTED[1])["alarms"]
        if each["state"] == "confirmed"
    }
    assert found["laurel_report_rows"][0].value == 80


def test_a_channel_is_told_once_and_a_backfilled_night_tells_nobody(watched: Watched) -> None:
    site, usecase = watched.home.site, watched.home.usecase
    run = watched.nights[SHIFTED[1]].run

    assert list(messages(site, usecase, run=run, backfilled=True)) == []
    ((channel, message),) = messages(site, usecase, run=run, backfilled=False)
    assert f"{CHECK}" in {news.check for news in message.news}
    remember(site, usecase, channel=channel, message=message)
    assert list(messages(site, usecase, run=run, backfilled=False)) == []


def test_training_is_asked_for_once_and_never_by_a_backfill(watched: Watched) -> None:
    site, usecase = watched.home.site, watched.home.usecase
    run = watched.nights[SHIFTED[1]].run

    backfilled = request_training(site, usecase, run=run, backfilled=True)
    assert isinstance(backfilled, Declined)
    asked = [request_training(site, usecase, run=run, backfilled=False) for _ in range(2)]
    assert isinstance(asked[0], Request)
    assert asked[0] == asked[1]
    assert asked[0].as_of == Partition.of(SHIFTED[1]).end
    assert len(AlarmJournal(site.store, "toy").read().of("asked")) == 1


def test_what_a_night_changes_is_in_the_journal_once(watched: Watched) -> None:
    before = AlarmJournal(watched.home.site.store, "toy").read().of("changed")
    watched.home.monitor(SHIFTED[1])

    entries = AlarmJournal(watched.home.site.store, "toy").read().of("changed")
    assert entries == before
    assert f"{CHECK} confirmed critical" in {
        text for entry in entries if entry.partition == SHIFTED[1] for text in entry.changes
    }


def test_an_acknowledged_alarm_is_shown_and_disturbs_nobody(
    watched: Watched, source_checkout: Path
) -> None:
    home = watched.home
    with pytest.raises(Refused, match="belongs into the journal"):
        acknowledge(home.site, home.usecase, check=CHECK, by=" ", reason="")
    with pytest.raises(NotFound, match="no such alarm"):
        acknowledge(home.site, home.usecase, check="drift/weather", by="ada", reason="a sale")

    words = ["alarms", "acknowledge", "toy", CHECK, "--by", "ada", "--reason", "a <b>sale</b>"]
    said = home.laurel(*words, "--until", SHIFTED[2])
    listed = home.laurel("alarms", "list", "toy")
    with running_from(source_checkout):
        after = document(home, home.monitor(SHIFTED[2]))
        again = document(home, home.monitor(SHIFTED[1]))

    assert said.returncode == 0, said.stderr
    assert f"{CHECK} is acknowledged by ada from {SHIFTED[2]} on, until {SHIFTED[2]}" in said.stdout
    assert CHECK in listed.stdout
    found = alarm(after)
    assert found is not None
    assert found["silenced"] == f"acknowledged by ada until {SHIFTED[2]}: a <b>sale</b>"
    assert CHECK not in after["verdict"]
    assert again == watched.document(SHIFTED[1]), "no night before it changes"


def test_too_short_a_past_is_refused(watched: Watched) -> None:
    with pytest.raises(DataError, match="too few quiet nights"):
        _calibrate(watched.home, last=QUIET[0].shifted(13))
    with pytest.raises(NotFound, match="no night of the range was scored"):
        _calibrate(watched.home, first=Partition.of("2024-01-01"), last=Partition.of("2024-02-01"))


def test_an_audit_walks_the_journal_and_finds_a_calibration_that_was_changed(
    watched: Watched, tmp_path: Path
) -> None:
    copied = watched.home.copy(tmp_path)
    entry = AlarmJournal(copied.site.store, "toy").read().of("calibrated")[0]
    file = copied.folder / "store" / f"alarms/toy/calibrations/{entry.calibration}.json"

    whole = verify(copied.site, "toy")
    file.chmod(0o644)
    file.write_text(file.read_text().replace('"target":0.05', '"target":0.50'))
    broken = verify(copied.site, "toy")

    assert "alarms/toy" in {chain.prefix for chain in whole.chains}
    assert "alarms/toy" in heads(copied.site, "toy")
    assert [each.place for each in whole.findings if "alarms" in each.place] == []
    assert [each.fault for each in broken.findings if "alarms" in each.place] == [
        "a calibration of alarms was changed"
    ]


def asked(home: Home, app: typer.Typer, *words: str) -> str:
    """What a command says; it ends well."""
    told = {name: text for name, text in home.environ.items() if name.startswith("LAUREL_")}
    made = CliRunner().invoke(app, list(words), env={**told, "COLUMNS": "200"})
    assert made.exit_code == 0, (made.output, made.exception)
    return str(made.output)


def test_the_command_line_says_what_is_known_of_a_check(watched: Watched) -> None:
    home, (first, last) = watched.home, QUIET

    shown = asked(home, alarms.app, "show", "toy", CHECK)
    words = ["--from", first.key, "--to", last.key, "--by", "ada", "--reason"]
    learned = asked(home, alarms.app, "calibrate", "toy", *words, "nothing was launched")

    assert watched.learned.calibration.checks[CHECK].sentence() in shown
    assert f"{SHIFTED[1]}: {CHECK} confirmed critical" in shown.replace(", ", f"\n  {SHIFTED[1]}: ")
    assert "as before" in learned
    assert CHECK in learned


def test_the_command_line_writes_all_nights_and_a_week(watched: Watched, tmp_path: Path) -> None:
    home = watched.home
    nights, week = tmp_path / "nights.html", tmp_path / "week.html"

    listed = asked(home, report.app, "nights", "toy")
    asked(home, report.app, "nights", "toy", "--out", str(nights))
    said = asked(home, report.app, "week", "toy", SHIFTED[0], "--out", str(week))
    metrics = asked(home, report.app, "metrics", "toy", SHIFTED[1])

    assert SHIFTED[1] in listed
    assert f"{watched.nights[SHIFTED[1]].run}/report.html" in nights.read_text()
    assert "confirmed: amount has drifted" in said
    assert "What happened to alarms" in week.read_text()
    made = watched.nights[SHIFTED[1]].run
    assert metrics == home.site.store.read(f"runs/toy/monitor/{made}/metrics.txt").decode()


def test_the_last_night_of_a_week_writes_its_summary_and_the_index(
    watched: Watched, source_checkout: Path
) -> None:
    home = watched.home
    assert home.keys("weeks/toy/2024-03-11/") == []

    with running_from(source_checkout):
        home.monitor("2024-02-17")
        assert home.keys("weeks/") == [], "the week is not over"
        home.monitor("2024-02-18")
        keys = home.keys("weeks/")
        home.monitor("2024-02-18")

    assert home.keys("weeks/") == keys
    assert [key.rsplit("/", 1)[1] for key in keys] == ["nights.html", "week.html"]
    page = home.site.store.read(keys[1]).decode()
    assert "2 nights of 7 reported" in page
    assert 'href="../../../../runs/toy/monitor/' in page
