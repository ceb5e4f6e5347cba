"""A workspace: windows, stages, outputs and the run cache, on a local remote."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from laurel.adapters.dvc import Workspace
from laurel.adapters.dvc.remote import object_key
from laurel.domain.data import FileRef
from laurel.errors import (
    ConfigError,
    IntegrityError,
    LaurelError,
    NotFound,
    Refused,
    StoreFault,
)
from laurel.settings import Settings

WINDOW = "data/f/inputs/rows"
PIPELINE = """
stages:
  join:
    cmd: echo ran >> ../runs.txt; cat data/f/inputs/rows/* > data/f/joined; echo joined them
    deps: [data/f/inputs/rows]
    outs: [data/f/joined]
  count:
    foreach: [f]
    do:
      cmd: echo ran >> ../runs.txt; mkdir -p data/f/out && wc -c < data/f/joined > data/f/out/size
      deps: [data/f/joined]
      outs: [data/f/out]
      metrics: []
"""


@pytest.fixture
def refs(settings: Settings, tmp_path: Path) -> dict[str, FileRef]:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("2013-01-01.parquet", "2013-01-02.parquet"):
        (folder / name).write_text(f"rows of {name}\n")
    files = {path.name: path for path in folder.iterdir()}
    return Workspace(tmp_path, settings).plane.put(files)


def make(
    folder: Path, settings: Settings, refs: dict[str, FileRef], pipeline: str = PIPELINE
) -> Workspace:
    workspace = Workspace(folder, settings)
    workspace.create()
    workspace.track(WINDOW, refs)
    workspace.pull([WINDOW])
    (folder / "dvc.yaml").write_text(pipeline)
    return workspace


def one_stage(command: str) -> str:
    return f"stages:\n  work:\n    cmd: {command}\n    deps: [{WINDOW}]\n    outs: [data/f/done]\n"


def runs(tmp_path: Path) -> int:
    file = tmp_path / "runs.txt"
    return len(file.read_text().splitlines()) if file.exists() else 0


def damage(settings: Settings, md5: str) -> Path:
    path = settings.cache / object_key(md5)
    path.chmod(0o644)
    path.write_text("damaged")
    path.chmod(0o444)
    return path


def test_a_window_holds_exactly_the_files_it_was_given(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    tree = workspace.track(WINDOW, refs)
    assert tree.nfiles == 2
    assert tree.size == sum(ref.size for ref in refs.values())
    assert workspace.plane.has(tree.md5)
    placed = {path.name: path.read_text() for path in (tmp_path / "w" / WINDOW).iterdir()}
    assert placed == {name: f"rows of {name}\n" for name in refs}


def test_pulling_makes_the_window_what_it_names(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    second = max(refs)
    (tmp_path / "w" / WINDOW / second).write_text("spoiled")
    workspace.pull([f"{WINDOW}.dvc"])
    workspace.track(WINDOW, {second: refs[second]})
    workspace.pull([WINDOW])
    placed = {path.name: path.read_text() for path in (tmp_path / "w" / WINDOW).iterdir()}
    assert placed == {second: f"rows of {second}\n"}


def test_pulling_never_removes_the_only_copy_of_a_file(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    mine = tmp_path / "w" / WINDOW / "mine.txt"
    mine.write_text("nobody else has this")
    with pytest.raises(Refused, match=r"mine\.txt"):
        workspace.pull([WINDOW])
    assert mine.exists()


def test_pulling_what_nothing_names_is_not_found(settings: Settings, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w", settings)
    workspace.create()
    with pytest.raises(NotFound, match="data/other"):
        workspace.pull(["data/other"])


def test_stages_run_once_and_their_outputs_are_named(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    said: list[str] = []
    workspace.repro(["count@f"], echo=said.append)
    workspace.repro(["count@f"], echo=said.append)
    assert runs(tmp_path) == 2
    assert said[1] == "joined them"
    assert (tmp_path / "w/data/f/out/size").read_text().strip() == "54"
    outputs = workspace.outputs()
    assert list(outputs) == ["data/f/joined", "data/f/out"]
    assert outputs["data/f/out"]["stage"] == "count@f"
    assert outputs["data/f/out"]["nfiles"] == 1
    assert outputs["data/f/joined"]["size"] == 54


def test_a_single_stage_runs_alone(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    workspace.repro(["join"], single=True)
    assert list(workspace.outputs()) == ["data/f/joined"]


def test_force_runs_again_and_leaves_the_windows_as_they_were(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    pointer = (tmp_path / "w" / f"{WINDOW}.dvc").read_bytes()
    workspace.repro(["count@f"])
    workspace.repro(["count@f"], force=True)
    assert runs(tmp_path) == 4
    assert (tmp_path / "w" / f"{WINDOW}.dvc").read_bytes() == pointer


def test_a_retry_on_another_worker_takes_what_was_pushed(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    workspace.repro(["count@f"])
    assert workspace.push(["join", "count@f"]) == 5  # two files, a directory object, two entries
    assert workspace.push(["join", "count@f"]) == 0
    elsewhere = replace(settings, cache=tmp_path / "other cache")
    other = make(tmp_path / "w2", elsewhere, refs)
    said: list[str] = []
    other.repro(["count@f"], echo=said.append)
    assert said == [
        "stage join: the outputs of an equal run were taken",
        "stage count@f: the outputs of an equal run were taken",
    ]
    assert runs(tmp_path) == 2
    assert other.outputs() == workspace.outputs()
    assert (tmp_path / "w2/data/f/out/size").read_text().strip() == "54"


def test_outputs_can_be_pulled_by_path(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    workspace.repro(["count@f"])
    workspace.push(["join", "count@f"])
    shutil.rmtree(settings.cache)
    shutil.rmtree(tmp_path / "w/data/f/out")
    workspace.pull(["data/f/out", "data/f/joined"])
    assert (tmp_path / "w/data/f/out/size").read_text().strip() == "54"


def test_an_output_that_was_not_pushed_is_made_again(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    workspace.repro(["join"])
    workspace.push(["join"])
    md5 = workspace.outputs()["data/f/joined"]["md5"]
    (tmp_path / "store/dvc" / object_key(md5)).unlink()
    other = make(tmp_path / "w2", replace(settings, cache=tmp_path / "other cache"), refs)
    other.repro(["join"])
    assert runs(tmp_path) == 2
    assert other.outputs() == workspace.outputs()


def test_a_damaged_object_is_not_handed_out_by_the_run_cache(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    workspace.repro(["join"])
    md5 = workspace.outputs()["data/f/joined"]["md5"]
    damage(settings, md5)
    other = make(tmp_path / "w2", settings, refs)
    other.repro(["join"])
    assert (tmp_path / "w2/data/f/joined").read_text().startswith("rows of")
    assert other.outputs()["data/f/joined"]["md5"] == md5


def test_a_damaged_output_is_never_pushed(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    workspace.repro(["join"])
    md5 = workspace.outputs()["data/f/joined"]["md5"]
    path = damage(settings, md5)
    path.chmod(0o644)
    path.write_bytes(b"x" * 54)
    with pytest.raises(IntegrityError, match=md5):
        workspace.push(["join"])


def test_the_run_cache_goes_on_without_the_remote(
    settings: Settings,
    refs: dict[str, FileRef],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    (tmp_path / "store").rename(tmp_path / "unmounted")
    workspace.repro(["join"])
    assert runs(tmp_path) == 1
    assert "run cache of other workers cannot be had" in caplog.text
    with pytest.raises(StoreFault):
        workspace.push(["join"])


def test_pushing_a_stage_that_never_ran_is_an_error(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    with pytest.raises(NotFound, match="join"):
        workspace.push(["join"])


def test_a_failed_stage_is_named_with_what_it_said_last(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    command = r"seq 1 40; printf 'too few rows\n  found:    3\nhint: look\n' >&2; exit 2"
    workspace = make(tmp_path / "w", settings, refs, one_stage(f'"{command}"'.replace("\\", r"\\")))
    with pytest.raises(LaurelError) as caught:
        workspace.repro(["work"])
    text = str(caught.value)
    assert text.startswith("the stage work failed with exit code 2\n")
    assert "too few rows" in text
    assert "hint: look" in text
    assert not caught.value.retryable
    assert caught.value.detail is not None
    assert Path(caught.value.detail).read_text().splitlines()[:2] == ["1", "2"]
    assert len(text.splitlines()) <= 10


def test_a_stage_may_ask_to_be_tried_again(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs, one_stage("exit 75"))
    with pytest.raises(StoreFault, match="the stage work"):
        workspace.repro(["work"])


def test_a_killed_stage_says_so(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs, one_stage("kill -9 $$"))
    with pytest.raises(LaurelError, match="killed by signal 9: out of memory"):
        workspace.repro(["work"])


def test_stopping_the_task_ends_the_command(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    def stop(line: str) -> None:
        if line == "started":
            raise KeyboardInterrupt

    # Who waits for the command to end waits longer than any test may take.
    command = "echo started; sleep 3600 & wait; touch ../finished"
    workspace = make(tmp_path / "w", settings, refs, one_stage(command))
    with pytest.raises(KeyboardInterrupt):
        workspace.repro(["work"], echo=stop)
    assert not (tmp_path / "finished").exists()


def test_a_stage_that_does_not_write_its_output_is_an_error(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs, one_stage("'true'"))
    with pytest.raises(LaurelError, match="data/f/done"):
        workspace.repro(["work"])


@pytest.mark.parametrize("stages", [[], ["no_such_stage"]])
def test_stages_that_are_not_there_are_refused(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path, stages: list[str]
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    with pytest.raises(LaurelError, match="stage"):
        workspace.repro(stages)
    assert runs(tmp_path) == 0


def test_a_window_that_lacks_files_is_refused_before_anything_runs(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    pointer = tmp_path / "w" / f"{WINDOW}.dvc"
    before = pointer.read_bytes()
    (tmp_path / "w" / WINDOW / "2013-01-02.parquet").unlink()
    with pytest.raises(IntegrityError, match="1 missing"):
        workspace.repro(["join"])
    assert runs(tmp_path) == 0
    assert pointer.read_bytes() == before


def test_a_changed_input_is_an_error_and_its_pointer_is_restored(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    pointer = tmp_path / "w" / f"{WINDOW}.dvc"
    before = pointer.read_bytes()
    (tmp_path / "w" / WINDOW / "2013-01-02.parquet").write_text("other rows")
    with pytest.raises(IntegrityError, match="inputs changed"):
        workspace.repro(["join"])
    assert pointer.read_bytes() == before


def test_the_environment_and_the_working_folder_are_left_as_they_were(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    before = dict(os.environ), Path.cwd(), sys.stdout, sys.stderr
    workspace = make(tmp_path / "w", settings, refs, one_stage("command -v python > data/f/done"))
    workspace.repro(["work"])
    workspace.push(["work"])
    assert (dict(os.environ), Path.cwd(), sys.stdout, sys.stderr) == before
    found = Path((tmp_path / "w/data/f/done").read_text().strip())
    assert found.parent == Path(sys.executable).parent


def test_folders_may_have_the_names_of_runs(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    elsewhere = replace(settings, cache=tmp_path / "cache, # 2")
    run = tmp_path / "manual__2013-07-01T00:00:00+00:00, #1 é"
    workspace = make(run, elsewhere, refs)
    workspace.repro(["count@f"])
    workspace.push(["join", "count@f"])
    assert (run / "data/f/out/size").exists()
    assert (run / ".dvc/site/repo").is_dir()
    assert not (settings.cache / "runs").exists()


def test_everything_dvc_keeps_for_a_workspace_is_inside_it(
    settings: Settings, refs: dict[str, FileRef], tmp_path: Path
) -> None:
    workspace = make(tmp_path / "w", settings, refs)
    workspace.repro(["join"])
    assert list((tmp_path / "w/.dvc/site/repo").iterdir())


def test_no_credentials_are_written_to_the_configuration(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    remote = replace(settings, store="s3://bucket/prefix", s3_endpoint="http://127.0.0.1:9")
    Workspace(tmp_path / "w", remote).create()
    written = (tmp_path / "w/.dvc/config").read_text()
    assert 'url = "s3://bucket/prefix/dvc"' in written
    assert "endpointurl = http://127.0.0.1:9" in written
    assert "very-secret" not in written
    with pytest.raises(ConfigError, match="credentials"):
        Workspace(tmp_path / "w", replace(settings, store="s3://key:secret@bucket/prefix"))


def test_a_server_that_does_not_answer_is_a_fault(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    away = replace(settings, store="s3://bucket/prefix", s3_endpoint="http://127.0.0.1:9")
    with pytest.raises(StoreFault, match=r"127\.0\.0\.1:9"):
        Workspace(tmp_path / "w", away).plane.has("1" * 32)
