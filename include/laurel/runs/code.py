"""The code that a run executes, laid into its workspace and named by its content."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import laurel
from laurel.domain.canonical import digest
from laurel.domain.stagefile import code_files, dvc_yaml, params_yaml
from laurel.settings import Settings
from laurel.usecase import UseCase

PACKAGE = "include/laurel/"


def lay_code(folder: Path, usecase: UseCase, settings: Settings) -> None:
    """Write the use case's ``dvc.yaml`` and ``params.yaml`` and the files they depend on."""
    (folder / "dvc.yaml").write_text(dvc_yaml([usecase]))
    (folder / "params.yaml").write_text(params_yaml([usecase]))
    for name, source in code_sources(usecase, settings).items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def code_sources(usecase: UseCase, settings: Settings) -> dict[str, Path]:
    """Where each file of code is on this machine, by its path in the repository."""
    return {name: _locate(name, usecase, settings) for name in sorted(code_files(usecase))}


def code_digest(usecase: UseCase, settings: Settings) -> str:
    """The digest of all code that the training stages of a use case depend on."""
    return digest(
        {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in code_sources(usecase, settings).items()
        }
    )


def _locate(name: str, usecase: UseCase, settings: Settings) -> Path:
    if name.startswith(PACKAGE):
        return Path(laurel.__file__).parent / name.removeprefix(PACKAGE)
    if name.startswith("expectations/"):
        parts = name.split("/")[1:]
        for folder in settings.suite_folders:
            if folder.joinpath(*parts).is_file():
                return folder.joinpath(*parts)
    return usecase.folder / name.removeprefix(f"include/usecases/{usecase.name}/")


def kept_texts(folder: Path, usecase: UseCase) -> dict[str, str]:
    """The small files of a training that its bundle holds: code, stages, windows, suites."""
    own = folder / "include" / "usecases" / usecase.name
    named = [
        *(folder / name for name in ("dvc.yaml", "params.yaml", "dvc.lock")),
        folder / "data" / usecase.name / "window.json",
        *sorted((folder / "data" / usecase.name / "inputs").glob("*.dvc")),
        *sorted(path for path in own.rglob("*") if path.is_file()),
        *sorted((folder / "expectations").rglob("*.json")),
    ]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in named}


def lay_package(folder: Path) -> None:
    """Copy the installed package to where a checkout has it, for a run without a git commit."""
    shutil.copytree(
        Path(laurel.__file__).parent,
        folder / PACKAGE,
        ignore=shutil.ignore_patterns("__pycache__", "_shipped"),
    )
