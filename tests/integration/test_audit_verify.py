"""``laurel audit verify``: every kind of tampering with the records of a whole loop is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from laurel.adapters.dvc.remote import object_key
from laurel.adapters.records import read_bundle
from laurel.adapters.signing import fingerprint, make_key, read_public
from laurel.domain.canonical import canonical_json
from laurel.domain.journal import Head, next_entry, parse_entry
from laurel.domain.proof import Proof
from laurel.errors import IntegrityError, Refused
from laurel.runs.proof.journals import heads
from laurel.runs.proof.statement import sign_heads
from laurel.runs.proof.verify import verify
from support.runs import Home

pytestmark = pytest.mark.slow

LEDGER = "ledger/toy/entries"
CATALOG = "catalog/toy/predictions/entries"


def record(home: Home, key: str) -> Path:
    """A record's file, which may be changed: the home is a copy."""
    path = home.folder / "store" / key
    path.chmod(0o644)
    return path


def entry(home: Home, number: int, folder: str = LEDGER) -> Path:
    return record(home, f"{folder}/{number:010d}.json")


def overwrite(path: Path, data: bytes) -> None:
    path.unlink()  # a copy may share its bytes with the original
    path.write_bytes(data)


def places(proof: Proof) -> str:
    return "\n".join(finding.text() for finding in proof.findings)


def rewrite(home: Home, number: int, change: Callable[[dict[str, object]], None]) -> None:
    """Change a body, and give it and all entries after it digests that are right."""
    paths = sorted(entry(home, number).parent.glob("*.json"))
    entries = [parse_entry(path.read_bytes(), key=path.name) for path in paths]
    previous = entries[number - 1].previous
    for path, old in zip(paths[number - 1 :], entries[number - 1 :], strict=True):
        body = dict(old.body)
        if old.number == number:
            change(body)
        new = next_entry(Head(old.number - 1, previous, None), body, nonce=old.nonce)
        overwrite(path, new.encode())
        previous = new.digest


def test_an_untouched_store_is_proved_and_says_where_proof_ends(
    prepared: Home, own_checkout: Path
) -> None:
    proof = verify(prepared.site, "toy")

    assert proof.findings == ()
    assert proof.remarks == ()
    assert proof.counts["decisions"] == 2
    assert proof.counts["scorings"] == 4
    chains = {chain.prefix: chain for chain in proof.chains}
    assert chains["ledger/toy"].proved == chains["ledger/toy"].entries == 2
    assert chains["catalog/toy/visits"].proved == chains["catalog/toy/visits"].entries
    assert chains["catalog/toy/predictions"].proved == 0


def test_a_flipped_byte_is_named_in_every_kind_of_record(copied: Home) -> None:
    train = copied.trained[1]
    keys = (
        f"{LEDGER}/0000000001.json",
        f"{CATALOG}/0000000002.json",
        "catalog/toy/visits/entries/0000000001.json",
        f"runs/toy/train/{train.run}/bundle.json",
        f"runs/toy/score/{copied.predictions_of('2024-02-14')[0].run}/bundle.json",
    )
    for key in keys:
        path = record(copied, key)
        kept = path.read_bytes()
        spot = len(kept) // 2
        overwrite(path, kept[:spot] + bytes([kept[spot] ^ 1]) + kept[spot + 1 :])

        proof = verify(copied.site, "toy")

        assert not proof.sound, key
        number = key.rsplit("/", 1)[1].removesuffix(".json").lstrip("0")
        wanted = key if "bundle" in key else f"{key.split('/entries')[0]}, entry {number}"
        assert wanted in places(proof), key
        overwrite(path, kept)
    assert verify(copied.site, "toy").sound


def test_a_removed_a_moved_and_an_inserted_entry_are_named(copied: Home) -> None:
    one, two = entry(copied, 1), entry(copied, 2)
    first, second = one.read_bytes(), two.read_bytes()

    one.unlink()
    assert "ledger/toy, entry 1: the entry is missing" in places(verify(copied.site, "toy"))

    one.write_bytes(second)
    overwrite(two, first)
    moved = places(verify(copied.site, "toy"))
    assert "ledger/toy, entry 1: the entry stands under another number than its own" in moved
    assert "ledger/toy, entry 2: the entry stands under another number than its own" in moved

    overwrite(one, first)
    old = parse_entry(first, key="1")
    inserted = next_entry(Head(1, old.digest, None), dict(old.body))
    overwrite(two, inserted.encode())
    (two.parent / "0000000003.json").write_bytes(second)
    found = places(verify(copied.site, "toy"))
    assert "ledger/toy, entry 3: the entry stands under another number" in found
    assert "ledger/toy, entries 2 to 2: an entry was changed" in found


def test_a_tail_that_was_cut_is_missed_by_who_had_witnessed_it(copied: Home) -> None:
    entry(copied, 2).unlink()

    found = places(verify(copied.site, "toy"))

    assert "ledger/toy, entries 2 to 2: the tail of the journal is missing" in found
    assert "noted by entry 3 of predictions" in found


def test_a_history_written_anew_with_right_digests_is_found_by_its_witnesses(
    copied: Home,
) -> None:
    def change(body: dict[str, object]) -> None:
        body["decided_by"] = "mallory"

    rewrite(copied, 1, change)

    found = places(verify(copied.site, "toy"))

    assert "ledger/toy, entries 1 to 1: an entry was changed, removed, inserted or moved" in found
    assert "noted by entry 1 of predictions" in found


def test_only_a_head_kept_outside_proves_a_tail_that_nothing_witnessed(copied: Home) -> None:
    outside = heads(copied.site, "toy")
    last = sorted((copied.folder / "store" / CATALOG).glob("*.json"))[-1]
    old = parse_entry(last.read_bytes(), key=last.name)
    forged = next_entry(Head(old.number - 1, old.previous, None), dict(old.body), nonce="f0")
    last.chmod(0o644)
    overwrite(last, forged.encode())

    assert verify(copied.site, "toy").sound, "nothing in the store vouches for this entry"
    proof = verify(copied.site, "toy", trusted=outside)

    assert f"{CATALOG.removesuffix('/entries')}, entries" in places(proof)
    assert "noted by the trusted head" in places(proof)


def test_a_signature_proves_a_tail_and_no_other_key_or_statement_does(copied: Home) -> None:
    private, public = copied.folder / "key", copied.folder / "key.pub"
    make_key(private, public)
    keys = {fingerprint(read_public(public)): read_public(public)}
    sign_heads(copied.site, "toy", private)
    signed = record(copied, "signatures/toy/0000000001.json")
    kept = signed.read_bytes()

    proof = verify(copied.site, "toy", keys=keys)
    assert proof.sound
    assert all(chain.proved == chain.entries for chain in proof.chains)
    unknown = verify(copied.site, "toy")
    assert unknown.sound
    assert "not among the trusted ones" in unknown.remarks[0]

    overwrite(signed, kept.replace(b'"usecase":"toy"', b'"usecase":"toz"'))
    found = places(verify(copied.site, "toy", keys=keys))
    assert "signatures/toy/0000000001.json: the signature is not that of the statement" in found

    overwrite(signed, kept)
    sorted((copied.folder / "store" / CATALOG).glob("*.json"))[-1].unlink()
    found = places(verify(copied.site, "toy", keys=keys))
    assert "the tail of the journal is missing" in found
    assert "noted by the signature in signatures/toy/0000000001.json" in found


def test_evidence_policy_and_verdict_are_recomputed_and_not_believed(copied: Home) -> None:
    run = copied.trained[0].run
    bundle = read_bundle(copied.site.store, "toy", "train", run=run)
    tree = bundle.outputs["data/toy/evidence"]["md5"]
    md5 = copied.site.plane.names(tree)["evidence.json"]
    path = Path(copied.site.plane.remote.url) / object_key(md5)
    path.chmod(0o644)
    document = json.loads(path.read_bytes())
    document["overall"]["rows"] += 1
    path.write_bytes(canonical_json(document) + b"\n")

    found = places(verify(copied.site, "toy"))

    assert "ledger/toy, entry 1: the evidence cannot be read" in found


def test_a_bundle_that_was_replaced_as_a_whole_is_not_the_one_the_ledger_names(
    copied: Home,
) -> None:
    run = copied.trained[0].run
    path = record(copied, f"runs/toy/train/{run}/bundle.json")
    document = json.loads(path.read_bytes())
    document["verdict"]["reasons"] = ["because"]
    overwrite(path, canonical_json(document))

    found = places(verify(copied.site, "toy"))

    assert f"runs/toy/train/{run}/bundle.json: a bundle is not the one that was named" in found


def test_a_use_case_without_records_is_refused_and_heads_of_a_broken_journal_too(
    copied: Home,
) -> None:
    with pytest.raises(Refused, match="no records"):
        verify(copied.site, "nobody")
    overwrite(entry(copied, 1), b"{}")
    with pytest.raises(IntegrityError, match="worth nothing"):
        heads(copied.site, "toy")


def test_the_command_line_proves_and_ends_with_1_when_it_cannot(copied: Home) -> None:
    outside = copied.laurel("audit", "heads", "toy")
    assert outside.returncode == 0, outside.stderr
    kept = copied.folder / "heads.json"
    kept.write_text(outside.stdout)

    done = copied.laurel("audit", "verify", "toy", "--trusted", str(kept))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "everything that was checked holds" in done.stdout
    assert "proved up to entry 2 by the trusted head" in done.stdout

    entry(copied, 2).unlink()
    cut = copied.laurel("audit", "verify", "toy", "--json")
    assert cut.returncode == 1
    assert "NOT PROVED" in json.loads(cut.stdout)["verdict"]
