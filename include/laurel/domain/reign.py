"""What it takes to replace a reigning champion, besides thresholds: it can be compared, and a tie
keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from laurel.domain.canonical import parse_instant
from laurel.domain.config import Gate, VersusChampion
from laurel.domain.evidence import Evidence
from laurel.domain.threshold import Check, unmeasured


def against_reigning(evidence: Evidence, policy: Gate) -> Iterator[Check]:
    """The checks that stand between a challenger and a champion; none without a champion.

    - ``comparable``: the champion can score the rows. Where it cannot, the gate stays closed, or
      the absolute thresholds decide, as ``unscorable_champion`` says.
    - ``other_model``: the challenger is not the champion itself.
    - ``gain``: something asks for a gain (``better``), or the champion is old enough to be
      refreshed by an equal one: a tie keeps the champion.
    """
    if evidence.champion is None:
        return
    if evidence.champion_fault is not None:
        yield _comparable(evidence, policy)
        return
    yield _other_model(evidence)
    yield _gain(evidence, policy)


def aside(
    evidence: Evidence, policy: Gate, threshold: VersusChampion, *, whole: bool
) -> str | None:
    """Why a threshold against the champion is not asked, in words; ``None`` where it is."""
    if evidence.champion is None:
        return "there is no champion"
    if evidence.champion_fault is not None:
        return "the champion cannot score these rows"
    if threshold.kind == "better" and whole and is_old(evidence, policy):
        return f"{_age_text(evidence)}, so one that is not worse may take over"
    return None


def is_old(evidence: Evidence, policy: Gate) -> bool:
    """Whether an equal model may refresh the champion: some threshold asks that it is no worse."""
    wanted, age = policy.refresh_after_days, _age(evidence)
    if wanted is None or all(threshold.kind != "not_worse" for threshold in policy.thresholds):
        return False
    return wanted == 0 or (age is not None and age >= timedelta(days=wanted))


def _comparable(evidence: Evidence, policy: Gate) -> Check:
    replaced = policy.unscorable_champion == "replace"
    follows = "the absolute thresholds decide" if replaced else "nothing can be compared"
    return unmeasured(
        "champion",
        "comparable",
        "not_applicable" if replaced else "fail",
        f"the champion {evidence.champion} cannot score these rows ({evidence.champion_fault}): "
        f"{follows}",
    )


def _other_model(evidence: Evidence) -> Check:
    same = evidence.same_model
    return unmeasured(
        "champion",
        "other_model",
        "fail" if same else "pass",
        f"the challenger is the champion {evidence.champion} itself, with the same trees and "
        "features: it keeps its place"
        if same
        else f"the challenger is another model than {evidence.champion}",
    )


def _gain(evidence: Evidence, policy: Gate) -> Check:
    kinds = {threshold.kind for threshold in policy.thresholds}
    if is_old(evidence, policy):
        return unmeasured(
            "champion",
            "gain",
            "pass",
            f"{_age_text(evidence)}: one that is not worse may take over",
        )
    if "better" in kinds:
        return unmeasured("champion", "gain", "pass", "a gain over the champion is asked for")
    soon, days = "", policy.refresh_after_days
    if days is not None:
        lacking = "" if "not_worse" in kinds else ", and no threshold asks that it is not worse"
        soon = f" before it is {days} days old ({_age_text(evidence)}{lacking})"
    return unmeasured(
        "champion",
        "gain",
        "fail",
        f"no threshold asks for a gain over {evidence.champion}, and a tie keeps the champion"
        f"{soon}; a better threshold, or refresh_after_days, lets a challenger take over",
    )


def _age(evidence: Evidence) -> timedelta | None:
    """Time between what champion and challenger know; ``None`` where it was not recorded."""
    if evidence.champion_as_of is None:
        return None
    return parse_instant(evidence.as_of) - parse_instant(evidence.champion_as_of)


def _age_text(evidence: Evidence) -> str:
    age = _age(evidence)
    days = "of an unknown age" if age is None else f"{age / timedelta(days=1):g} days old"
    return f"the champion is {days}"
