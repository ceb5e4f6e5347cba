"""What a challenger was trained on and with, against the champion that it met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from laurel.domain.comparison import changed_values
from laurel.domain.read_data import compare_datasets, compare_days


def since_champion(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What changed in data and parameters since the champion was trained.

    Both: ``model_version``, ``as_of``, ``window``, ``inputs``, ``parameters`` of the training's
    bundle, and ``rows`` of its model: how many, and what is said of their labels.
    """
    return {
        "champion": before["model_version"],
        "as_of": [before["as_of"], now["as_of"]],
        "days": compare_days(before["window"], now["window"]),
        "datasets": compare_datasets(before["inputs"], now["inputs"]),
        "labels": list(_label_lines(before["rows"], now["rows"])),
        "parameters": list(changed_values("", before["parameters"], now["parameters"])),
    }


def _label_lines(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows and what is said of the labels, of train and validation days."""
    for part in ("train", "validation"):
        yield {
            "part": part,
            "rows": [each.get(part) for each in (before, now)],
            "labels": [dict(each.get(f"{part}_labels") or {}) for each in (before, now)],
        }
