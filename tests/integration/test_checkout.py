"""Checkout: a run's state over a clone with a history of its own, worked in by DVC's command line.

The clone has an empty home: nothing but the store, the environment and git is there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from laurel.adapters.records import read_bundle
from laurel.domain.bundle import Bundle
from laurel.errors import NotFound, Refused
from laurel.runs.named import find_run, usecases_of
from support.runs import Home

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Clone:
    """A person's clone: its commands run in it, with a home in which there is nothing."""

    folder: Path
    environ: dict[str, str]

    def run(self, *words: str, check: bool = True) -> str:
        """Run a command; what it printed on both channels."""
        done = subprocess.run(
            words, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=300
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        assert check or done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def laurel(self, *words: str, check: bool = True) -> str:
        return self.run(str(Path(sys.executable).with_name("laurel")), *words, check=check)

    def dvc(self, *words: str) -> str:
        return self.run(sys.executable, "-m", "dvc", *words)

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
        return self.run("git", *who, *words)

    def changed(self) -> set[str]:
        """Files that differ from HEAD, and new ones."""
        lines = self.git("status", "--porcelain", "--untracked-files=all").splitlines()
        return {line[3:] for line in lines}


@pytest.fixture
def clone(prepared: Home, source_checkout: Path, tmp_path: Path) -> Iterator[Clone]:
    """A clone of the checkout that the runs were made from, and no use case beside it."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(source_checkout), str(folder)], check=True)
    here = {name: text for name, text in os.environ.items() if not name.startswith("LAUREL_")}
    (tmp_path / "home").mkdir()
    made = Clone(
        folder,
        {
            **here,
            "HOME": str(tmp_path / "home"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder / "include"),
            "LAUREL_STORE": prepared.settings.store,
            "LAUREL_HOME": str(tmp_path / "laurel"),
        },
    )
    yield made
    shutil.rmtree(tmp_path / "laurel", ignore_errors=True)  # a cache of its own


def bundle_of(home: Home, number: int) -> Bundle:
    return read_bundle(home.site.store, "toy", "train", run=home.trained[number].run)


def git_head(folder: Path) -> str:
    words = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_dvc_pulls_repeats_compares_and_draws_what_was_checked_out(
    prepared: Home, clone: Clone
) -> None:
    """Two runs, the first committed; then a parameter is edited, and all of it is taken back."""
    first, second = (bundle_of(prepared, number) for number in (0, 1))
    head = clone.git("rev-parse", "HEAD")

    said = clone.laurel("checkout", first.model_version or "")

    assert clone.git("rev-parse", "HEAD") == head
    assert "no state of flights" in said
    assert set(yaml.safe_load((clone.folder / "params.yaml").read_text())) == {"flights", "toy"}
    clone.dvc("pull")
    assert "Running stage" not in clone.dvc("repro")
    clone.git("add", ".")
    clone.git("commit", "-q", "-m", "The first run")
    assert not [name for name in clone.git("ls-files").split() if name.endswith(".parquet")]

    clone.laurel("checkout", "champion")

    assert clone.changed() == {
        "dvc.lock",
        "data/toy/window.json",
        *(f"data/toy/inputs/{name}.dvc" for name in ("champion", "climate", "returns", "visits")),
    }
    clone.dvc("pull")
    assert "Running stage" not in clone.dvc("repro")
    metrics = json.loads(clone.dvc("metrics", "diff", "--json"))["data/toy/metrics.json"]
    for name in ("auc", "log_loss"):
        values = [bundle.verdict["metrics"][name] for bundle in (first, second) if bundle.verdict]
        found = metrics[f"challenger.{name}"]
        assert [found["old"], found["new"]] == values
    drawn = json.loads(clone.dvc("plots", "diff", "--json", "--split"))["data"]
    assert {Path(name).name for name in drawn} == {
        "roc.csv",
        "precision_recall.csv",
        "reliability.csv",
        "scores.csv",
        "importance.csv",
    }
    roc = next(each for name, each in drawn.items() if name.endswith("roc.csv"))
    assert sorted(roc[0]["revisions"]) == ["HEAD", "workspace"]

    params = clone.folder / "params.yaml"
    before = params.read_text()
    assert before.count("value: 0.65") == 1
    edited = before.replace("value: 0.65", "value: 0.99")
    params.write_text(edited)
    again = clone.dvc("repro")

    ran = [line.split("'")[1] for line in again.splitlines() if line.startswith("Running stage")]
    assert ran == ["toy_evaluate", "toy_verdict"]
    assert "the gate says reject" in again
    refused = clone.laurel("checkout", first.id[:8], check=False)
    assert "changes that only this clone has would be overwritten; nothing was written" in refused
    assert "dvc.lock" in refused
    assert "params.yaml" in refused

    assert "params.yaml" in clone.laurel("checkout", first.id[:8], "--force")
    assert clone.changed() == set()
    clone.laurel("checkout", "--undo")
    assert params.read_text() == edited
    assert "Data and pipelines are up to date." in clone.dvc("status")


def test_a_new_folder_becomes_a_clone_at_the_commit_of_the_run(
    prepared: Home, clone: Clone, tmp_path: Path
) -> None:
    bundle, target = bundle_of(prepared, 0), tmp_path / "new"
    with (clone.folder / "include" / "laurel" / "stages" / "verdict.py").open("a") as file:
        file.write("# another version\n")
    clone.git("add", ".")
    clone.git("commit", "-q", "-m", "Other code")

    beside = clone.laurel("checkout", bundle.id)

    assert "1 files of code are not those of the run: include/laurel/stages/verdict.py" in beside
    assert f"git switch --detach {bundle.code.commit}" in beside
    assert "runs toy_verdict again, and what follows" in beside

    other = clone.laurel("checkout", bundle.id, "--into", str(target))
    assert "files of code" not in other
    assert f"let it run from the clone (export PYTHONPATH={target / 'include'})" in other
    assert git_head(target) == bundle.code.commit
    assert (target / "dvc.lock").is_file()


def test_what_cannot_be_checked_out_is_refused_and_changes_nothing(
    clone: Clone, prepared: Home, tmp_path: Path
) -> None:
    version = bundle_of(prepared, 0).model_version or ""
    (tmp_path / "elsewhere").mkdir()

    into = clone.laurel("checkout", version, "--into", str(tmp_path / "elsewhere"), check=False)
    assert "this is no working tree of git" in into
    assert "say either which run" in clone.laurel("checkout", check=False)
    assert "nothing was checked out here" in clone.laurel("checkout", "--undo", check=False)
    assert clone.changed() == set()


def test_a_run_is_found_by_what_a_person_calls_it(prepared: Home) -> None:
    store = prepared.site.store
    first, second = (bundle_of(prepared, number) for number in (0, 1))
    version = first.model_version or ""

    for said in (first.id, first.id[:6], version, version[:12]):
        assert find_run(store, said) == first
    for said in ("champion", "toy:champion"):
        assert find_run(store, said) == second
    assert find_run(store, "champion", usecase="toy") == second
    scored = find_run(store, prepared.keys("runs/toy/score/")[0].split("/")[3], kinds=("score",))
    assert scored.kind == "score"
    assert usecases_of(store) == ["toy"]


def test_a_run_that_is_not_found_is_told_with_what_may_be_meant(prepared: Home) -> None:
    store, version = prepared.site.store, bundle_of(prepared, 0).model_version or ""
    near = version[:-1] + ("0" if version[-1] != "0" else "1")
    scored = prepared.keys("runs/toy/score/")[0].split("/")[3]

    with pytest.raises(NotFound, match="no such run") as unknown:
        find_run(store, near)
    assert unknown.value.hint == f"did you mean {version!r}?"
    with pytest.raises(Refused, match="is the beginning of several runs") as several:
        find_run(store, "toy-2024")
    assert all(trained.run in str(several.value) for trained in prepared.trained)
    with pytest.raises(Refused, match="a run of another kind") as other:
        find_run(store, scored)
    assert other.value.expected == "a run of kind train"
    with pytest.raises(NotFound, match="no such run") as elsewhere:
        find_run(store, version, usecase="flights")
    assert elsewhere.value.hint == "it is a run of toy"
    with pytest.raises(NotFound, match="no champion"):
        find_run(store, "flights:champion")
