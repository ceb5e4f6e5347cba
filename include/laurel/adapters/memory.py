"""What this process has worked out of bytes before, under a digest of those bytes.

Equal bytes give it again: the head of a journal that they fold to, the listing that they hold.
Whether the store still holds those bytes is for the reader to check.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

KEPT = 32
"""Values: the largest, the head of a catalog of ten years, is some two megabytes."""

_values: OrderedDict[tuple[object, ...], Any] = OrderedDict()
_lock = Lock()


def remember(key: tuple[object, ...], value: Any) -> None:
    """Keep a value, in place of the one that was asked for longest ago; it must never change."""
    with _lock:
        _values[key] = value
        _values.move_to_end(key)
        while len(_values) > KEPT:
            _values.popitem(last=False)


def recall(key: tuple[object, ...]) -> Any | None:
    """The value kept under a key, if it still is."""
    with _lock:
        if key in _values:
            _values.move_to_end(key)
        return _values.get(key)
