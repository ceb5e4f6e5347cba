"""DVC reads its YAML with a slow parser, again and again: here each text is parsed once.

A training of seven stages parses the same ``dvc.yaml``, ``params.yaml`` and ``dvc.lock`` 110 times,
which costs more than all that DVC does besides. Texts are the key, so what is read is never old,
and what DVC has just written it need not parse at all.
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

Key = tuple[str, str]
"""How a text is parsed (``safe``, or ``rt`` to be written again), and the text."""


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
        self._known: dict[Key, Any] = {}
        self._parse, self._dump = _yaml.parse_yaml, _yaml._dump

    def parse(self, text: str, path: object, typ: str = "safe") -> Any:
        key = (typ, text)
        if key not in self._known:
            self._keep(key, self._parse(text, path, typ=typ))
        return copy.deepcopy(self._known[key])

    def dump(self, data: Any, stream: TextIO) -> Any:
        written = io.StringIO()
        self._dump(data, written)
        text = written.getvalue()
        self._keep(("rt", text), copy.deepcopy(data))
        self._keep(("safe", text), _plain(data))
        stream.write(text)

    def _keep(self, key: Key, value: Any) -> None:
        while len(self._known) >= KEPT:
            del self._known[next(iter(self._known))]
        self._known[key] = value


def _plain(data: Any) -> Any:
    """The same as parsing gives it: dictionaries and lists, whatever they were before."""
    if isinstance(data, Mapping):
        return {key: _plain(value) for key, value in data.items()}
    return [_plain(value) for value in data] if isinstance(data, list | tuple) else data
