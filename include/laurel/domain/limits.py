"""Known limits of a model version, derived from its own evidence: what it does not show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

Card = Mapping[str, Any]

SEASON_DAYS = 365
MOSTLY = 0.5
"""Share of missing values from which a feature says mostly nothing."""
NOTABLE = 0.01
"""Share of rows without an outcome from which it is told."""
SHOWN = 6
NOT_MEASURED = (
    "Not measured: what happens when the scores themselves change what people do, robustness "
    "against inputs made to deceive, and any group that is no slice here."
)


def derive_limits(card: Card) -> list[dict[str, str]]:
    """The limits that figures of a card show, each with its ``kind`` and a sentence.

    A limit is what a reader could overlook, not what is good or bad.
    """
    found = (
        *_window(card),
        *_outcomes(card),
        *_slices(card),
        *_comparison(card),
        *_scores(card),
        *_features(card),
        *_personal(card),
    )
    return [{"kind": kind, "text": text} for kind, text in (*found, ("unmeasured", NOT_MEASURED))]


def _window(card: Card) -> Iterator[tuple[str, str]]:
    train, held = card["data"]["parts"]["train"], card["data"]["parts"]["holdout"]
    learned, measured = _days(train), _days(held)
    if learned < SEASON_DAYS:
        yield (
            "window",
            f"Learned from {learned} days ({train['first']} to {train['last']}): less than a year, "
            "so other seasons are not known to it.",
        )
    yield (
        "window",
        f"Measured on {measured} days ({held['first']} to {held['last']}): nothing here says how "
        "it does later; the nightly report does.",
    )


def _outcomes(card: Card) -> Iterator[tuple[str, str]]:
    for name, part in card["data"]["parts"].items():
        there, used = part["rows_there"], part["rows"]
        share = 1 - used / there if there else 0.0
        if share >= NOTABLE:
            word = "hold-out" if name == "holdout" else name
            yield (
                "outcomes",
                f"{there - used:,} of {there:,} rows of the {word} days ({share:.1%}) had no "
                "outcome and were left out: nothing is known of how the model does on such rows.",
            )


def _slices(card: Card) -> Iterator[tuple[str, str]]:
    slices, minimum = card["slices"], card["gate"]["minimum_rows"]
    small = [each for each in slices if each["underpowered"]]
    if small:
        named = _listed([f"{each['slice']} ({each['rows']:,})" for each in small])
        yield (
            "slices",
            f"{len(small)} of {len(slices)} slices have fewer than {minimum:,} hold-out rows, too "
            f"few to judge: {named}.",
        )
    if not slices:
        yield "slices", "No slice is measured: nothing says whether it does as well for each group."
    failed = {c["slice"] for c in card["gate"]["checks"] if c["slice"] and c["verdict"] == "fail"}
    if failed:
        yield "slices", f"Checks of the gate failed on {_listed(sorted(failed))}."


def _comparison(card: Card) -> Iterator[tuple[str, str]]:
    compared = card["comparison"]
    if compared["champion"] is None:
        yield "comparison", "There was no champion to compare with: absolute thresholds decided."
    elif compared["trimmed"]:
        yield (
            "comparison",
            f"{compared['trimmed']:,} hold-out rows were left out of the comparison with the "
            "champion, which may have learned from them.",
        )


def _scores(card: Card) -> Iterator[tuple[str, str]]:
    for curve in card["scores"]["curves"]:
        points = curve["points"]
        off = [p for p in points if not p["low"] <= p["score"] <= p["high"]]
        if off:
            where = f" of class {curve['class']}" if curve["class"] is not None else ""
            worst = max(off, key=lambda p: abs(p["score"] - p["observed"]))
            yield (
                "calibration",
                f"In {len(off)} of {len(points)} groups of rows by score{where} what was said lies "
                "outside the 95 % interval of what was observed (chance alone puts one in twenty "
                f"there); at most {worst['observed']:.3g} observed where {worst['score']:.3g} was "
                "said.",
            )


def _features(card: Card) -> Iterator[tuple[str, str]]:
    explanation = card["explanation"]
    if idle := explanation["without_gain"]:
        yield "features", f"No tree asks for {_listed(idle)}: they cost and change no score."
    rows = explanation["sample_rows"]
    mostly = [
        f"{each['name']} ({each['missing']['rows'] / rows:.0%})"
        for each in explanation["outputs"][0]["features"]
        if each["missing"] and each["missing"]["rows"] >= MOSTLY * rows
    ]
    if mostly:
        yield "features", f"Mostly missing among the rows explained: {_listed(sorted(mostly))}."
    for name, unseen in explanation["unseen"].items():
        examples = f" ({_listed(unseen['examples'])})" if unseen["examples"] else ""
        yield (
            "categories",
            f"{unseen['rows']:,} hold-out rows have one of {unseen['levels']:,} categories of "
            f"{name} that training did not know{examples}; the model takes them for missing.",
        )


def _personal(card: Card) -> Iterator[tuple[str, str]]:
    personal = card["data"]["personal"]
    used = [f"{each['column']} ({each['meaning']})" for each in personal if each["feature"]]
    if used:
        yield "personal", f"Features with the name of personal data: {_listed(used)}."
    guarded = {each["column"] for each in personal if each["personal"] == "sensitive"}
    sliced = {each["slice"].partition("=")[0] for each in card["slices"]}
    if unmeasured := sorted(guarded - sliced):
        yield (
            "personal",
            f"No slice measures the groups of {_listed(unmeasured)}, which the law guards.",
        )


def _days(part: Mapping[str, Any]) -> int:
    return (date.fromisoformat(part["last"]) - date.fromisoformat(part["first"])).days + 1


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
