"""The statistics of the benchmarks, and how they measure a process."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def _on_the_path() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield


@pytest.fixture
def pairs() -> ModuleType:
    return importlib.import_module("pairs")


@pytest.fixture
def processes() -> ModuleType:
    return importlib.import_module("processes")


def test_sides_take_turns_after_one_warm_up_of_each(pairs: ModuleType) -> None:
    order: list[str] = []

    def side(name: str) -> object:
        return lambda: order.append(name) or pairs.Sample(float(len(order)))

    samples = pairs.interleave({"ours": side("A"), "rival": side("B")}, runs=3)

    assert "".join(order) == "AB" + "ABABAB"
    assert [sample.seconds for sample in samples["ours"]] == [3.0, 5.0, 7.0]
    assert [sample.seconds for sample in samples["rival"]] == [4.0, 6.0, 8.0]


def test_spread_is_the_median_and_both_ends(pairs: ModuleType) -> None:
    assert pairs.Spread.of([5.0, 1.0, 2.0]) == pairs.Spread(median=2.0, low=1.0, high=5.0)
    assert pairs.Spread.of([4.0, 1.0]).median == 2.5


def test_nothing_has_no_median(pairs: ModuleType) -> None:
    with pytest.raises(ValueError, match="nothing"):
        pairs.Spread.of([])


def test_the_ratio_is_taken_within_each_pair_and_not_between_medians(pairs: ModuleType) -> None:
    # the machine was ten times slower in the second pair: the ratio does not see it
    samples = {
        "ours": [pairs.Sample(2.0), pairs.Sample(20.0), pairs.Sample(3.0)],
        "rival": [pairs.Sample(1.0), pairs.Sample(10.0), pairs.Sample(1.0)],
    }

    found = pairs.Comparison("title", samples).ratio("ours", "seconds")

    assert found == pairs.Spread(median=2.0, low=2.0, high=3.0)


def test_a_pair_that_lacks_its_half_is_refused(pairs: ModuleType) -> None:
    with pytest.raises(ValueError, match="zip"):
        pairs.ratios([1.0, 2.0], [1.0])


def test_what_was_not_measured_has_no_spread_and_no_ratio(pairs: ModuleType) -> None:
    samples = {"ours": [pairs.Sample(2.0, 1.0)], "rival": [pairs.Sample(1.0, None)]}
    comparison = pairs.Comparison("title", samples)

    assert comparison.spread("rival", "cpu_seconds") is None
    assert comparison.ratio("ours", "cpu_seconds") is None
    assert comparison.spread("ours", "cpu_seconds") == pairs.Spread(1.0, 1.0, 1.0)


def test_the_document_of_a_comparison_is_json_and_holds_every_sample(pairs: ModuleType) -> None:
    samples = {"ours": [pairs.Sample(2.0, 1.0, 7)], "rival": [pairs.Sample(1.0)]}

    document = json.loads(json.dumps(pairs.Comparison("title", samples, {"rows": 3}).document()))

    assert document["rival"] == "rival"
    assert document["facts"] == {"rows": 3}
    read = {side: found["samples"] for side, found in document["sides"].items()}
    assert pairs.read_samples(read) == samples


def test_a_process_is_measured_with_its_children(processes: ModuleType, tmp_path: Path) -> None:
    grandchild = "x = b'x' * 100_000_000"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"

    found = processes.run_process(
        [sys.executable, "-c", child], environ=processes.environment(), log=tmp_path / "log"
    )

    assert found.peak_bytes > 100_000_000
    assert found.cpu_seconds > 0
    assert found.seconds > 0


def test_a_failed_process_is_no_sample_and_says_why(processes: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(processes.ProcessFailed, match="no such column"):
        processes.run_process(
            [sys.executable, "-c", "raise SystemExit('no such column')"],
            environ=processes.environment(),
            log=tmp_path / "log",
        )


def test_a_measured_process_sees_no_settings_of_the_shell(
    processes: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUREL_STORE", "s3://production")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    found = processes.environment(LAUREL_HOME="/here")

    assert found["LAUREL_HOME"] == "/here"
    assert not {"LAUREL_STORE", "PYTHONDONTWRITEBYTECODE"} & set(found)
