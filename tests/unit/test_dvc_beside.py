"""What is done while stages run, and what DVC remembers between them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from threading import Event

import pytest
import yaml
from dvc import rwlock

from laurel.adapters.dvc import Workspace, plane
from laurel.adapters.dvc.remote import object_key
from laurel.settings import Settings

PIPELINE = """
stages:
  first:
    cmd: mkdir -p folder && cp source folder/part && cp source folder/other
    deps: [source]
    outs: [folder]
  second:
    cmd: mkdir -p copy && cat folder/* > copy/all
    deps: [folder]
    outs: [copy]
  third:
    cmd: (cat copy/*; echo end) > end
    deps: [copy]
    outs: [end]
"""
STAGES = ["first", "second", "third"]


@pytest.fixture
def workspace(settings: Settings, tmp_path: Path) -> Workspace:
    folder = tmp_path / "w"
    made = Workspace(folder, settings)
    made.create()
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "source").write_text("one\n")
    return made


def folders(workspace: Workspace) -> list[tuple[str, str]]:
    """The hash of each folder as the stage that made it has it, and the one that read it."""
    lock = yaml.safe_load((workspace.folder / "dvc.lock").read_text())["stages"]
    return [
        (lock[made]["outs"][0]["md5"], lock[read]["deps"][0]["md5"])
        for made, read in (("first", "second"), ("second", "third"))
    ]


def test_a_folder_is_read_anew_by_the_stage_after_the_one_that_changed_it(
    workspace: Workspace,
) -> None:
    workspace.repro(STAGES)
    before = folders(workspace)
    (workspace.folder / "source").write_text("two\n")
    workspace.repro(STAGES)
    after = folders(workspace)

    assert all(made == read for made, read in (*before, *after))
    assert not {made for made, _ in before} & {made for made, _ in after}
    assert (workspace.folder / "end").read_text() == "two\ntwo\nend\n"


def test_folders_that_the_run_cache_puts_back_are_read_anew(workspace: Workspace) -> None:
    workspace.repro(STAGES)
    before = folders(workspace)
    (workspace.folder / "source").write_text("two\n")
    workspace.repro(STAGES)
    (workspace.folder / "source").write_text("one\n")
    said: list[str] = []
    workspace.repro(STAGES, echo=said.append)

    assert folders(workspace) == before
    assert (workspace.folder / "end").read_text() == "one\none\nend\n"
    assert said == [f"stage {name}: the outputs of an equal run were taken" for name in STAGES]


def test_a_file_that_changes_within_the_second_is_another_file(workspace: Workspace) -> None:
    for text in ("aaa\n", "bbb\n", "ccc\n"):
        (workspace.folder / "source").write_text(text)
        workspace.repro(STAGES)
        assert (workspace.folder / "end").read_text() == f"{text}{text}end\n"


def test_no_database_of_hashes_is_left_in_a_workspace(workspace: Workspace) -> None:
    workspace.repro(STAGES)
    assert not list(workspace.folder.rglob("*.db"))


def test_files_of_a_stage_are_locked_while_it_runs_and_no_longer(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another command in the same workspace sees them there, as DVC has them."""
    edits: list[str] = []
    edit = rwlock._edit_rwlock
    monkeypatch.setattr(
        rwlock, "_edit_rwlock", lambda *given: edits.append(given[0]) or edit(*given)
    )
    file = workspace.folder / ".dvc/tmp/rwlock"
    (workspace.folder / "dvc.yaml").write_text(
        PIPELINE.replace("mkdir -p copy", "cp .dvc/tmp/rwlock ../held; mkdir -p copy")
    )

    workspace.repro(STAGES)

    held = json.loads((workspace.folder.parent / "held").read_text())
    assert list(held["write"]) == [str(workspace.folder / "copy")]
    assert str(workspace.folder / "folder") in held["read"]
    assert json.loads(file.read_text()) == {}
    assert len(edits) <= 2 * (len(STAGES) + 1)


def test_what_stages_made_is_pushed_while_the_next_ones_run(
    workspace: Workspace, settings: Settings, tmp_path: Path
) -> None:
    """The second stage waits for the file of the first to be at the remote."""
    remote, seen = tmp_path / "store" / "dvc", Event()
    waiting = PIPELINE.replace("mkdir -p copy &&", "until test -f ../pushed; do sleep 0.1; done;")
    waiting = waiting.replace("cat folder/* > copy/all", "mkdir -p copy; cat folder/* > copy/all")
    (workspace.folder / "dvc.yaml").write_text(waiting)

    def meanwhile() -> None:
        workspace.push_made()
        outputs = workspace.outputs()
        if "folder" in outputs and not seen.is_set():
            assert (remote / object_key(outputs["folder"]["md5"])).is_file()
            seen.set()
            (tmp_path / "pushed").touch()

    workspace.repro(STAGES, meanwhile=meanwhile)

    assert seen.is_set()
    sent = workspace.push(STAGES)
    # the third stage's file and its entry in the run cache, and no more than the second's besides
    assert 2 <= sent <= 5
    assert workspace.push(STAGES) == 0
    assert workspace.push_made() == 0


def test_what_was_pushed_ahead_is_not_looked_for_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a remote far away each look is a request; the last push, which proves it, looks again."""
    workspace.repro(STAGES[:2])
    workspace.push_made()
    workspace.repro(STAGES)
    asked: list[str] = []
    push = workspace.plane._push
    monkeypatch.setattr(workspace.plane, "_push", lambda md5: asked.append(md5) or push(md5))

    workspace.push_made()
    assert asked == [workspace.outputs()["end"]["md5"]]

    asked.clear()
    workspace.push(STAGES)
    assert {out["md5"] for out in workspace.outputs().values()} < set(asked)


def test_what_fails_beside_the_stages_does_not_end_them(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    def meanwhile() -> None:
        calls.append(1)
        raise OSError("the remote is away")

    with caplog.at_level(logging.INFO, logger="laurel.adapters.dvc.command"):
        workspace.repro(STAGES, meanwhile=meanwhile)

    assert (workspace.folder / "end").read_text() == "one\none\nend\n"
    assert 1 <= len(calls) <= 2, "not while the first stage runs"
    assert "the remote is away" in caplog.text


@pytest.mark.parametrize("small", [0, 1 << 20])
def test_files_are_placed_whole_one_by_one_or_several_at_a_time(
    settings: Settings, tmp_path: Path, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plane, "SMALL", small)
    texts = {f"{number}.txt": f"file {number}\n" for number in range(30)}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    data = plane.DataPlane(settings)
    refs = data.put({name: tmp_path / name for name in texts})
    # one is in the cache no more, one is damaged there
    data._path(refs["0.txt"].md5).unlink()
    damaged = data._path(refs["1.txt"].md5)
    damaged.chmod(0o644)
    damaged.write_text("damaged")

    data.place({tmp_path / "placed" / name: ref.md5 for name, ref in refs.items()})

    assert {path.name: path.read_text() for path in (tmp_path / "placed").iterdir()} == texts
