from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import laurel
from laurel.cli import dvc as dvc_door
from laurel.cli import stage as stage_door
from laurel.domain.config import UseCaseConfig
from laurel.domain.stagefile import CODE, VERBS, code_files, dvc_yaml, params_yaml
from laurel.settings import checkout_root
from laurel.usecase import UseCase
from support.synthetic import lay_window, load_toy

PACKAGE = Path(laurel.__file__).parent
PLUMBING = {"errors", "settings", "usecase", "domain/config"}
"""What words an error or shapes the configuration changes no result by itself."""

door = CliRunner()


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return load_toy(tmp_path_factory.mktemp("toy"))


def imports(module: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("laurel."):
            names |= files(str(node.module).removeprefix("laurel.").replace(".", "/"), node.names)
    return {name for name in names if not name.startswith("domain/config/")}


def files(name: str, taken: list[ast.alias]) -> set[str]:
    """The files of a module: of a package the modules taken from it, and its own file if it has
    more than a docstring."""
    if not (PACKAGE / name).is_dir():
        return {name}
    inner = {f"{name}/{item.name}" for item in taken}
    found = {part for part in inner if (PACKAGE / f"{part}.py").is_file()}
    return found if found == inner else found | {f"{name}/__init__"}


def closure(module: str) -> set[str]:
    found, todo = {module}, [module]
    while todo:
        fresh = imports(todo.pop()) - found - PLUMBING
        found |= fresh
        todo += fresh
    return found


@pytest.mark.parametrize("verb", CODE)
def test_a_stage_names_exactly_the_code_that_it_imports(verb: str) -> None:
    assert set(CODE[verb]) == closure(f"stages/{verb}")


def test_equal_use_cases_give_equal_text_in_whatever_order_they_come(toy: UseCase) -> None:
    other = UseCase(toy.folder, toy.config.model_copy(update={"name": "another"}))
    assert dvc_yaml([toy, other]) == dvc_yaml([other, toy])
    assert params_yaml([toy, other]) == params_yaml([other, toy])
    assert next(iter(yaml.safe_load(dvc_yaml([toy, other]))["stages"])) == "another_assemble"


def test_every_use_case_has_the_seven_stages(toy: UseCase) -> None:
    stages = yaml.safe_load(dvc_yaml([toy]))["stages"]
    assert list(stages) == [f"toy_{verb}" for verb in VERBS]
    assert stages["toy_train"]["cmd"] == "laurel stage train toy"


def test_dvc_accepts_the_file(toy: UseCase) -> None:
    from dvc.schema import COMPILED_MULTI_STAGE_SCHEMA

    COMPILED_MULTI_STAGE_SCHEMA(yaml.safe_load(dvc_yaml([toy])))


def test_each_output_has_one_stage_and_each_input_comes_from_one_or_from_outside(
    toy: UseCase,
) -> None:
    stages = yaml.safe_load(dvc_yaml([toy]))["stages"]
    made = [out for s in stages.values() for out in [*s.get("outs", []), *s.get("metrics", [])]]
    assert len(made) == len(set(made)) == 10
    needed = {dep for s in stages.values() for dep in s["deps"] if dep.startswith("data/")}
    assert needed - set(made) == {
        "data/toy/window.json",
        *(f"data/toy/inputs/{name}" for name in ("champion", "climate", "returns", "visits")),
    }


def test_every_parameter_of_a_stage_is_in_the_parameters(toy: UseCase) -> None:
    said = yaml.safe_load(params_yaml([toy]))
    for stage in yaml.safe_load(dvc_yaml([toy]))["stages"].values():
        for name in stage["params"]:
            value = said
            for part in name.split("."):
                value = value[part]


def test_the_parameters_read_back_are_the_configuration(toy: UseCase) -> None:
    said = yaml.safe_load(params_yaml([toy]))["toy"]
    assert UseCaseConfig.model_validate(said) == toy.config


def test_the_code_files_are_there_and_hold_the_use_case_s_own(toy: UseCase) -> None:
    files = code_files(toy)
    own = ["expectations/toy/frame.json", "include/usecases/toy/features.py"]
    assert set(own) < set(files)
    for name in set(files) - set(own):
        assert (PACKAGE.parents[1] / name).is_file(), name


def test_the_gate_s_policy_runs_no_training_again(toy: UseCase) -> None:
    stages = yaml.safe_load(dvc_yaml([toy]))["stages"]
    touched = [name for name, s in stages.items() if "toy.gate" in s["params"]]
    assert touched == ["toy_evaluate", "toy_verdict"]


def settings_for(toy: UseCase, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("LAUREL_HOME", str(home))
    monkeypatch.setenv("LAUREL_USECASES", str(toy.folder.parent))
    monkeypatch.setenv("LAUREL_EXPECTATIONS", str(toy.folder.parents[1] / "expectations"))


def test_the_seven_stages_run_through_the_command_line(
    toy: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_for(toy, monkeypatch, tmp_path / "home")
    lay_window(toy, tmp_path)
    monkeypatch.chdir(tmp_path)
    for verb in VERBS:
        done = door.invoke(stage_door.app, [verb, "toy"])
        assert done.exit_code == 0, done.output
    assert "the gate says promote" in done.output
    outs = [
        out
        for stage in yaml.safe_load(dvc_yaml([toy]))["stages"].values()
        for out in [*stage.get("outs", []), *stage.get("metrics", [])]
    ]
    assert all((tmp_path / out).exists() for out in outs)


def test_an_error_is_text_with_exit_code_one_and_no_traceback(
    toy: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_for(toy, monkeypatch, tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    for arguments, words in (
        (["train", "toys"], "there is no such use case"),
        (["train", "toy"], "is missing"),
        (["assemble", "toy"], "a document is missing"),
    ):
        done = door.invoke(stage_door.app, arguments)
        assert done.exit_code == 1
        assert words in done.stderr
        assert "Traceback" not in done.output
        assert isinstance(done.exception, SystemExit)


def test_a_stage_obeys_the_params_yaml_and_the_code_of_its_folder(
    toy: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_for(toy, monkeypatch, tmp_path / "home")
    params = yaml.safe_load(params_yaml([toy]))
    params["toy"]["title"] = "as this folder says"
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    own = tmp_path / "include" / "usecases" / "toy"
    own.mkdir(parents=True)
    (own / "features.py").write_text("def featurize(rows, context): ...\n")
    monkeypatch.chdir(tmp_path)
    with stage_door._door("toy") as (found, _, _):
        assert (found.config.title, found.folder) == ("as this folder says", own)


def checkout(folder: Path) -> Path:
    (folder / "dags").mkdir()
    load_toy(folder / "include")
    return folder


def test_sync_writes_both_files_and_check_then_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = checkout(tmp_path)
    monkeypatch.setattr("laurel.settings.checkout_root", lambda: root)
    stale = door.invoke(dvc_door.app, ["sync", "--check"])
    assert stale.exit_code == 1
    assert "out of step" in stale.stderr
    assert not (root / "dvc.yaml").exists()
    assert door.invoke(dvc_door.app, ["sync"]).exit_code == 0
    assert (root / "dvc.yaml").read_text() == dvc_yaml([load_toy(tmp_path / "include")])
    before = hashlib.sha256((root / "params.yaml").read_bytes()).hexdigest()
    again = door.invoke(dvc_door.app, ["sync", "--check"])
    assert (again.exit_code, "in step" in again.output) == (0, True)
    assert hashlib.sha256((root / "params.yaml").read_bytes()).hexdigest() == before


def test_check_shows_what_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = checkout(tmp_path)
    monkeypatch.setattr("laurel.settings.checkout_root", lambda: root)
    door.invoke(dvc_door.app, ["sync"])
    text = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(text.replace("rounds: 60", "rounds: 61"))
    done = door.invoke(dvc_door.app, ["sync", "--check"])
    assert done.exit_code == 1
    assert "-      rounds: 61" in done.stderr
    assert "+      rounds: 60" in done.stderr


def test_outside_a_checkout_sync_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("laurel.settings.checkout_root", lambda: None)
    done = door.invoke(dvc_door.app, ["sync"])
    assert done.exit_code == 1
    assert "no checkout" in done.stderr


def test_the_root_files_of_this_checkout_are_in_step() -> None:
    if checkout_root() is None:
        pytest.skip("installed from a wheel")
    assert door.invoke(dvc_door.app, ["sync", "--check"]).exit_code == 0
