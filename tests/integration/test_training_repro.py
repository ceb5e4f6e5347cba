"""The training stages through DVC: what runs, what does not run again, and that it reproduces."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from laurel.adapters.dvc import Workspace
from laurel.domain.stagefile import VERBS, stage_name
from laurel.runs.code import lay_code
from laurel.settings import Settings, load_settings
from laurel.usecase import UseCase
from support.synthetic import lay_window, load_toy

pytestmark = pytest.mark.slow

STAGES = [stage_name("toy", verb) for verb in VERBS]


def site(folder: Path, toy: UseCase) -> Settings:
    return load_settings(
        {
            "LAUREL_HOME": str(folder / "home"),
            "LAUREL_STORE": f"file://{folder}/store",
            "LAUREL_CACHE": str(folder / "cache"),
            "LAUREL_USECASES": str(toy.folder.parent),
            "LAUREL_EXPECTATIONS": str(toy.folder.parents[1] / "expectations"),
        }
    )


def lay(folder: Path, toy: UseCase) -> Workspace:
    settings = site(folder, toy)
    workspace = Workspace(folder / "run", settings)
    workspace.create()
    lay_code(workspace.folder, toy, settings)
    lay_window(toy, workspace.folder)
    inputs = workspace.folder / "data" / "toy" / "inputs"
    for name in ("visits", "returns", "climate", "champion"):
        files = {path.name: path for path in sorted((inputs / name).iterdir())}
        workspace.track(f"data/toy/inputs/{name}", workspace.plane.put(files))
    return workspace


def declared(folder: Path) -> list[str]:
    """Every output that ``dvc.yaml`` promises of the stages."""
    stages = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"]
    kinds = ("outs", "metrics", "plots")
    return sorted(path for name in STAGES for kind in kinds for path in stages[name].get(kind, []))


def test_two_sites_of_their_own_make_the_same_bytes_and_nothing_runs_twice(
    tmp_path: Path,
) -> None:
    toy = load_toy(tmp_path / "toy")
    one, two = lay(tmp_path / "one", toy), lay(tmp_path / "two", toy)
    windows = {path: path.read_bytes() for path in one.folder.rglob("*.dvc") if path.is_file()}
    for workspace in (one, two):
        workspace.repro(STAGES)
    assert one.outputs() == two.outputs()
    assert sorted(one.outputs()) == declared(one.folder)
    before = (one.folder / "dvc.lock").read_bytes()
    one.repro(STAGES)
    assert (one.folder / "dvc.lock").read_bytes() == before
    assert {path: path.read_bytes() for path in windows} == windows


def test_another_gate_trains_nothing_again(tmp_path: Path) -> None:
    toy = load_toy(tmp_path / "toy")
    workspace = lay(tmp_path / "one", toy)
    workspace.repro(STAGES)
    lock = yaml.safe_load((workspace.folder / "dvc.lock").read_text())["stages"]
    params = yaml.safe_load((workspace.folder / "params.yaml").read_text())
    params["toy"]["gate"]["thresholds"][0]["value"] = 0.99
    (workspace.folder / "params.yaml").write_text(yaml.safe_dump(params))
    workspace.repro(STAGES)
    after = yaml.safe_load((workspace.folder / "dvc.lock").read_text())["stages"]
    changed = {name for name in STAGES if after[name] != lock[name]}
    assert changed == {"toy_evaluate", "toy_verdict"}
    verdict = (workspace.folder / "data/toy/verdict.json").read_text()
    assert '"outcome":"reject"' in verdict
