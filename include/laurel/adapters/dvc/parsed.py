"""DVC reads and writes its YAML slowly, again and again: here each text is made and parsed once.

A training of seven stages parses the same ``dvc.yaml``, ``params.yaml`` and ``dvc.lock`` 110 times,
which costs more than all that DVC does besides. Texts are the key, so what is read is never old,
and what DVC has just written it need not parse at all. ``dvc.lock`` is written anew after each
stage, and what is new in it was written into the run cache just before; the text of a stage is
made once.
"""

from __future__ import annotations

import copy
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO
from unittest.mock import patch

from dvc.utils import strictyaml
from dvc.utils.serialize import _yaml

KEPT = 64
"""Texts: a training has some twenty."""

STAGES = "stages:\n"
STAGE = {"cmd", "deps", "params", "outs"}
"""What ``dvc.lock`` says of a stage, and an entry of the run cache by itself."""
NAME = "a"
"""Stands for the name of a stage: a plain word, as most names are."""
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
"""Names that YAML would take for something else."""

Key = tuple[str, str]
"""How a text is parsed (``safe``, or ``rt`` to be written again), and the text."""
_PARSED: dict[Key, Any] = {}
_STAGES: dict[str, str] = {}
"""The text of a stage of ``dvc.lock``, by what Python says of the stage."""


@contextmanager
def parsing_once() -> Iterator[None]:
    """Let DVC parse each text of YAML once, for as long as the block lasts."""
    texts = _Texts()
    with (
        patch.object(_yaml, "parse_yaml", texts.parse),
        patch.object(strictyaml, "parse_yaml", texts.parse),
        patch.object(_yaml, "_dump", texts.dump),
    ):
        yield


class _Texts:
    """What each text holds; of what DVC is given it gets a copy, since it changes it."""

    def __init__(self) -> None:
        self._parse, self._dump = _yaml.parse_yaml, _yaml._dump

    def parse(self, text: str, path: object, typ: str = "safe") -> Any:
        key = (typ, text)
        if key not in _PARSED:
            _keep(_PARSED, key, self._parse(text, path, typ=typ))
        return copy.deepcopy(_PARSED[key])

    def dump(self, data: Any, stream: TextIO) -> Any:
        if list(data) == ["schema", "stages"]:
            text = self._lock(data)
        elif "cmd" in data and data.keys() <= STAGE:
            text = _outdented(self._body(data))
        else:
            text = self._text(data)
        _keep(_PARSED, ("rt", text), copy.deepcopy(data))
        _keep(_PARSED, ("safe", text), _plain(data))
        stream.write(text)

    def _text(self, data: Any) -> str:
        written = io.StringIO()
        self._dump(data, written)
        return written.getvalue()

    def _lock(self, data: Mapping[str, Any]) -> str:
        """The text of ``dvc.lock``, put together from those of its stages."""
        if not data["stages"]:
            return self._text(data)
        head = f"{self._text({'schema': data['schema']})}{STAGES}"
        return head + "".join(self._stage({name: one}) for name, one in data["stages"].items())

    def _stage(self, stage: Mapping[str, Any]) -> str:
        ((name, said),) = stage.items()
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name) or name.lower() in WORDS:
            return self._text({"stages": stage}).removeprefix(STAGES)
        return f"  {name}:\n{self._body(said)}"

    def _body(self, stage: Mapping[str, Any]) -> str:
        """What stands below the name of a stage, where lines are broken by how far they are in."""
        said = repr(_plain(stage))
        if said not in _STAGES:
            text = self._text({"stages": {NAME: stage}}).removeprefix(f"{STAGES}  {NAME}:\n")
            _keep(_STAGES, said, text)
        return _STAGES[said]


def _outdented(body: str) -> str:
    """The body of a stage as a text of its own: all of it four places further out."""
    return re.sub(r"^ {4}", "", body, flags=re.MULTILINE)


def _keep(known: dict[Any, Any], key: Any, value: Any) -> None:
    while len(known) >= KEPT:
        del known[next(iter(known))]
    known[key] = value


def _plain(data: Any) -> Any:
    """The same as parsing gives it: dictionaries and lists, whatever they were before."""
    if isinstance(data, Mapping):
        return {key: _plain(value) for key, value in data.items()}
    return [_plain(value) for value in data] if isinstance(data, list | tuple) else data
