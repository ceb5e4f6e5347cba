"""The model card: its numbers are those of the evidence, its limits those of the figures."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from laurel.domain.bundle import Bundle
from laurel.domain.card import Made, make_card
from laurel.domain.config.card import Card
from laurel.domain.ledger import LedgerState
from laurel.domain.limits import derive_limits
from laurel.domain.scorecurve import at_threshold
from laurel.domain.standing import standing
from laurel.pages.card import END, START, render_card, with_standing
from laurel.pages.names import METRIC_NAMES
from laurel.usecase import UseCase
from support.carding import made_of, run_stages
from support.records import decision
from support.synthetic import lay_window, load_toy

HOSTILE = "<script>alert('x')</script>"
WRITTEN = Card(
    intended_use="Pack fewer boxes",
    users="The shop",
    out_of_scope=("Firing people",),
    risks=("Snow",),
    ethics=("Nobody is named",),
    recommendations=("Look twice",),
    contact="ada",
)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    found = load_toy(tmp_path_factory.mktemp("toy"))
    return replace(found, config=found.config.model_copy(update={"card": WRITTEN}))


@pytest.fixture(scope="module")
def made(toy: UseCase, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Made]:
    folder = tmp_path_factory.mktemp("run")
    lay_window(toy, folder)
    return made_of(toy, run_stages(toy, folder))


@pytest.fixture
def card(made: tuple[Bundle, Made]) -> dict[str, Any]:
    return deepcopy(make_card(*made))


@pytest.fixture(scope="module")
def page(made: tuple[Bundle, Made]) -> str:
    return render_card(make_card(*made))


def rows_of(page: str, heading: str) -> dict[str, str]:
    """The rows of the tables below a heading, as text by their first cell."""
    part = page.partition(f'<h2 id="{heading}">')[2].partition("<h2 ")[0]
    part = re.sub(r"<thead>.*?</thead>", "", part, flags=re.DOTALL)
    found = re.findall(r"<tr>\s*<th>(.*?)</th>(.*?)</tr>", part, re.DOTALL)
    return {_text(name).split("  ")[0]: _text(rest) for name, rest in found}


def _text(html: str) -> str:
    return unescape(re.sub(r"\s*<[^>]+>\s*", "  ", html)).strip()


# --- numbers


def test_every_metric_of_the_evidence_stands_on_the_page_with_its_bounds(
    page: str, made: tuple[Bundle, Made]
) -> None:
    rows, evidence = rows_of(page, "measured"), made[1].evidence
    assert evidence["overall"]["metrics"]
    for name, measured in evidence["overall"]["metrics"].items():
        row = rows[METRIC_NAMES[name]]
        low, high = measured["bounds"]["0.95"]
        assert f"{measured['value']:.4f}" in row
        assert f"{low:.4f} to {high:.4f}" in row
        for values in evidence["trivial"]["metrics"].values():
            assert f"{values[name]:.4f}" in row


def test_every_slice_stands_on_the_page_and_small_ones_are_marked(
    page: str, made: tuple[Bundle, Made]
) -> None:
    rows, slices = rows_of(page, "slices"), made[1].evidence["slices"]
    assert {each["slice"] for each in slices} == set(rows)
    for each in slices:
        row = rows[each["slice"]]
        assert f"{each['rows']:,}" in row
        assert f"{each['metrics']['auc']['value']:.3f}" in row
        assert ("underpowered" in row) == (each["rows"] < 150)
    assert any("underpowered" in row for row in rows.values())


def test_the_calibration_is_that_of_the_evidence(made: tuple[Bundle, Made]) -> None:
    (curve,) = make_card(*made)["scores"]["curves"]
    points = made[1].evidence["reliability"]["curve"]
    assert [(p["rows"], p["score"], p["observed"]) for p in curve["points"]] == [
        (
            p["rows"],
            pytest.approx(p["mean_score"], rel=1e-5),
            pytest.approx(p["observed"], rel=1e-5),
        )
        for p in points
    ]


def test_what_the_threshold_decides_adds_up_with_the_histogram(card: dict[str, Any]) -> None:
    (curve,) = card["scores"]["curves"]
    decided = at_threshold(curve, 0.5)
    assert decided is not None
    assert decided["decided"] == sum(curve["histogram"]["rows"][10:])
    assert decided["rightly"] == sum(curve["histogram"]["positive"][10:])
    assert at_threshold(curve, 0.123) is None
    assert at_threshold(curve, None) is None


def test_rows_learned_from_and_left_out_are_those_of_window_and_frame(
    card: dict[str, Any], made: tuple[Bundle, Made]
) -> None:
    parts, model = card["data"]["parts"], made[1].model
    assert parts["train"]["rows"] == model["rows"]["train"]
    assert parts["train"]["rows_there"] == 80 * 21
    assert parts["holdout"]["rows"] == card["scores"]["rows"] < parts["holdout"]["rows_there"]
    counts = card["scores"]["labels"]["counts"]
    assert parts["holdout"]["labels"]["positive"] == counts["1"]


def test_lineage_names_run_bundle_window_and_each_dataset(
    page: str, made: tuple[Bundle, Made]
) -> None:
    bundle, card = made[0], make_card(*made)
    rows = rows_of(page, "lineage")
    assert rows["Run"] == bundle.id
    assert rows["Bundle"] == bundle.digest
    assert rows["Evidence"] == (bundle.verdict or {})["evidence"]
    for each in card["data"]["datasets"]:
        assert rows[f"Revisions of {each['name']}"] == each["digest"]


def test_personal_columns_are_told_with_whether_a_feature_has_their_name(
    card: dict[str, Any],
) -> None:
    told = {(e["dataset"], e["column"], e["feature"]) for e in card["data"]["personal"]}
    assert told == {("visits", "visit_id", False), ("returns", "visit_id", False)}


def test_the_written_part_stands_on_the_page_and_what_is_not_written_is_said(
    page: str, card: dict[str, Any]
) -> None:
    for said in WRITTEN.model_dump().values():
        for text in [said] if isinstance(said, str) else said:
            assert text in page
    assert "Nobody has written" not in page
    card["written"] = Card().model_dump()
    assert render_card(card).count("Nobody has written") == 6


def test_another_sentence_in_the_card_changes_no_parameter_of_a_training(toy: UseCase) -> None:
    other = toy.config.model_copy(update={"card": Card(users="others")})
    assert other.document() == toy.config.document()
    assert "card" not in other.document()


# --- limits


def kinds(card: dict[str, Any]) -> set[str]:
    return {limit["kind"] for limit in derive_limits(card)}


def test_a_short_window_small_slices_and_lost_labels_are_limits(card: dict[str, Any]) -> None:
    texts = " ".join(limit["text"] for limit in card["limits"])
    assert {"window", "outcomes", "slices", "comparison", "unmeasured"} <= kinds(card)
    assert "less than a year" in texts
    small = [each["slice"] for each in card["slices"] if each["underpowered"]]
    assert all(name in texts for name in small)
    assert "There was no champion" in texts


def test_features_without_gain_and_unknown_categories_are_limits(card: dict[str, Any]) -> None:
    card["explanation"]["without_gain"] = ["moon"]
    card["explanation"]["unseen"] = {"shop": {"rows": 12, "levels": 1, "examples": ["west"]}}
    texts = [limit["text"] for limit in derive_limits(card)]
    assert any("No tree asks for moon" in text for text in texts)
    assert any("12 hold-out rows" in text and "(west)" in text for text in texts)


def test_what_is_not_so_is_no_limit(card: dict[str, Any]) -> None:
    for part in card["data"]["parts"].values():
        part["rows"] = part["rows_there"]
    card["data"]["parts"]["train"]["first"] = "2022-01-01"
    card["slices"] = [{**each, "underpowered": False} for each in card["slices"]]
    card["comparison"] = {**card["comparison"], "champion": "toy-1", "trimmed": 0}
    card["explanation"] = {**card["explanation"], "without_gain": [], "unseen": {}}
    for point in card["scores"]["curves"][0]["points"]:
        point.update(low=0.0, high=1.0)
    assert kinds(card) == {"window", "unmeasured"}


def test_a_sensitive_column_without_a_slice_is_a_limit(card: dict[str, Any]) -> None:
    guarded = {"dataset": "visits", "column": "creed", "personal": "sensitive", "feature": True}
    card["data"]["personal"] = [{**guarded, "meaning": "guarded by law"}]
    texts = " ".join(limit["text"] for limit in derive_limits(card))
    assert "Features with the name of personal data: creed" in texts
    assert "No slice measures the groups of creed" in texts


# --- the page


def test_a_card_is_the_same_bytes_whenever_it_is_made(made: tuple[Bundle, Made], page: str) -> None:
    again = json.loads(json.dumps(make_card(*made)))
    assert render_card(again) == page


def test_a_page_needs_nothing_else(page: str) -> None:
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    assert "url(" not in page


def test_hostile_words_are_escaped_wherever_they_stand(card: dict[str, Any]) -> None:
    def poison(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: poison(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [poison(each, name) for each in value]
        fixed = ("first", "last", "as_of", "objective", "outcome", "direction", "method", "kind")
        kept = name in (*fixed, "metric", "verdict") or not isinstance(value, str)
        return value if kept else HOSTILE + value

    names = {each["name"] for each in card["explanation"]["importance"]}
    hostile = poison(card)
    assert {each["name"] for each in hostile["explanation"]["importance"]}.isdisjoint(names)
    shown = render_card(hostile, standing=poison(standing(LedgerState(), "toy-1")))
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") > 50


def test_the_ledger_changes_nothing_but_what_stands_between_the_marks(page: str) -> None:
    version = "flights-20130702-inputs"
    state = LedgerState((decision(1, name=version).model_copy(update={"number": 1}),))
    shown = with_standing(page, standing(state, version))
    assert shown != page
    for mark, side in ((START, 0), (END, 2)):
        assert shown.partition(mark)[side] == page.partition(mark)[side]
    assert with_standing("no marks", standing(state, version)) == "no marks"


def test_a_rejected_version_never_reigned_and_a_replaced_one_says_until_when() -> None:
    entries = (decision(1, name="a"), decision(8, "rejected", name="b"), decision(15, name="c"))
    numbered = [e.model_copy(update={"number": n}) for n, e in enumerate(entries, start=1)]
    state = LedgerState(tuple(numbered))
    assert standing(state, "b")["sentence"] == "rejected"
    assert standing(state, "b")["reigns"] == []
    until = standing(state, "c")["reigns"][0][0]
    assert standing(state, "a")["reigns"][0][1] == until
    assert until.removesuffix("T00:00:00Z") in standing(state, "a")["sentence"]
    assert standing(state, "c")["sentence"].endswith("on")
    assert standing(state, "d")["event"] is None
