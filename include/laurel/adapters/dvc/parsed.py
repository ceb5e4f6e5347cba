"""DVC reads and writes its YAML slowly, again and again: here each text is made and parsed once.

A training of seven stages parses the same ``dvc.yaml``, ``params.yaml`` and ``dvc.lock`` 110 times,
which costs more than all that DVC does besides. Texts are the key, so what is read is never old,
and what DVC has just written it need not parse at all. ``dvc.lock`` is written anew after each
stage; the text of a stage is made once.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO
from unittest.mock import patch

from dvc.utils import strictyaml
from dvc.utils.serialize import _yaml

KEPT = 64
"""Texts: a training has some twenty."""

STAGES = "stages:\n"

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
        text = self._lock(data) if list(data) == ["schema", "stages"] else self._text(data)
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
        said = repr(_plain(stage))
        if said not in _STAGES:
            # below its key, since lines are broken by how far they are indented
            text = self._text({"stages": stage}).removeprefix(STAGES)
            _keep(_STAGES, said, text)
        return _STAGES[said]


def _keep(known: dict[Any, Any], key: Any, value: Any) -> None:
    while len(known) >= KEPT:
        del known[next(iter(known))]
    known[key] = value


def _plain(data: Any) -> Any:
    """The same as parsing gives it: dictionaries and lists, whatever they were before."""
    if isinstance(data, Mapping):
        return {key: _plain(value) for key, value in data.items()}
    return [_plain(value) for value in data] if isinstance(data, list | tuple) else data
