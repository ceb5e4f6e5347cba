"""Folder → frozen :class:`UseCase`: reads ``usecase.yaml`` and loads the folder's Python files."""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from laurel.domain.config import Dataset, PythonSource, UseCaseConfig
from laurel.domain.yaml_text import Loader
from laurel.errors import ConfigError, LaurelError
from laurel.settings import Settings

FILE = "usecase.yaml"


@dataclass(frozen=True)
class UseCase:
    """A use case: its folder and what its ``usecase.yaml`` says."""

    folder: Path
    config: UseCaseConfig

    @property
    def name(self) -> str:
        return self.config.name

    def source(self) -> ModuleType:
        """Load the module that reads from the outside; raises :class:`ConfigError` without one."""
        source = self.config.source
        if not isinstance(source, PythonSource):
            raise ConfigError(
                "the source of this use case is no Python file",
                usecase=self.name,
                found=f"kind {source.kind}",
            )
        return load_module(self.folder / source.file, usecase=self.name)

    def dataset(self, name: str) -> Dataset:
        """The dataset of that name; raises :class:`ConfigError` naming the near match."""
        known = self.config.datasets
        if name not in known:
            raise ConfigError(
                "the use case has no such dataset",
                usecase=self.name,
                found=name,
                expected=", ".join(sorted(known)),
                hint=_suggest(name, known),
            )
        return known[name]

    def features_file(self) -> Path:
        """The file that computes the feature set."""
        return self.folder / self.config.features.file


def find_usecases(settings: Settings) -> dict[str, UseCase]:
    """All use cases of all folders, by name, sorted; raises :class:`ConfigError`."""
    found: dict[str, UseCase] = {}
    for folder in settings.usecase_folders:
        if not folder.is_dir():
            raise ConfigError(
                "a folder of use cases is missing", found=folder, hint="look at LAUREL_USECASES"
            )
        for file in sorted(folder.glob(f"*/{FILE}")):
            usecase = load_usecase(file.parent)
            if usecase.name in found:
                raise ConfigError(
                    "two folders hold the same use case",
                    usecase=usecase.name,
                    found=f"{found[usecase.name].folder} and {usecase.folder}",
                    hint="rename one of them",
                )
            found[usecase.name] = usecase
    return dict(sorted(found.items()))


def get_usecase(name: str, settings: Settings) -> UseCase:
    """The use case of that name; raises :class:`ConfigError` naming the near match."""
    usecases = find_usecases(settings)
    if name not in usecases:
        raise ConfigError(
            "there is no such use case",
            usecase=name,
            expected=", ".join(usecases) or "none is configured",
            hint=_suggest(name, usecases),
        )
    return usecases[name]


def load_usecase(folder: Path) -> UseCase:
    """Read one folder; raises :class:`ConfigError` for what is not allowed in it."""
    file = folder / FILE
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("this use case cannot be read", found=error, detail=str(file)) from error
    return _parse(folder, text)


@lru_cache(maxsize=256)
def _parse(folder: Path, text: str) -> UseCase:
    """What a text says; parsed once, since every task and every DAG file reads all of them."""
    file = folder / FILE
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 (safe loader)
    except yaml.YAMLError as error:
        raise ConfigError("this use case cannot be read", found=error, detail=str(file)) from error
    try:
        config = UseCaseConfig.model_validate(document)
    except ValidationError as error:
        raise _explain(error, folder) from error
    if config.name != folder.name:
        raise ConfigError(
            "a use case is named as its folder",
            found=config.name,
            expected=folder.name,
            detail=str(file),
        )
    return UseCase(folder=folder, config=config)


class _Loader(Loader):  # type: ignore[misc]
    """Refuses a key that is given twice, of which YAML keeps the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", node.start_mark
                )
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return made


def load_module(file: Path, *, usecase: str) -> ModuleType:
    """Import a use case's Python file by its content, so that an edited file is a new module."""
    try:
        code = file.read_bytes()
    except OSError as error:
        raise ConfigError(
            "a file of the use case is missing", usecase=usecase, found=file
        ) from error
    return _module(file, usecase, hashlib.sha256(code).hexdigest()[:16])


class _Uncached(SourceFileLoader):
    """Reads and writes no bytecode: a model's folder must not gain files, nor an edit be missed."""

    def path_stats(self, path: str) -> Mapping[str, Any]:  # noqa: ARG002
        raise OSError("no bytecode beside a use case's code")


@lru_cache(maxsize=64)
def _module(file: Path, usecase: str, version: str) -> ModuleType:
    name = f"laurel_usecases.{usecase}.{file.stem}_{version}"
    spec = importlib.util.spec_from_file_location(name, file, loader=_Uncached(name, str(file)))
    if spec is None or spec.loader is None:
        raise ConfigError("a file of the use case is not Python", usecase=usecase, found=file)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except LaurelError:
        raise
    except Exception as error:
        raise ConfigError(
            "a file of the use case cannot be loaded",
            usecase=usecase,
            found=f"{type(error).__name__}: {error}",
            detail=str(file),
        ) from error
    return module


def _explain(error: ValidationError, folder: Path) -> ConfigError:
    lines = []
    hint = None
    for fault in error.errors()[:5]:
        place = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            allowed = _allowed(fault["loc"][:-1])
            key = str(fault["loc"][-1])
            lines.append(f"{place}: unknown key; allowed: {', '.join(allowed) or 'none'}")
            hint = hint or _suggest(key, allowed)
        else:
            lines.append(f"{place}: {fault['msg']}")
    return ConfigError(
        f"{FILE} says {error.error_count()} thing(s) that are not allowed",
        usecase=folder.name,
        found="\n".join(lines),
        detail=str(folder / FILE),
        hint=hint,
    )


def _suggest(word: str, known: Iterable[str]) -> str | None:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else None


def _allowed(path: tuple[int | str, ...]) -> list[str]:
    """Keys allowed at a place in the configuration, found by walking the models' fields."""
    places: list[Any] = [UseCaseConfig]
    for part in path:
        places = [after for place in places for after in _step(place, part)]
    return sorted({key for place in places for key in _keys(place)})


def _step(place: Any, part: int | str) -> list[Any]:
    """The annotations at a field of a model, a value of a mapping, an item, a kind of a union."""
    origin, arguments = get_origin(place), get_args(place)
    if _is_model(place):
        field = place.model_fields.get(str(part))
        return [field.annotation] if field else []
    if origin is Annotated:
        return _step(arguments[0], part)
    if origin in (dict, tuple):
        return [arguments[1 if origin is dict else 0]]
    # a union, which may stand in another one: a kind that may also be left out
    nested = [after for kind in arguments if get_args(kind) for after in _step(kind, part)]
    return nested + [kind for kind in arguments if _is_model(kind) and part in _tags(kind)]


def _keys(place: Any) -> list[str]:
    if _is_model(place):
        return list(place.model_fields)
    kinds = get_args(place)[:1] if get_origin(place) is Annotated else get_args(place)
    return [key for kind in kinds for key in _keys(kind)]


def _tags(model: type[BaseModel]) -> set[Any]:
    """What pydantic calls a member of a union: its name, or a value of the field that tells it."""
    values = (get_args(field.annotation) for field in model.model_fields.values())
    return {model.__name__, *(value for each in values for value in each)}


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
