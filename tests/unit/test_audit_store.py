"""``laurel audit store``: what is damaged is named with what it touches."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from laurel.adapters.quarantine import quarantine
from laurel.adapters.records import Catalog
from laurel.domain.damage import Damage
from laurel.domain.data import FileRef, TreeRef
from laurel.errors import ConfigError
from laurel.runs.audit import audit_store, keep_audit
from laurel.runs.site import open_site
from laurel.settings import Settings
from support.publishing import NOW, USECASE, History, overwrite
from support.records import partition_file

DAYS = {f"2024-01-{day:02}": b"rows of %d" % day for day in range(1, 6)}


@pytest.fixture
def history(settings: Settings, tmp_path: Path) -> History:
    made = History(open_site(settings), tmp_path / "in")
    made.publish("visits", DAYS)
    made.publish("visits", {"2024-01-03": b"rows of 3, corrected"})
    window = {f"{day}.parquet": FileRef(md5_of(made, day), 0) for day in DAYS}
    made.train("1a2b3c4d5e6f7081", {"model.ubj": b"trees", "meta.json": b"{}"}, window)
    return made


def md5_of(history: History, day: str, revision: int = 1) -> str:
    state = Catalog(history.site.store, USECASE, "visits").read()
    return state.revisions[day][revision - 1].md5


def only(history: History, hashed: float = 0.0) -> Damage:
    (damage,) = audit_store(history.site, hashed=hashed).wrong
    return damage


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    overwrite(path, path.read_bytes()[:-2])


def corrupt(path: Path) -> None:
    overwrite(path, path.read_bytes().swapcase())


def test_a_sound_store_is_said_to_be_sound(history: History) -> None:
    audit = audit_store(history.site, hashed=1.0)

    assert audit.damages == ()
    # five files, a corrected one, two directories; a window that is the first; a model of two files
    assert audit.counts["objects"] == audit.counts["hashed"] == 11
    assert (audit.counts["catalogs"], audit.counts["bundles"]) == (1, 1)
    assert audit.sentence().startswith("all 11 objects that the records name are there")


@pytest.mark.parametrize(
    ("harm", "fault", "hashed"),
    [(remove, "missing", 0.0), (cut, "wrong size", 0.0), (corrupt, "corrupted", 1.0)],
)
@pytest.mark.parametrize("revision", [1, 2])
def test_a_damaged_partition_is_named_with_its_revision(
    history: History,
    harm: Callable[[Path], None],
    fault: str,
    hashed: float,
    revision: int,
) -> None:
    md5 = md5_of(history, "2024-01-03", revision)
    harm(history.stored(md5))

    damage = only(history, hashed)

    assert (damage.fault, damage.what) == (fault, md5)
    names = [by.text() for by in damage.by]
    assert f"shop visits 2024-01-03, revision {revision}" in names
    read = "run train/1a2b3c4d5e6f7081 of shop (shop-1a2b3c4d5e6f7081), its input"
    assert any(name.startswith(read) for name in names) == (revision == 1)


@pytest.mark.parametrize("harm", [remove, cut, corrupt])
def test_a_damaged_directory_of_a_dataset_is_named(
    history: History, harm: Callable[[Path], None]
) -> None:
    tree = str(Catalog(history.site.store, USECASE, "visits").read().tree)
    harm(history.stored(tree))

    damage = only(history, hashed=1.0)

    assert damage.what == tree
    assert damage.by[0].text() == "shop visits, the directory after entry 2"


@pytest.mark.parametrize("harm", [remove, cut, corrupt])
def test_a_damaged_file_of_a_model_is_named_with_its_model_though_no_record_says_its_size(
    history: History, harm: Callable[[Path], None]
) -> None:
    (path,) = (history.stored(ref.md5) for ref in history.put({"m": b"trees"}).values())
    harm(path)

    damage = only(history, hashed=float(harm is corrupt))

    assert [by.model_version for by in damage.by] == ["shop-1a2b3c4d5e6f7081"]
    assert damage.by[0].place == "data/shop/model"


@pytest.mark.parametrize("harm", [remove, cut, corrupt])
def test_a_damaged_directory_of_a_model_is_found_without_hashing_everything(
    history: History, harm: Callable[[Path], None]
) -> None:
    (bundle,) = history.site.store.keys("runs/shop/train/1a2b3c4d5e6f7081/bundle")
    tree = json.loads(history.site.store.read(bundle))["outputs"]["data/shop/model"]["md5"]
    harm(history.stored(tree))

    assert only(history).what == tree


def test_bytes_of_the_right_size_are_only_told_apart_by_reading_them(history: History) -> None:
    corrupt(history.stored(md5_of(history, "2024-01-02")))

    assert audit_store(history.site).damages == ()
    assert only(history, hashed=1.0).fault == "corrupted"


def test_a_sample_reads_a_share(history: History) -> None:
    assert audit_store(history.site, hashed=0.25).counts["hashed"] == 3


def test_repair_pushes_again_what_the_cache_has_whole(history: History) -> None:
    lost, bad = md5_of(history, "2024-01-01"), md5_of(history, "2024-01-02")
    remove(history.stored(lost))
    corrupt(history.stored(bad))
    remove(history.stored(md5_of(history, "2024-01-04")))
    corrupt(history.cached(md5_of(history, "2024-01-04")))

    audit = audit_store(history.site, hashed=1.0, repair=True)

    assert {damage.what: damage.repaired for damage in audit.damages} == {
        lost: True,
        bad: True,
        md5_of(history, "2024-01-04"): False,
    }
    assert "2 repaired" in audit.sentence()
    assert history.stored(bad).read_bytes() == b"rows of 2"
    assert only(history, hashed=1.0).what == md5_of(history, "2024-01-04")


def test_repair_of_a_directory_looks_at_what_is_in_it(history: History) -> None:
    (model,) = (ref.md5 for ref in history.put({"m": b"trees"}).values())
    (bundle,) = history.site.store.keys("runs/shop/train/1a2b3c4d5e6f7081/bundle")
    tree = json.loads(history.site.store.read(bundle))["outputs"]["data/shop/model"]["md5"]
    remove(history.stored(tree))
    remove(history.stored(model))

    audit = audit_store(history.site, repair=True)

    assert {damage.what for damage in audit.damages} == {tree, model}
    assert audit.wrong == ()
    assert audit_store(history.site, hashed=1.0).damages == ()


def test_a_directory_object_that_is_not_what_the_entries_say_is_named(history: History) -> None:
    def lie(base: str | None, files: Mapping[str, FileRef]) -> TreeRef:
        true = history.site.plane.merge(base, files)
        named = {f"{day}.parquet": FileRef("0" * 32, 1) for day in DAYS}
        return TreeRef(history.site.plane.merge(None, named).md5, None, true.nfiles)

    (ref,) = history.put({"x": b"other rows"}).values()
    file = replace(partition_file("2024-01-05", "other"), md5=ref.md5, size=ref.size)
    catalog = Catalog(history.site.store, USECASE, "visits")
    catalog.publish([file], merge=lie, run="run", published_at=NOW)

    damage = only(history)

    assert (damage.fault, damage.what) == ("wrong record", "catalog/shop/visits, entry 3")


@pytest.mark.parametrize(
    ("prefix", "found", "changed"),
    [
        ("catalog/shop/visits/entries/0000000001", b"2024-01-02", b"2024-01-06"),
        ("runs/shop/train/1a2b3c4d5e6f7081/bundle", b'"kind":"train"', b'"kind":"score"'),
        ("environments/", b"0.1.0", b"0.1.1"),
    ],
)
def test_a_record_that_was_changed_is_named(
    history: History, prefix: str, found: bytes, changed: bytes
) -> None:
    (key,) = history.site.store.keys(prefix)
    path = Path(history.site.store.url.removeprefix("file://")) / key
    overwrite(path, path.read_bytes().replace(found, changed, 1))

    damages = audit_store(open_site(history.site.settings)).wrong

    assert {damage.fault for damage in damages} == {"wrong record"}
    assert any(damage.what.startswith(prefix[:19]) for damage in damages)


def test_a_page_that_is_gone_is_named(history: History) -> None:
    page = "runs/shop/train/1a2b3c4d5e6f7081/decision.html"
    (Path(history.site.store.url.removeprefix("file://")) / page).unlink()

    assert only(history).what == page


def test_rows_in_quarantine_are_named_too(history: History, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("refused\n")
    quarantine(
        history.site.store,
        history.site.plane,
        usecase=USECASE,
        dataset="visits",
        partition="2024-01-09",
        files={"rows.jsonl": rows},
        rows=1,
        reasons=["refused"],
        at=NOW,
    )
    assert audit_store(history.site).counts["quarantined"] == 1
    (ref,) = history.put({"r": b"refused\n"}).values()
    remove(history.stored(ref.md5))

    assert only(history).by[0].text() == "shop visits 2024-01-09, in quarantine"


def test_an_audit_of_a_dataset_looks_at_that_alone(history: History) -> None:
    history.publish("returns", {"2024-01-01": b"labels"})
    remove(history.stored(md5_of(history, "2024-01-01")))

    assert audit_store(history.site, usecase=USECASE, dataset="returns").damages == ()
    assert len(audit_store(history.site, usecase=USECASE, dataset="visits").damages) == 1


def test_a_name_without_records_is_an_error_and_not_a_sound_store(history: History) -> None:
    with pytest.raises(ConfigError, match="no records of this"):
        audit_store(history.site, usecase="flihgts")


def test_the_whole_audit_is_kept_as_json(history: History) -> None:
    remove(history.stored(md5_of(history, "2024-01-01")))
    audit = audit_store(history.site)

    kept = keep_audit(audit, history.site.settings.home)

    assert json.loads(kept.read_text()) == audit.document()
    assert audit.document()["damages"][0]["named_by"][0]["partition"] == "2024-01-01"
