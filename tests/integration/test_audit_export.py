"""``laurel audit export``: what an auditor gets, verified without Laurel, and not to be forged."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from laurel.adapters.signing import make_key
from laurel.domain.canonical import canonical_json, parse_instant
from laurel.errors import Refused
from laurel.runs.proof.export import export
from laurel.runs.proof.journals import heads
from laurel.runs.proof.statement import sign_heads
from support.runs import Home

pytestmark = pytest.mark.slow

RANGE = {"first": parse_instant("2024-02-12"), "last": parse_instant("2024-02-21")}


def unpack(home: Home, name: str = "package") -> Path:
    file = home.folder / f"{name}.zip"
    export(home.site, "toy", **RANGE, file=file)
    folder = home.folder / name
    with zipfile.ZipFile(file) as package:
        package.extractall(folder)
    return folder


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the verifier with no site packages, no environment and no Laurel."""
    command = [sys.executable, "-I", "-S", str(folder / "verify.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env={}, check=False)


def forge(folder: Path, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """Change a file and its line in the manifest, as somebody who can write both would."""
    path = folder / name
    kept = path.read_bytes()
    path.write_bytes(change(kept))
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "manifest.json").write_bytes(canonical_json(manifest))
    return kept


def test_a_package_is_verified_by_the_standard_library_and_equal_each_time(copied: Home) -> None:
    folder = unpack(copied)
    done = run(folder)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "everything in this package holds: 2 decisions, 4 predictions" in done.stdout
    assert "ledger/toy: 2 entries, proved up to entry 2" in done.stdout
    unpack(copied, "again")
    one, two = ((copied.folder / f"{name}.zip").read_bytes() for name in ("package", "again"))
    assert one == two
    with pytest.raises(Refused, match="never overwritten"):
        export(copied.site, "toy", **RANGE, file=copied.folder / "again.zip")


def test_every_kind_of_forgery_in_a_package_is_named(copied: Home) -> None:
    folder = unpack(copied)
    train = copied.trained[0].run
    evidence = next(p for p in (folder / "objects").iterdir() if b'"trimmed"' in p.read_bytes())
    forgeries = {
        "records/ledger/toy/entries/0000000001.json": (b'"gate"', b'"mona"', "entry 1 was changed"),
        "records/catalog/toy/visits/entries/0000000001.json": (b"passed", b"failed", "was changed"),
        f"records/runs/toy/train/{train}/bundle.json": (b"promote", b"demoted", "not the one that"),
        f"objects/{evidence.name}": (b'"trimmed":0', b'"trimmed":1', "has the md5"),
    }
    for name, (old, new, fault) in forgeries.items():
        kept = forge(folder, name, lambda data, old=old, new=new: data.replace(old, new, 1))
        assert (folder / name).read_bytes() != kept, f"{name} holds nothing to forge"
        done = run(folder)
        assert done.returncode == 1, name
        assert fault in done.stdout, done.stdout
        forge(folder, name, lambda _, kept=kept: kept)
    (folder / "smuggled.txt").write_text("in")
    assert "smuggled.txt is not in the manifest" in run(folder).stdout


def test_heads_kept_outside_and_signatures_prove_the_tail_of_a_package(copied: Home) -> None:
    private, public = copied.folder / "key", copied.folder / "key.pub"
    make_key(private, public)
    sign_heads(copied.site, "toy", private)
    outside = copied.folder / "heads.json"
    outside.write_bytes(canonical_json(heads(copied.site, "toy")))
    folder = unpack(copied)

    plain = run(folder)
    assert "catalog/toy/predictions: 4 entries, proved up to entry 0 by nobody" in plain.stdout
    assert "which was not given" in plain.stdout
    for words in (["--key", str(public)], ["--heads", str(outside)]):
        done = run(folder, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "catalog/toy/predictions: 4 entries, proved up to entry 4" in done.stdout

    name = "records/signatures/toy/0000000001.json"
    forge(folder, name, lambda data: data.replace(b'"toy"', b'"tox"'))
    assert "the signature does not hold" in run(folder, "--key", str(public)).stdout


def test_the_command_line_writes_the_package(copied: Home) -> None:
    file = copied.folder / "out.zip"
    words = ("--from", "2024-02-12", "--to", "2024-02-12", "--out", str(file))
    done = copied.laurel("audit", "export", "toy", *words)

    assert done.returncode == 0, done.stderr
    assert "1 decisions, 0 predictions" in done.stdout
    assert hashlib.sha256(file.read_bytes()).hexdigest() in done.stdout
