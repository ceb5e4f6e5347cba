"""Run bundles: written once, read back verified, found again by a repeated run."""

from __future__ import annotations

import os
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laurel.adapters.environment import (
    changed_versions,
    code_identity,
    environment_identity,
    installed_versions,
)
from laurel.adapters.records import (
    find_bundle,
    find_bundles,
    observe,
    read_bundle,
    read_environment,
    write_bundle,
    write_environment,
)
from laurel.domain.bundle import Bundle, first_difference, model_version, run_id
from laurel.domain.canonical import canonical_json
from laurel.errors import IntegrityError, NotFound, StoreFault
from support.memory import MemoryStore
from support.records import FaultyStore, day

RUN = "1a2b3c4d5e6f7081"


def bundle(**other: Any) -> Bundle:
    said = {
        "id": RUN,
        "kind": "train",
        "usecase": "flights",
        "as_of": day(35),
        "model_version": model_version("flights", day(35), RUN),
        "code": {"commit": "c" * 40, "dirty": False, "version": "0.1.0", "digest": "d" * 64},
        "environment": {
            "python": "3.11.9",
            "packages": "e" * 64,
            "machine": "x86_64",
            "libc": "glibc 2.36",
        },
        "parameters": {"seed": 7, "rate": 0.1, "tags": ["a", "b"], "none": None},
        "inputs": {"datasets": {"departures": [{"partition": "2013-07-01", "revision": 1}]}},
        "outputs": {"data/flights/model": {"md5": "f" * 32 + ".dir", "size": 5, "nfiles": 2}},
        "files": {"dvc.yaml": "stages: {}\n", "data/flights/inputs/labels.dvc": "outs: []\n"},
        "verdict": {"outcome": "passed", "reasons": []},
    }
    return Bundle.model_validate({**said, **other})


def test_a_bundle_comes_back_as_it_was_written() -> None:
    store, written = MemoryStore(), bundle()
    assert write_bundle(store, written)
    read = read_bundle(store, "flights", "train", run=RUN, expected=written.digest)
    assert read == written
    assert read.digest == written.digest
    assert sorted(store.objects) == [
        "run_records/flights/entries/0000000001.json",
        f"runs/flights/train/{RUN}/bundle.json",
    ]


def test_writing_the_equal_bundle_again_changes_nothing() -> None:
    store = MemoryStore()
    write_bundle(store, bundle())
    before = dict(store.objects)
    assert not write_bundle(store, bundle())
    assert store.objects == before


def test_another_bundle_for_the_same_run_is_an_error_that_names_the_field() -> None:
    store = MemoryStore()
    write_bundle(store, bundle())
    before = dict(store.objects)
    environment = {**bundle().environment.model_dump(), "packages": "0" * 64}
    with pytest.raises(IntegrityError, match=r"environment\.packages differs"):
        write_bundle(store, bundle(environment=environment))
    with pytest.raises(IntegrityError, match=r"outputs\.data/flights/model\.md5 differs"):
        write_bundle(store, bundle(outputs={"data/flights/model": {"md5": "x", "size": 5}}))
    with pytest.raises(IntegrityError, match="verdict differs"):
        write_bundle(store, bundle(verdict=None))
    assert store.objects == before


def test_a_bundle_whose_bytes_were_changed_is_not_read() -> None:
    store, written = MemoryStore(), bundle()
    write_bundle(store, written)
    key = f"{written.prefix}/bundle.json"
    store.objects[key] = store.objects[key].replace(b'"rate":0.1', b'"rate":0.2')
    with pytest.raises(IntegrityError, match="not the one that was named"):
        read_bundle(store, "flights", "train", run=RUN, expected=written.digest)
    store.objects[key] = b"{"
    with pytest.raises(IntegrityError, match="cannot be read"):
        read_bundle(store, "flights", "train", run=RUN)


def test_a_bundle_under_the_key_of_another_run_is_not_read() -> None:
    store = MemoryStore()
    store.create("runs/flights/train/other-run/bundle.json", bundle().encode())
    with pytest.raises(IntegrityError, match="not written as it must be"):
        read_bundle(store, "flights", "train", run="other-run")


def test_a_run_without_a_bundle_is_told_from_a_store_that_fails() -> None:
    assert find_bundle(MemoryStore(), "flights", "train", RUN) is None
    with pytest.raises(NotFound):
        read_bundle(MemoryStore(), "flights", "train", run=RUN)
    with pytest.raises(StoreFault):
        find_bundle(FaultyStore(), "flights", "train", RUN)


def test_the_bundles_of_a_kind_are_found_among_their_pages_and_observations() -> None:
    store = MemoryStore()
    for run in ("b" * 16, "a" * 16):
        write_bundle(store, bundle(id=run))
        store.create(f"runs/flights/train/{run}/decision.html", b"<html>")
        observe(store, bundle(id=run), {"attempt": 1})
    write_bundle(store, bundle(kind="monitor"))
    assert [b.id for b in find_bundles(store, "flights", "train")] == ["a" * 16, "b" * 16]


def test_observations_are_numbered_and_leave_the_bundle_alone() -> None:
    store, written = MemoryStore(), bundle()
    write_bundle(store, written)
    keys = [observe(store, written, {"attempt": attempt}) for attempt in (1, 2)]
    keys.append(observe(store, written.prefix, {"attempt": 3}))
    assert keys == [f"{written.prefix}/observed/00000{n}.json" for n in (1, 2, 3)]
    assert read_bundle(store, "flights", "train", run=RUN, expected=written.digest) == written


def test_paths_that_leave_the_workspace_are_refused() -> None:
    for path in ("/etc/passwd", "../other", "a/../../b", ""):
        with pytest.raises(ValueError, match="no path inside the workspace"):
            bundle(files={path: "text"})
    with pytest.raises(ValueError, match="outputs without md5"):
        bundle(outputs={"model": {"size": 1}})
    with pytest.raises(ValueError, match="names its as_of"):
        bundle(as_of=None)


def test_a_run_is_another_one_where_anything_it_depends_on_is() -> None:
    said: dict[str, Any] = {
        "kind": "train",
        "usecase": "flights",
        "at": "2013-08-05T00:00:00Z",
        "inputs": {"window": "w"},
        "code": {"digest": "d"},
        "parameters": {"seed": 7},
    }
    others: list[dict[str, Any]] = [
        {"kind": "score"},
        {"usecase": "taxis"},
        {"at": "2013-08-12T00:00:00Z"},
        {"inputs": {"window": "v"}},
        {"code": {"digest": "e"}},
        {"parameters": {"seed": 8}},
    ]
    ids = {run_id(**said), *(run_id(**{**said, **other}) for other in others)}
    assert len(ids) == 7
    assert run_id(**dict(reversed(said.items()))) == run_id(**said)


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(one=documents, other=documents)
def test_two_documents_differ_somewhere_exactly_when_their_bytes_do(one: Any, other: Any) -> None:
    same = canonical_json(one) == canonical_json(other)
    assert (first_difference(one, other) is None) == same


def test_installed_versions_are_what_their_metadata_say() -> None:
    said = {
        (re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(), one.version)
        for one in metadata.distributions()
    }
    found = {tuple(line.split("==", 1)) for line in installed_versions()}
    assert found <= said
    assert {name for name, _ in found} == {name for name, _ in said}


def test_the_environment_names_what_is_installed() -> None:
    identity, versions = environment_identity(), installed_versions()
    store = MemoryStore()
    assert write_environment(store, versions) == identity.packages
    assert read_environment(store, identity.packages) == versions
    assert any(line.startswith("pydantic==") for line in versions)
    assert changed_versions(versions, versions) == []
    assert changed_versions(["a==1"], ["a==2", "b==1"]) == ["a 1 became 2", "b 1 is new"]
    store.objects[f"environments/{identity.packages}.json"] = b'["evil==1"]'
    with pytest.raises(IntegrityError):
        read_environment(store, identity.packages)


def _git(folder: Path, *words: str) -> None:
    said = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(
        ["git", "-C", str(folder), *who, *words],
        check=True,
        capture_output=True,
        env={**os.environ, **said},
    )


def test_code_is_named_by_its_commit_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    (tmp_path / "file.py").write_text("1\n")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-qm", "first")
    clean = code_identity(tmp_path)
    (tmp_path / "other.py").write_text("2\n")
    dirty = code_identity(tmp_path)
    assert len(clean["commit"] or "") == 40
    assert (clean["dirty"], dirty["dirty"]) == (False, True)
    assert dirty["commit"] == clean["commit"]


def test_a_checkout_that_git_cannot_vouch_for_counts_as_dirty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert code_identity(tmp_path)["dirty"]
    monkeypatch.setenv("PATH", "")
    assert code_identity(tmp_path)["commit"] is None
    assert code_identity(None) == {**code_identity(tmp_path), "dirty": False}
