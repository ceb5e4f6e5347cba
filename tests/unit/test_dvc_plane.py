"""The data plane on a local remote."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from dvc_data.hashfile.tree import Tree
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from laurel.adapters.dvc import DataPlane, plane, remote
from laurel.adapters.dvc.listing import Listing
from laurel.adapters.dvc.remote import object_key
from laurel.domain.data import FileRef
from laurel.errors import DataError, IntegrityError, NotFound, StoreFault
from laurel.settings import Settings
from support.forking import SPAWN, put


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def write(folder: Path, files: dict[str, bytes]) -> dict[str, Path]:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return {name: folder / name for name in files}


def cached(settings: Settings, ref: FileRef) -> Path:
    return settings.cache / object_key(ref.md5)


def remote_object(settings: Settings, ref: FileRef) -> Path:
    return Path(settings.store.removeprefix("file://")) / "dvc" / object_key(ref.md5)


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)


def test_put_leaves_whole_read_only_objects_in_cache_and_remote(
    settings: Settings, tmp_path: Path
) -> None:
    files = write(tmp_path / "in", {"a": b"alpha", "b": b"", "c": b"alpha"})
    refs = DataPlane(settings).put(files)
    assert refs == {
        "a": FileRef(md5(b"alpha"), 5),
        "b": FileRef(md5(b""), 0),
        "c": FileRef(md5(b"alpha"), 5),
    }
    for name, ref in refs.items():
        for path in (cached(settings, ref), remote_object(settings, ref)):
            assert path.read_bytes() == files[name].read_bytes()
            assert path.stat().st_mode & 0o777 == 0o444


def test_put_leaves_the_given_files_alone(settings: Settings, tmp_path: Path) -> None:
    (path,) = write(tmp_path / "in", {"a": b"alpha"}).values()
    before = path.stat()
    refs = DataPlane(settings).put({"a": path})
    path.write_bytes(b"changed later")
    assert (before.st_mode, before.st_nlink) == (path.stat().st_mode, path.stat().st_nlink)
    assert cached(settings, refs["a"]).read_bytes() == b"alpha"


def test_put_mends_an_object_that_is_cut_off_at_the_remote(
    settings: Settings, tmp_path: Path
) -> None:
    files = write(tmp_path / "in", {"a": b"alpha"})
    refs = DataPlane(settings).put(files)
    overwrite(remote_object(settings, refs["a"]), b"alp")
    DataPlane(settings).put(files)
    assert remote_object(settings, refs["a"]).read_bytes() == b"alpha"


def test_pushing_what_is_there_sends_nothing(settings: Settings, tmp_path: Path) -> None:
    data = DataPlane(settings)
    refs = data.put(write(tmp_path / "in", {"a": b"alpha", "b": b"beta"}))
    assert data.push(ref.md5 for ref in refs.values()) == 0


def test_an_audit_finds_each_object_that_is_missing(settings: Settings, tmp_path: Path) -> None:
    data = DataPlane(settings)
    refs = data.put(write(tmp_path / "in", {"a": b"alpha", "b": b"beta"}))
    tree = data.merge(None, refs)
    named = [tree.md5, *(ref.md5 for ref in refs.values())]
    assert data.missing(named) == ()
    remote_object(settings, refs["a"]).unlink()
    assert data.missing(named) == (refs["a"].md5,)
    assert data.has(tree.md5)


def test_a_missing_file_to_publish_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nowhere\.parquet"):
        DataPlane(settings).put({"a": tmp_path / "nowhere.parquet"})


NAMES = st.dictionaries(
    st.from_regex(r"[a-z0-9é]{1,6}(/[a-z]{7})?", fullmatch=True),
    st.binary(min_size=16, max_size=16).map(lambda seed: FileRef(seed.hex(), 7)),
    max_size=8,
)


@given(base=NAMES, more=NAMES)
@rules(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
def test_growing_a_directory_equals_making_it_whole(
    settings: Settings, base: dict[str, FileRef], more: dict[str, FileRef]
) -> None:
    data = DataPlane(settings)
    whole = {**base, **more}
    folders = {name.split("/")[0] for name in whole if "/" in name}
    if folders & set(whole):
        with pytest.raises(DataError, match="both a file and a folder"):
            data.merge(None, whole)
        return
    first = data.merge(None, base)
    grown, made = data.merge(first.md5, more), data.merge(None, whole)
    assert grown.md5 == made.md5
    assert grown.nfiles == made.nfiles == len(whole) >= first.nfiles
    assert (grown.size, made.size) == (None, 7 * len(whole))
    assert data.names(grown.md5) == {name: ref.md5 for name, ref in whole.items()}
    assert data.has(grown.md5)


ODD = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8)
LISTED = st.dictionaries(
    st.one_of(ODD, st.tuples(ODD, ODD).map("/".join)).filter(
        lambda name: not {".", ".."} & set(name.split("/"))
    ),
    st.binary(min_size=16, max_size=16).map(bytes.hex),
    max_size=12,
)


@given(base=LISTED, more=LISTED)
@rules(deadline=None)
def test_a_listing_grows_to_the_bytes_that_dvc_writes(
    base: dict[str, str], more: dict[str, str]
) -> None:
    """Names of every kind: escapes, quotes, braces, letters that JSON writes in another order."""
    whole = {**base, **more}
    assume(not {name.split("/")[0] for name in base if "/" in name} & set(base))
    if {name.split("/")[0] for name in whole if "/" in name} & set(whole):
        with pytest.raises(DataError, match="both a file and a folder"):
            listing_of(base).grown(more)
        return
    listed = [{"md5": value, "relpath": name} for name, value in whole.items()]
    expected = Tree.from_list(listed).as_bytes()
    grown = listing_of(base).grown(more)
    assert grown.text == expected
    assert grown.md5 == md5(expected) + ".dir"
    assert len(grown) == len(whole)
    assert grown.is_canonical()
    assert len(grown) == len(Listing(grown.text))
    assert {name: grown.find(name) for name in whole} == whole


def listing_of(files: dict[str, str]) -> Listing:
    """A directory object made by DVC."""
    listed = [{"md5": value, "relpath": name} for name, value in files.items()]
    return Listing(Tree.from_list(listed).as_bytes())


def test_the_tree_equals_what_dvc_builds_of_the_full_directory(
    settings: Settings, tmp_path: Path
) -> None:
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.db.local import LocalHashFileDB
    from dvc_objects.fs.local import localfs

    files = write(
        tmp_path / "in", {f"2013-{m:02}-01.parquet": bytes([m]) * m for m in range(1, 13)}
    )
    data = DataPlane(settings)
    refs = data.put(files)
    first = data.merge(None, dict(list(refs.items())[:5]))
    grown = data.merge(first.md5, dict(list(refs.items())[5:]))
    odb = LocalHashFileDB(localfs, str(tmp_path / "odb"))
    _, _, built = build(odb, str(tmp_path / "in"), localfs, "md5", dry_run=True)
    assert grown.md5 == built.hash_info.value
    assert data.tree(grown.md5) == refs


def test_merging_into_an_unknown_directory_never_starts_a_new_one(settings: Settings) -> None:
    with pytest.raises(NotFound):
        DataPlane(settings).merge("0" * 32 + ".dir", {"a": FileRef("1" * 32, 1)})


@pytest.mark.parametrize("name", ["../a", "/a", "a/../b", "", ".", "a//b", "a/"])
def test_names_that_leave_the_directory_are_refused(settings: Settings, name: str) -> None:
    with pytest.raises(DataError):
        DataPlane(settings).merge(None, {name: FileRef("1" * 32, 1)})


def test_names_from_the_remote_that_leave_the_directory_are_refused(
    settings: Settings, tmp_path: Path
) -> None:
    listed = b'[{"md5": "11111111111111111111111111111111", "relpath": "../../evil"}]'
    data = DataPlane(settings)
    ref = data.put(write(tmp_path / "in", {"tree": listed}))["tree"]
    path = cached(settings, ref)
    shutil.copy(path, f"{path}.dir")
    with pytest.raises(DataError, match="evil"):
        data.names(f"{ref.md5}.dir")


def test_get_places_a_writable_copy_that_is_not_the_cache(
    settings: Settings, tmp_path: Path
) -> None:
    data = DataPlane(settings)
    ref = data.put(write(tmp_path / "in", {"a": b"alpha"}))["a"]
    shutil.rmtree(settings.cache)
    target = tmp_path / "deep" / "out"
    data.get(ref, target)
    target.write_bytes(b"changed")
    data.get(ref, target)
    assert target.read_bytes() == b"alpha"
    assert cached(settings, ref).read_bytes() == b"alpha"
    assert [path.name for path in target.parent.iterdir()] == ["out"]


def test_a_damaged_cache_object_is_dropped_and_fetched_again(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = DataPlane(settings)
    ref = data.put(write(tmp_path / "in", {"a": b"alpha"}))["a"]
    overwrite(cached(settings, ref), b"ALPHA")
    data.get(ref, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"alpha"
    assert cached(settings, ref).read_bytes() == b"alpha"
    assert "dropped a damaged object" in caplog.text


def test_a_damaged_remote_object_is_named_with_its_place_and_never_handed_out(
    settings: Settings, tmp_path: Path
) -> None:
    data = DataPlane(settings)
    ref = data.put(write(tmp_path / "in", {"a": b"alpha"}))["a"]
    shutil.rmtree(settings.cache)
    overwrite(remote_object(settings, ref), b"ALPHA")
    with pytest.raises(IntegrityError) as caught:
        data.get(ref, tmp_path / "out")
    assert ref.md5 in str(caught.value)
    assert str(remote_object(settings, ref)) in str(caught.value)
    assert not (tmp_path / "out").exists()
    assert not cached(settings, ref).exists()


def test_a_damaged_object_without_a_second_copy_is_an_error(
    settings: Settings, tmp_path: Path
) -> None:
    data = DataPlane(settings)
    ref = data.put(write(tmp_path / "in", {"a": b"alpha"}))["a"]
    remote_object(settings, ref).unlink()
    overwrite(cached(settings, ref), b"ALPHA")
    with pytest.raises(IntegrityError, match="only copy"):
        data.get(ref, tmp_path / "out")
    assert not cached(settings, ref).exists()


def test_a_damaged_cache_object_is_never_pushed(settings: Settings, tmp_path: Path) -> None:
    data = DataPlane(settings)
    ref = data.put(write(tmp_path / "in", {"a": b"alpha"}))["a"]
    remote_object(settings, ref).unlink()
    overwrite(cached(settings, ref), b"ALPHA")
    with pytest.raises(IntegrityError, match=ref.md5):
        data.push([ref.md5])
    assert not data.has(ref.md5)


def test_what_is_nowhere_is_not_found(settings: Settings, tmp_path: Path) -> None:
    data, nowhere = DataPlane(settings), FileRef("1" * 32, 1)
    assert not data.has(nowhere.md5)
    for attempt in (
        lambda: data.get(nowhere, tmp_path / "out"),
        lambda: data.push([nowhere.md5]),
        lambda: data.names("1" * 32 + ".dir"),
    ):
        with pytest.raises(NotFound, match="1" * 30):
            attempt()


def test_a_remote_that_is_gone_is_a_fault_and_not_an_empty_remote(
    settings: Settings, tmp_path: Path
) -> None:
    data = DataPlane(settings)
    files = write(tmp_path / "in", {"a": b"alpha"})
    shutil.rmtree(Path(settings.store.removeprefix("file://")))
    for attempt in (lambda: data.put(files), lambda: data.has("1" * 32)):
        with pytest.raises(StoreFault, match="is the disk mounted"):
            attempt()


@pytest.mark.parametrize("module", [plane, remote])
def test_a_full_disk_is_a_fault_that_leaves_nothing_half_written(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object
) -> None:
    def fill(_source: Path, target: Path) -> str:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    files = write(tmp_path / "in", {"a": b"alpha"})
    monkeypatch.setattr(module, "copy_hashed", fill)
    with pytest.raises(StoreFault, match="the disk is full") as caught:
        DataPlane(settings).put(files)
    assert caught.value.retryable
    left = [path for root in (settings.cache, tmp_path / "store") for path in root.rglob("*")]
    assert not [path for path in left if path.is_file() and path.read_bytes() == b"half"]


def test_the_first_of_many_faults_ends_the_rest(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Path] = []

    def refuse(source: Path, _target: Path) -> str:
        calls.append(source)
        raise OSError(errno.EIO, "input/output error")

    files = write(tmp_path / "in", {f"{n:03}": b"alpha" for n in range(200)})
    monkeypatch.setattr(plane, "copy_hashed", refuse)
    with pytest.raises(StoreFault, match="input/output error"):
        DataPlane(settings).put(files)
    assert len(calls) < 200


def test_processes_may_put_the_same_files_at_the_same_time(
    settings: Settings, tmp_path: Path
) -> None:
    files = write(tmp_path / "in", {f"{n}": os.urandom(20_000) for n in range(20)})
    with ProcessPoolExecutor(4, mp_context=SPAWN) as pool:
        found = [job.result() for job in [pool.submit(put, settings, files) for _ in range(4)]]
    assert found[0] == found[1] == found[2] == found[3]
    for name, ref in found[0].items():
        assert cached(settings, ref).read_bytes() == files[name].read_bytes()
        assert remote_object(settings, ref).read_bytes() == files[name].read_bytes()
    assert not list((settings.cache / ".aside").iterdir())


def test_a_remote_that_may_only_be_read_can_be_opened(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "touch", refuse)
    assert not DataPlane(settings).has("1" * 32)


def test_importing_the_adapter_leaves_streams_and_loggers_alone() -> None:
    code = (
        "import logging, sys; before = sys.stdout, sys.stderr\n"
        "import laurel.adapters.dvc\n"
        "assert (sys.stdout, sys.stderr) == before\n"
        "for name in ('dvc', 'dvc_data', 'dvc_objects'):\n"
        "    found = logging.getLogger(name)\n"
        "    assert not found.handlers and found.getEffectiveLevel() == logging.WARNING, name\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
