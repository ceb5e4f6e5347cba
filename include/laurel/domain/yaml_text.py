"""YAML as plain values, read by LibYAML where PyYAML was built with it: seven times faster."""

from __future__ import annotations

from typing import Any

import yaml

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Any:
    """What a text says, as plain values; raises :class:`yaml.YAMLError`.

    >>> read_yaml("stages: {train: {cmd: laurel stage train flights}}")
    {'stages': {'train': {'cmd': 'laurel stage train flights'}}}
    """
    return yaml.load(text, Loader)  # noqa: S506 (a safe loader, either way)
