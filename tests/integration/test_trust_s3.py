"""``laurel audit store`` and ``laurel gc`` on S3, and as commands."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from laurel.adapters.dvc import remote
from laurel.adapters.dvc.inventory import BucketInventory, objects, open_inventory
from laurel.adapters.dvc.remote import object_key
from laurel.adapters.records import Catalog
from laurel.runs.audit import audit_store
from laurel.runs.gc import collect_garbage, plan_gc
from laurel.runs.site import open_site
from laurel.settings import Settings
from support.publishing import USECASE, History
from support.servers import S3Server, settings_on, use_credentials

pytestmark = pytest.mark.slow


@pytest.fixture
def history(
    settings: Settings, seaweedfs: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> History:
    use_credentials(seaweedfs, monkeypatch)
    made = History(open_site(settings_on(seaweedfs, settings)), tmp_path / "in")
    made.publish("visits", {f"2024-01-{day:02}": b"rows of %d" % day for day in range(1, 10)})
    window = made.put({"2024-01-01": b"rows of 1"})
    made.train("1a2b3c4d5e6f7081", {"model.ubj": b"trees", "meta.json": b"{}"}, window)
    return made


def md5_of(history: History, day: str) -> str:
    return Catalog(history.site.store, USECASE, "visits").read().revisions[day][0].md5


def inventory_of(history: History) -> BucketInventory:
    found = open_inventory(history.site.settings)
    assert isinstance(found, BucketInventory)
    return found


def test_what_is_missing_cut_off_or_corrupted_in_a_bucket_is_named_and_repaired(
    history: History,
) -> None:
    assert audit_store(history.site, hashed=1.0).damages == ()
    inventory = inventory_of(history)
    model = next(iter(history.put({"m": b"trees"}).values())).md5
    tree = str(Catalog(history.site.store, USECASE, "visits").read().tree)
    lost, cut, bad = (md5_of(history, f"2024-01-0{day}") for day in (2, 3, 4))
    inventory.drop(item for md5, item in objects(inventory).items() if md5 in (lost, tree))
    inventory.write(b"rows", object_key(cut))
    inventory.write(b"ROWS OF 4", object_key(bad))
    inventory.write(b"tree", object_key(model))

    found = {damage.what: damage for damage in audit_store(history.site, hashed=1.0).wrong}

    assert {what: damage.fault for what, damage in found.items()} == {
        lost: "missing",
        tree: "missing",
        cut: "wrong size",
        bad: "corrupted",
        model: "corrupted",
    }
    assert found[bad].by[0].text() == "shop visits 2024-01-04, revision 1"
    assert found[model].by[0].model_version == "shop-1a2b3c4d5e6f7081"
    assert audit_store(history.site, hashed=1.0, repair=True).wrong == ()
    assert audit_store(history.site, hashed=1.0).damages == ()


def test_many_objects_are_listed_prefix_by_prefix(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = objects(inventory_of(history))
    monkeypatch.setattr(BucketInventory, "few", lambda *_: None)

    assert len(at_once) == 14
    assert objects(inventory_of(history)) == at_once


def test_what_nothing_names_in_a_bucket_is_dropped_and_nothing_else(history: History) -> None:
    inventory = inventory_of(history)
    before = objects(inventory).keys()
    lost = history.put({"lost": b"lost"})["lost"].md5
    where = inventory._where(object_key("0" * 32))
    inventory._s3.create_multipart_upload(**where)
    assert plan_gc(history.site).leftovers == ()

    later = datetime.now(UTC) + timedelta(days=8)
    planned = plan_gc(history.site, now=later)
    done = collect_garbage(history.site, planned, by="tests", now=later)

    counts = {kind: number for kind, (number, _) in done.sweep.counts().items()}
    assert counts == {"objects": 1, "unfinished writes": 1, "cache of this machine": 1}
    assert history.site.plane.missing([lost]) == (lost,)
    assert objects(inventory).keys() == before
    assert inventory.unfinished() == []
    assert audit_store(history.site, hashed=1.0).damages == ()


def test_an_old_object_that_a_run_needs_again_counts_as_new_in_a_bucket(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    md5 = md5_of(history, "2024-01-05")
    before = objects(inventory_of(history))[md5].modified
    history.put({"again": b"rows of 5"})
    assert objects(inventory_of(history))[md5].modified == before

    monkeypatch.setattr(remote, "FRESH", timedelta(seconds=-1))
    while int(datetime.now(UTC).timestamp()) <= before:
        pass
    history.put({"again": b"rows of 5"})

    assert objects(inventory_of(history))[md5].modified > before
    assert inventory_of(history).md5(object_key(md5)) == md5


def laurel(history: History, *words: str) -> subprocess.CompletedProcess[str]:
    settings = history.site.settings
    environ = {
        "PATH": "/usr/bin:/bin",
        "LAUREL_HOME": str(settings.home),
        "LAUREL_STORE": settings.store,
        "LAUREL_CACHE": str(settings.cache),
    }
    command = [str(Path(sys.executable).with_name("laurel")), *words]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def local(settings: Settings, tmp_path: Path) -> History:
    made = History(open_site(settings), tmp_path / "in")
    made.publish("visits", {f"2024-01-{day:02}": b"rows of %d" % day for day in range(1, 31)})
    return made


def test_the_command_says_what_is_wrong_in_bounds_and_ends_with_1(local: History) -> None:
    sound = laurel(local, "audit", "store", "--hash")
    assert (sound.returncode, sound.stderr) == (0, "")
    assert "all 31 objects that the records name are there with the right size" in sound.stdout

    for day in range(1, 21):
        local.stored(md5_of(local, f"2024-01-{day:02}")).unlink()
    bad = laurel(local, "audit", "store", "--usecase", USECASE, "--dataset", "visits")

    assert bad.returncode == 1
    assert "DAMAGED: 20 of 31 named objects" in bad.stdout
    assert "… and 10 more" in bad.stdout
    assert "laurel audit store --repair" in bad.stdout
    assert len(bad.stdout.splitlines()) < 40
    kept = Path(bad.stdout.split("all of it: ")[1].split("\n")[0])
    assert len(json.loads(kept.read_text())["damages"]) == 20
    assert json.loads(laurel(local, "audit", "store", "--json").stdout)["counts"]["objects"] == 31
    mended = laurel(local, "audit", "store", "--repair")
    assert mended.returncode == 0
    assert "20 repaired" in mended.stdout


def test_gc_says_first_and_drops_only_with_yes(local: History) -> None:
    lost = local.put({"lost": b"lost"})["lost"].md5
    local.age(8)

    said = laurel(local, "gc")
    assert said.returncode == 0
    assert "nothing was dropped; to drop it: laurel gc --yes" in said.stdout
    assert local.site.plane.has(lost)

    done = laurel(local, "gc", "--yes", "--by", "ada")
    assert "dropped 2 of these, 8 bytes; recorded as gc/" in done.stdout
    assert not local.site.plane.has(lost)
    (record,) = local.site.store.keys("gc/")
    assert json.loads(local.site.store.read(record))["by"] == "ada"
    assert "nothing is left over" in laurel(local, "gc", "--yes").stdout


def test_laurel_dvc_gc_answers_with_the_reason(local: History) -> None:
    said = laurel(local, "dvc", "gc", "--workspace", "--cloud", "--force")

    assert said.returncode == 1
    assert "keeps what one workspace uses, and drops what the records name" in said.stderr
    assert "hint: laurel gc drops what no record names" in said.stderr
    assert local.site.plane.missing([md5_of(local, "2024-01-01")]) == ()
