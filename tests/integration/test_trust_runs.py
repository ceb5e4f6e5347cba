"""Audit and garbage collection of a store in which the whole loop has run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from laurel.adapters.dvc.inventory import objects, open_inventory
from laurel.adapters.dvc.remote import object_key
from laurel.adapters.records import read_bundle
from laurel.domain.damage import Damage
from laurel.runs.audit import audit_store
from laurel.runs.gc import collect_garbage, plan_gc
from support.runs import AS_OFS, SCORED, Home

pytestmark = pytest.mark.slow


def harm(home: Home, md5: str) -> None:
    """Change the bytes of an object at the remote, as a failing disk would."""
    path = Path(home.site.plane.remote.url) / object_key(md5)
    path.chmod(0o644)
    path.write_bytes(bytes(255 - byte for byte in path.read_bytes()))


def only(home: Home) -> Damage:
    (damage,) = audit_store(home.site, hashed=1.0).wrong
    return damage


def test_a_store_of_whole_runs_is_sound_to_the_last_byte(prepared: Home) -> None:
    audit = audit_store(prepared.site, hashed=1.0)

    assert audit.damages == ()
    assert audit.counts["catalogs"] == 4
    assert audit.counts["bundles"] == len(AS_OFS) + 2 * len(SCORED)
    assert audit.counts["hashed"] == audit.counts["objects"]


def test_a_corrupted_partition_is_named_with_all_that_rests_on_it(copied: Home) -> None:
    state = copied.site.catalog(copied.usecase, "visits").read()
    harm(copied, state.revisions["2024-01-20"][0].md5)

    damage = only(copied)

    assert damage.fault == "corrupted"
    names = [by.text() for by in damage.by]
    assert names[0] == "toy visits 2024-01-20, revision 1"
    for trained in copied.trained:
        assert any(trained.model_version in name for name in names)
        assert any(
            line.startswith("training of") and trained.run in line for line in damage.affected
        )
    assert sum(line.startswith("predictions of") for line in damage.affected) == len(SCORED)
    assert sum(line.startswith("report of") for line in damage.affected) == len(SCORED)


def test_a_corrupted_model_is_named_with_its_version_and_predictions(copied: Home) -> None:
    first = copied.trained[0]
    bundle = read_bundle(copied.site.store, "toy", "train", run=first.run)
    tree = bundle.outputs["data/toy/model"]["md5"]
    harm(copied, copied.site.plane.names(tree)["model.ubj"])

    damage = only(copied)

    assert first.model_version in {by.model_version for by in damage.by}
    assert f"predictions of {SCORED[0]} by {first.model_version}" in " ".join(damage.affected)


def test_what_a_bundle_names_can_be_scored_and_trained_from_after_a_collection(
    copied: Home,
) -> None:
    """All of a store and its cache is old, a killed run left objects: only those go."""
    orphan = copied.folder / "orphan"
    orphan.write_bytes(b"left by a killed run")
    lost = copied.site.plane.put({"orphan": orphan})["orphan"].md5
    before = objects(open_inventory(copied.site.settings)).keys()
    later = datetime.now(UTC) + timedelta(days=30)

    done = collect_garbage(copied.site, plan_gc(copied.site, now=later), by="tests", now=later)

    dropped = {item.key for item in done.sweep.leftovers if item.place == "remote"}
    assert object_key(lost) in dropped
    kept = objects(open_inventory(copied.site.settings)).keys()
    assert before - kept == {
        item.key.removeprefix("files/md5/").replace("/", "")
        for item in done.sweep.leftovers
        if item.place == "remote" and item.key.startswith("files/")
    }
    assert audit_store(copied.site, hashed=1.0).damages == ()
    assert copied.train(AS_OFS[1]).repeated
    assert not copied.score(SCORED[1]).changed
    assert copied.score("2024-02-22").changed


def test_a_bundle_that_the_ledger_names_and_a_catalog_that_decisions_witnessed_are_missed(
    copied: Home,
) -> None:
    store = copied.folder / "store"
    bundle = f"runs/toy/train/{copied.trained[0].run}/bundle.json"
    (store / bundle).unlink()
    (store / copied.keys("catalog/toy/climate/entries/")[-1]).unlink()

    found = {damage.what: damage for damage in audit_store(copied.site).wrong}

    assert found[bundle].expected == "the bundle that the ledger names"
    (cut,) = (damage for what, damage in found.items() if what.endswith("catalog/toy/climate"))
    assert "the tail of the journal is missing: entries 1 to 1" in cut.found
    assert "says the trusted head" in cut.expected
