"""Files laid over a clone: nothing is lost that only the clone has, and there is a way back."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from laurel.errors import NotFound, Refused
from laurel.runs.laid import RECORDS, lay, take_back


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with two committed files."""
    (tmp_path / "params.yaml").write_text("committed\n")
    (tmp_path / "dvc.yaml").write_text("stages\n")
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "One"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)
    return tmp_path


WANTED = {"params.yaml": "run\n", "dvc.yaml": "stages\n", "data/toy/window.json": "{}\n"}


def test_only_what_differs_is_written_and_all_of_it_is_taken_back(clone: Path) -> None:
    assert lay(clone, WANTED, run="one", force=False) == ("data/toy/window.json", "params.yaml")
    assert (clone / "params.yaml").read_text() == "run\n"

    assert take_back(clone, force=False).run == "one"

    assert (clone / "params.yaml").read_text() == "committed\n"
    assert not (clone / "data").exists()
    with pytest.raises(NotFound, match="nothing was checked out"):
        take_back(clone, force=False)


@pytest.mark.parametrize("staged", [False, True])
def test_an_uncommitted_change_is_not_overwritten(clone: Path, staged: bool) -> None:
    (clone / "params.yaml").write_text("mine\n")
    if staged:
        subprocess.run(["git", "-C", str(clone), "add", "."], check=True)

    with pytest.raises(Refused, match="nothing was written") as raised:
        lay(clone, WANTED, run="one", force=False)

    assert raised.value.found == "params.yaml"
    assert (clone / "params.yaml").read_text() == "mine\n"
    assert not (clone / "data").exists()


def test_an_untracked_file_is_not_overwritten(clone: Path) -> None:
    (clone / "data" / "toy").mkdir(parents=True)
    (clone / "data" / "toy" / "window.json").write_text("mine")

    with pytest.raises(Refused, match="only this clone has") as raised:
        lay(clone, WANTED, run="one", force=False)

    assert raised.value.found == "data/toy/window.json"


def test_what_was_forced_over_comes_back(clone: Path) -> None:
    (clone / "params.yaml").write_text("mine\n")

    lay(clone, WANTED, run="one", force=True)
    take_back(clone, force=False)

    assert (clone / "params.yaml").read_text() == "mine\n"


def test_a_checkout_goes_over_an_earlier_one_and_back_step_by_step(clone: Path) -> None:
    lay(clone, WANTED, run="one", force=False)
    assert lay(clone, {"params.yaml": "two\n"}, run="two", force=False) == ("params.yaml",)
    assert lay(clone, {"params.yaml": "two\n"}, run="two", force=False) == ()

    assert take_back(clone, force=False).run == "two"
    assert (clone / "params.yaml").read_text() == "run\n"
    assert take_back(clone, force=False).run == "one"
    assert (clone / "params.yaml").read_text() == "committed\n"


def test_what_was_edited_since_is_not_taken_back_unforced(clone: Path) -> None:
    lay(clone, WANTED, run="one", force=False)
    (clone / "params.yaml").write_text("edited\n")

    with pytest.raises(Refused, match="only this clone has"):
        take_back(clone, force=False)
    take_back(clone, force=True)

    assert (clone / "params.yaml").read_text() == "committed\n"


def test_settings_that_were_merged_are_neither_guarded_nor_undone_over_an_edit(
    clone: Path,
) -> None:
    """As ``.dvc/config.local``, which may hold what a person wrote there, and credentials."""
    (clone / "config.local").write_text("own\n")

    lay(clone, {"config.local": "own\nstore\n"}, run="one", force=False, merged=["config.local"])
    record = next((clone / RECORDS).iterdir())
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    (clone / "config.local").write_text("own\nstore\nmore\n")
    take_back(clone, force=False, merged=["config.local"])

    assert (clone / "config.local").read_text() == "own\nstore\nmore\n"
