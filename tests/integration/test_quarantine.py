"""A person works the quarantine: what a past check or a suite refused is shown and released."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from laurel.adapters.quarantine import list_quarantine
from laurel.cli.quarantine import app
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, Refused, ValidationFailed
from laurel.runs.past import said_of
from laurel.runs.release import release, states
from support.runs import Home

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_checkout")]

DAY = "2024-01-29"
CHECKS = """\
    checks:
      - {kind: volume, severity: critical, tolerance: 0.3}
      - {kind: freshness}
      - {kind: distribution, columns: [shop, amount], minimum_rows: 50}
      - {kind: reference, columns: [shop], dataset: climate, to: [shop], before: 1}
"""


@pytest.fixture
def checking(fresh: Home) -> Home:
    """A home whose visits are checked against their past, four weeks of which are published."""
    promise(fresh, CHECKS)
    fresh.ingest("climate", "2024-01-01", DAY)
    fresh.ingest("visits", "2024-01-01", "2024-01-28")
    return fresh


def promise(home: Home, said: str) -> None:
    """Add to what the use case says of visits."""
    file = home.usecase.folder / "usecase.yaml"
    text = file.read_text()
    file.write_text(text.replace("    suite: toy.raw\n", f"    suite: toy.raw\n{said}", 1))


def give(home: Home, frame: pd.DataFrame, *, day: str = DAY) -> None:
    frame.to_parquet(home.override("visits", day))


def warnings(home: Home, day: str = DAY) -> list[str]:
    revision = home.site.catalog(home.usecase, "visits").read().corrected(day)
    assert revision is not None
    return said_of(home.site, home.usecase, "visits", revision)


def laurel(home: Home, *words: str) -> str:
    """What ``laurel quarantine`` says, in this process."""
    environ = {**home.environ, "COLUMNS": "200"}
    done = CliRunner().invoke(app, list(words), env=environ, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_vanished_category_is_published_and_said_in_the_report(checking: Home) -> None:
    frame = checking.source("visits", DAY)
    give(checking, frame.assign(shop="east"))
    done = checking.ingest("visits", DAY, DAY)
    assert done.published == done.warnings == (DAY,)
    (said,) = warnings(checking)
    assert said.startswith("distribution of shop: ")
    assert "2 vanished categories: north, south" in said
    assert warnings(checking, "2024-01-28") == []


def test_a_drop_in_volume_is_held_shown_and_released_once(checking: Home, tmp_path: Path) -> None:
    give(checking, checking.source("visits", DAY).head(45))
    with pytest.raises(ValidationFailed, match="in quarantine") as caught:
        checking.ingest("visits", DAY, DAY)
    assert "volume: 45 rows" in str(caught.value)
    assert "laurel quarantine release toy" in str(caught.value)
    site, usecase = checking.site, checking.usecase
    ((held, state),) = states(site, usecase)
    assert (state, held.rows, held.partition) == ("held", 45, DAY)

    assert held.id[:12] in laurel(checking, "list", "toy")
    out = tmp_path / "out"
    shown = laurel(checking, "show", "toy", held.id[:8], "--rows", "2", "--out", str(out))
    assert "45 rows, held" in shown
    assert "critical expectation" in shown
    assert len(pd.read_parquet(out / "rows.parquet")) == 45

    with pytest.raises(ConfigError, match="a person and a reason"):
        release(site, usecase, held.id, by=" ", reason="why not")
    words = ["release", "toy", held.id[:12], "--by", "ann", "--reason", "a blizzard"]
    said = f"visits {DAY} is released as revision 1, 45 rows, by ann: a blizzard"
    assert said in laurel(checking, *words)
    assert laurel(checking, "list", "toy").startswith("nothing of toy waits in quarantine; 1 other")
    assert "released" in laurel(checking, "list", "toy", "visits", "--all")
    revision = site.catalog(usecase, "visits").read().corrected(DAY)
    assert revision is not None
    assert revision.outcome == "released"
    assert revision.known_at == Partition.of(DAY).end
    assert revision.release is not None
    assert (revision.release.by, revision.release.quarantine) == ("ann", held.id)
    page = next(key for key in checking.keys("runs/toy/release/") if key.endswith(".html"))
    assert "Released from quarantine by ann: a blizzard" in site.store.read(page).decode()
    assert warnings(checking) == ["released from quarantine by ann: a blizzard"]

    again = release(site, usecase, held.id, by="bob", reason="once more")
    assert (again.repeated, again.release.by) == (True, "ann")
    assert [state for _, state in states(site, usecase)] == ["released"]
    assert checking.ingest("visits", DAY, DAY).published == ()
    after = checking.ingest("visits", "2024-01-30", "2024-01-30")
    assert after.warnings == ()


def test_what_was_published_since_is_restated_on_demand_only(checking: Home) -> None:
    give(checking, checking.source("visits", DAY).head(45))
    with pytest.raises(ValidationFailed):
        checking.ingest("visits", DAY, DAY)
    checking.override("visits", DAY).unlink()
    assert checking.ingest("visits", DAY, DAY).published == (DAY,)
    site, usecase = checking.site, checking.usecase
    ((held, state),) = states(site, usecase)
    assert state == "superseded"
    with pytest.raises(Refused, match="published since"):
        release(site, usecase, held.id, by="ann", reason="these are right")
    done = release(site, usecase, held.id, by="ann", reason="these are right", restate=True)
    assert (done.revision.revision, done.revision.rows) == (2, 45)


def test_bad_rows_are_split_off_and_cannot_be_released(fresh: Home) -> None:
    promise(fresh, "    split: {max_share: 0.05}\n")
    frame = fresh.source("visits", DAY)
    frame.loc[frame.index[:2], "shop"] = "west"
    give(fresh, frame)
    done = fresh.ingest("visits", DAY, DAY)
    assert (done.published, dict(done.split)) == ((DAY,), {DAY: 2})
    (held,) = list_quarantine(fresh.site.store, "toy")
    assert (held.rows, held.split) == (2, True)
    with pytest.raises(Refused, match="split off"):
        release(fresh.site, fresh.usecase, held.id, by="ann", reason="west is a shop")
    frame.loc[frame.index[:9], "shop"] = "west"
    give(fresh, frame)
    with pytest.raises(ValidationFailed):
        fresh.ingest("visits", DAY, DAY)


def test_rows_that_do_not_conform_cannot_be_released(checking: Home) -> None:
    frame = checking.source("visits", DAY).head(30)
    give(checking, pd.concat([frame, frame.head(1)]))
    with pytest.raises(ValidationFailed):
        checking.ingest("visits", DAY, DAY)
    ((held, _),) = states(checking.site, checking.usecase)
    with pytest.raises(Refused, match="more than once"):
        release(checking.site, checking.usecase, held.id, by="ann", reason="fine")


def test_profiles_are_kept_by_content_and_read_again(checking: Home) -> None:
    state = checking.site.catalog(checking.usecase, "visits").read()
    kept = {key.rsplit("/", 1)[1] for key in checking.keys("profiles/toy/visits/")}
    assert kept == {f"{revision.content_hash}.json" for revision in state.newest()}
    one = json.loads(checking.site.store.read(checking.keys("profiles/toy/visits/")[0]))
    assert one["columns"]["shop"]["categories"].keys() == {"east", "north", "south"}
