"""Two runs side by side: what is said to differ does, and what is the same is not named."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from laurel.domain.bundle import Bundle, Code, Environment
from laurel.domain.comparison import Facts, compare_runs
from laurel.pages.comparison import render_comparison


def scope(name: str | None, auc: float, champion: float | None) -> dict[str, Any]:
    against = {
        "auc": {
            "challenger": auc,
            "reference": champion,
            "gain": auc - (champion or 0),
            "bounds": {"0.95": [-0.01, 0.05]},
        }
    }
    return {
        "slice": name,
        "rows": 500,
        "compared_rows": 480 if champion else 0,
        "metrics": {
            "auc": {"value": auc, "bounds": {"0.95": [auc - 0.02, auc + 0.02]}},
            "log_loss": {"value": 1 - auc, "bounds": {"0.95": None}},
        },
        "champion": against if champion else {},
    }


def line(day: int, revision: int = 1) -> dict[str, Any]:
    md5 = f"{day:016d}{revision:016d}"
    return {"partition": f"2024-01-{day:02d}", "revision": revision, "rows": 10, "md5": md5}


def facts(number: int, *, auc: float, days: range, champion: str | None = None) -> Facts:
    bundle = Bundle(
        id=f"{number}" * 16,
        kind="train",
        usecase="toy",
        as_of=datetime(2024, 2, number, tzinfo=UTC),
        model_version=f"toy-2024020{number}-{number * 11111111}",
        code=Code(commit="c" * 40, dirty=False, version="0.1.0"),
        environment=Environment(python="3.12.1", packages="p" * 64, machine="x", libc="glibc"),
        parameters={"training": {"model": {"seed": 7, "params": {"max_depth": 3}}}},
        inputs={"datasets": {"visits": [line(day) for day in days]}},
        verdict={
            "outcome": "promote",
            "reasons": ["good"],
            "checks": [
                {"kind": "at_least", "metric": "auc", "slice": where, "found": auc,
                 "required": 0.65, "verdict": "pass"}
                for where in (None, "shop=north")
            ],
        },
    )  # fmt: skip
    evidence = {
        "as_of": "2024-02-01T00:00:00Z",
        "objective": "binary",
        "champion": champion,
        "holdout": [f"2024-01-{days[-2]:02d}", f"2024-01-{days[-1]:02d}"],
        "overall": scope(None, auc, 0.7 if champion else None),
        "slices": [scope("shop=north", auc, None)],
    }
    return Facts(
        bundle=bundle,
        evidence=evidence,
        importance=[{"name": "amount", "gain_share": 0.8}, {"name": "hour", "gain_share": 0.2}],
        window={"days": {"train": [f"2024-01-{days[0]:02d}", f"2024-01-{days[-3]:02d}"]}},
        packages=("numpy==2.1.0", "xgboost-cpu==3.2.0"),
        code={"include/laurel/stages/train.py": "a"},
    )


@pytest.fixture
def first() -> Facts:
    return facts(1, auc=0.70, days=range(1, 11))


@pytest.fixture
def second(first: Facts) -> Facts:
    return facts(2, auc=0.72, days=range(3, 13), champion=first.bundle.model_version)


def test_a_run_beside_itself_differs_in_nothing(first: Facts) -> None:
    found = compare_runs(first, first)

    assert found["parameters"] == found["environment"] == found["code"]["files"] == []
    (visits,) = found["data"]["datasets"]
    assert (visits["same"], visits["only"], visits["revised"]) == (10, [[], []], [])
    assert {line["gain"] for line in found["metrics"]["overall"]} == {0.0}
    assert found["metrics"]["same_rows"]
    assert found["metrics"]["paired"] is None


def test_partitions_are_told_by_stretch_and_revisions_one_by_one(
    first: Facts, second: Facts
) -> None:
    second.bundle.inputs["datasets"]["visits"][3] = line(6, revision=2)
    second.bundle.inputs["superseded"] = {"visits": [line(6, revision=1)]}

    (visits,) = compare_runs(first, second)["data"]["datasets"]

    assert visits["only"] == [[["2024-01-01", "2024-01-02"]], [["2024-01-11", "2024-01-12"]]]
    assert visits["same"] == 7
    (revised,) = visits["revised"]
    assert (revised["partition"], revised["revisions"]) == ("2024-01-06", [1, 2])
    assert visits["superseded"] == [0, 1]
    page = render_comparison(compare_runs(first, second))
    assert "1 as superseded, too" in page


def test_parameters_code_and_packages_are_named_with_both_values(
    first: Facts, second: Facts
) -> None:
    parameters = deepcopy(second.bundle.parameters)
    parameters["training"]["model"]["params"] = {"max_depth": 5, "eta": 0.1}
    environment = second.bundle.environment.model_copy(
        update={"python": "3.12.4", "packages": "q" * 64}
    )
    bundle = second.bundle.model_copy(update={"parameters": parameters, "environment": environment})
    other = replace(
        second, bundle=bundle, packages=("numpy==2.2.0", "new==1"), code={"include/a.py": "b"}
    )

    found = compare_runs(first, other)

    assert found["parameters"] == [
        {"name": "training.model.params.max_depth", "values": [3, 5]},
        {"name": "training.model.params.eta", "values": [None, 0.1]},
    ]
    assert found["environment"] == [
        {"name": "python", "values": ["3.12.1", "3.12.4"]},
        {"name": "new", "values": [None, "1"]},
        {"name": "numpy", "values": ["2.1.0", "2.2.0"]},
        {"name": "xgboost-cpu", "values": ["3.2.0", None]},
    ]
    assert found["code"]["files"] == ["include/a.py", "include/laurel/stages/train.py"]


def test_a_gain_above_zero_is_better_for_every_metric(first: Facts, second: Facts) -> None:
    auc, log_loss = compare_runs(first, second)["metrics"]["overall"]

    assert auc["gain"] == pytest.approx(0.02)
    assert log_loss["gain"] == pytest.approx(0.02)  # less of it is better
    assert log_loss["values"][0]["bounds"] is None


@pytest.mark.parametrize("turned", [False, True])
def test_a_champion_and_its_challenger_are_compared_on_the_same_rows(
    first: Facts, second: Facts, turned: bool
) -> None:
    pair = (second, first) if turned else (first, second)

    paired = compare_runs(*pair)["metrics"]["paired"]

    assert pair[paired["challenger"]] is second
    assert paired["rows"] == 480
    assert paired["metrics"][0]["bounds"] == [-0.01, 0.05]


class _Tags(HTMLParser):
    """Counts what is opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else_and_escapes_everything(first: Facts, second: Facts) -> None:
    other = replace(second, importance=[{"name": "<script>x</script>", "gain_share": 1.0}])

    page = render_comparison(compare_runs(first, other))

    assert "<script" not in page
    assert "&lt;script&gt;x" in page
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    parser = _Tags()
    parser.feed(page)
    assert parser.open == []
    assert "+0.0200" in page
    assert "prefers-color-scheme: dark" in page
    assert "On the same 480 rows" in page
    assert "1 check of a slice passed in both" in page
