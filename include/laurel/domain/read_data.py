"""The data that two runs read, side by side: days, partitions and their revisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_PARTS = ("history", "train", "validation", "holdout")


def compare_days(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The first and the last day of each part of two windows, as ``window.json`` has them."""
    ends = [
        {name: [days[name][0], days[name][-1]] for name in _PARTS if days.get(name)}
        for days in (first.get("days", {}), second.get("days", {}))
    ]
    return [
        {"part": name, "values": [ends[0].get(name), ends[1].get(name)]}
        for name in _PARTS
        if name in ends[0] or name in ends[1]
    ]


def compare_datasets(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What two runs read of each dataset, from the inputs in their bundles."""
    names = sorted(first["datasets"].keys() | second["datasets"].keys())
    return [
        {
            **_dataset(name, first["datasets"].get(name, ()), second["datasets"].get(name, ())),
            "superseded": [
                len(inputs.get("superseded", {}).get(name, ())) for inputs in (first, second)
            ],
        }
        for name in names
    ]


def _dataset(
    name: str, first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Which partitions only one run read, and which both read in other revisions."""
    before, after = ({line["partition"]: line for line in lines} for lines in (first, second))
    both = sorted(before.keys() & after.keys())
    among = sorted(before.keys() | after.keys())
    return {
        "dataset": name,
        "partitions": [len(before), len(after)],
        "rows": [sum(line["rows"] for line in lines) for lines in (first, second)],
        "same": sum(before[key]["md5"] == after[key]["md5"] for key in both),
        "only": [
            stretches(sorted(before.keys() - after.keys()), among),
            stretches(sorted(after.keys() - before.keys()), among),
        ],
        "revised": [
            {
                "partition": key,
                "revisions": [before[key]["revision"], after[key]["revision"]],
                "rows": [before[key]["rows"], after[key]["rows"]],
            }
            for key in both
            if before[key]["md5"] != after[key]["md5"]
        ],
    }


def stretches(partitions: Sequence[str], among: Sequence[str]) -> list[list[str]]:
    """Partitions as the first and the last of each unbroken stretch among all those there are.

    >>> stretches(["2024-01-01", "2024-01-02", "2024-01-05"],
    ...           ["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05"])
    [['2024-01-01', '2024-01-02'], ['2024-01-05', '2024-01-05']]
    """
    wanted, found = set(partitions), []
    run: list[str] = []
    for key in sorted(among):
        if key in wanted:
            run.append(key)
        elif run:
            found.append([run[0], run[-1]])
            run = []
    return [*found, [run[0], run[-1]]] if run else found
