"""What a correction changes, compared value by value, and the page that says so."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laurel.domain.ledger import LedgerState
from laurel.domain.restatement import (
    TOP,
    compare_predictions,
    compare_reports,
    compare_verdicts,
    reigns_if,
    sentence,
    sum_changes,
)
from laurel.pages.restatement import render_restatement
from support.records import decision

HOSTILE = "<script>alert(1)</script>"
scores = st.dictionaries(st.integers(0, 40), st.floats(0, 1), max_size=40)


def table(said: dict[int, float], *, threshold: float | None = 0.5) -> pd.DataFrame:
    values = list(said.values())
    decided = [None if threshold is None else value >= threshold for value in values]
    return pd.DataFrame(
        {
            "id": pd.Series([f"row-{number:02}" for number in said], dtype="str"),
            "score": pd.Series(values, dtype="float64"),
            "decision": pd.Series(decided, dtype="boolean"),
        }
    )


def check(verdict: str, *, slice_: str | None = None) -> dict[str, Any]:
    return {
        "kind": "at_least",
        "metric": "auc",
        "slice": slice_,
        "verdict": verdict,
        "reason": f"auc would {verdict}",
    }


def verdict(outcome: str, auc: float | None, *checks: dict[str, Any]) -> dict[str, Any]:
    return {"outcome": outcome, "metrics": {"auc": auc}, "checks": list(checks)}


def report(*checks: str, auc: float | None = 0.7) -> dict[str, Any]:
    alarms = [
        {"check": name, "severity": "warning", "reason": f"{name} is high"} for name in checks
    ]
    return {"verdict": "a verdict", "alarms": alarms, "realised": realised(auc)}


def realised(auc: float | None) -> dict[str, Any]:
    return {"champion": {"metrics": {"auc": auc}}}


@given(scores, scores)
def test_predictions_are_compared_row_by_row(
    known: dict[int, float], corrected: dict[int, float]
) -> None:
    found = compare_predictions(table(known), table(corrected), key=["id"], partition="2024-02-05")
    both = known.keys() & corrected.keys()
    gaps = {number: abs(known[number] - corrected[number]) for number in both}

    assert found.rows == len(both)
    assert found.changed == sum(gap > 0 for gap in gaps.values())
    assert found.total == pytest.approx(sum(gaps.values()))
    assert found.largest == max(gaps.values(), default=0.0)
    assert found.flipped == sum((known[n] >= 0.5) != (corrected[n] >= 0.5) for n in both)
    assert (found.added, found.removed) == (len(corrected) - len(both), len(known) - len(both))
    expected = sorted((gap for gap in gaps.values() if gap > 0), reverse=True)[:TOP]
    assert [row["change"] for row in found.top] == expected


def test_nothing_flips_where_nothing_is_decided() -> None:
    known, corrected = (table({1: value}, threshold=None) for value in (0.1, 0.9))
    found = compare_predictions(known, corrected, key=["id"], partition="2024-02-05")

    assert (found.changed, found.flipped) == (1, 0)
    assert found.top[0]["decision"] is None


def test_partitions_are_summed_and_the_rows_that_change_most_are_kept() -> None:
    days = [
        compare_predictions(
            table(dict.fromkeys(range(30), 0.5)),
            table({number: 0.5 + (day + 1) * number / 1000 for number in range(30)}),
            key=["id"],
            partition=f"2024-02-0{day + 1}",
        )
        for day in range(2)
    ]
    found = sum_changes(days)

    assert (found["partitions"], found["rows"], found["changed"]) == (2, 60, 58)
    assert len(found["top"]) == TOP
    assert found["top"][0]["partition"] == "2024-02-02"
    assert found["largest_change"] == pytest.approx(0.058)
    assert found["mean_change"] == pytest.approx(sum(3 * n / 1000 for n in range(30)) / 60)


def test_thresholds_that_say_another_thing_are_named() -> None:
    known = verdict("promote", 0.7, check("pass"), check("pass", slice_="shop=east"))
    corrected = verdict("reject", None, check("fail"), check("pass", slice_="shop=east"))
    found = compare_verdicts(known, corrected)

    assert found["flipped"]
    assert [(each["known"], each["corrected"]) for each in found["thresholds"]] == [
        ("pass", "fail")
    ]
    assert found["metrics"] == {"auc": {"known": 0.7, "corrected": None}}
    assert not compare_verdicts(known, known)["flipped"]


def test_who_would_have_reigned_follows_from_the_ledger_with_the_decision_turned() -> None:
    first, second, third = (
        decision(7 * number, name=f"model-{number}", inputs=str(number)) for number in (1, 2, 3)
    )
    history = [
        each.model_copy(update={"number": n}) for n, each in enumerate((first, second, third))
    ]
    state = LedgerState(tuple(history))

    (found,) = reigns_if(state, {second.run or "": "reject"})
    assert (found["known"], found["corrected"]) == ("model-2", "model-1")
    assert found["end"] == "2013-07-23T00:00:00Z"
    assert reigns_if(state, {second.run or "": "promote"}) == []
    (last,) = reigns_if(state, {third.run or "": "reject"})
    assert last["end"] is None


def test_a_decision_of_a_person_is_not_turned() -> None:
    approved = decision(7, "approved", name="one").model_copy(update={"decided_by": "ada"})

    assert reigns_if(LedgerState((approved,)), {approved.run or "": "reject"}) == []


def test_alarms_that_would_differ_are_told_by_their_reasons() -> None:
    found = compare_reports(report("drift/a", "drift/b"), report("drift/b", "drift/c"))

    assert found["differs"]
    assert found["gone"] == ["drift/a is high"]
    assert found["new"] == ["drift/c is high"]
    assert not compare_reports(report("drift/a"), report("drift/a", auc=None))["differs"]


def document(**other: Any) -> dict[str, Any]:
    training = {
        "as_of": "2024-02-12T00:00:00Z",
        "run": "a" * 16,
        "model_version": "toy-1",
        "corrected_run": "b" * 16,
        "corrected_version": "toy-2",
        **compare_verdicts(
            verdict("promote", 0.7, check("pass")), verdict("reject", None, check("fail"))
        ),
    }
    known, corrected = table({1: 0.4, 2: 0.6}), table({1: 0.6, 2: 0.6})
    changed = compare_predictions(known, corrected, key=["id"], partition="2024-02-13")
    said = {
        "usecase": "toy",
        "run": "c" * 16,
        "dataset": "visits",
        "partitions": [{"partition": "2024-02-05", "revision": 2}],
        "known_by": "2024-03-01T00:00:00Z",
        "left_out": 0,
        "replaced": 0,
        "trainings": [training],
        "reigns": [
            {"start": "2024-02-13T00:00:00Z", "end": None, "known": "toy-1", "corrected": None}
        ],
        "predictions": sum_changes([changed]),
        "reports": [
            {"partition": "2024-02-13", "run": "d" * 16}
            | compare_reports(report("drift/a"), report(auc=None))
        ],
        **other,
    }
    return {**said, "sentence": sentence(said)}


def empty() -> dict[str, Any]:
    return document(trainings=[], reigns=[], predictions=sum_changes([]), reports=[])


def test_the_sentence_says_how_much_differs() -> None:
    assert document()["sentence"] == (
        "With visits of 2024-02-05 as corrected, 1 of 1 decision would have flipped, 1 of "
        "2 predictions change by up to 0.200, 1 would be decided the other way, and 1 of 1 report "
        "would have other alarms."
    )
    assert "0 of 0 decisions" in empty()["sentence"]


class Tags(HTMLParser):
    """Collects tags, and what they fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


@pytest.mark.parametrize("made", [document(), empty()])
def test_the_page_begins_with_its_sentence_and_fetches_nothing(made: dict[str, Any]) -> None:
    page = render_restatement(made, title="Visits")
    tags = Tags()
    tags.feed(page)

    assert page.index(made["sentence"]) < page.index("<h2>")
    assert "script" not in tags.tags
    assert all(link == "data:," or link.startswith("../") for link in tags.links)
    for word in ("nan", "None", "inf"):
        assert f">{word}<" not in page


def test_hostile_words_are_only_words() -> None:
    page = render_restatement(document(dataset=HOSTILE), title=HOSTILE)

    assert HOSTILE not in page
    assert page.count("&lt;script&gt;") >= 3


def test_of_several_scores_the_one_that_moved_most_is_named_and_classes_flip() -> None:
    names = ("score_a", "score_b")
    known = pd.DataFrame(
        {"id": ["x", "y"], "score_a": [0.9, 0.4], "score_b": [0.1, 0.6], "decision": ["a", "b"]}
    )
    corrected = known.assign(score_a=[0.4, 0.4], score_b=[0.7, 0.6], decision=["b", "b"])
    found = compare_predictions(known, corrected, key=["id"], partition="d", scores=names)
    assert (found.changed, found.flipped) == (1, 1)
    assert found.largest == pytest.approx(0.6)
    (row,) = found.top
    assert (row["score"], row["decision_known"], row["decision"]) == ("score_b", "a", "b")


def test_scores_without_a_decision_are_compared_and_flip_nothing() -> None:
    known = pd.DataFrame({"id": ["x", "y"], "score": [10.0, 20.0]})
    found = compare_predictions(
        known, known.assign(score=[10.0, 26.0]), key=["id"], partition="2024-01-01"
    )
    assert (found.changed, found.flipped, found.total) == (1, 0, 6.0)
    assert found.top[0]["decision"] is None
