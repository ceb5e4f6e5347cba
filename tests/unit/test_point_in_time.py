"""Point in time: a snapshot by random histories of revisions, against an oracle that looks at all.

The oracle goes through every revision there is and knows nothing of windows, folds or catalogs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import cast

import pandas as pd
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from laurel.adapters.records import Catalog
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.config import UseCaseConfig
from laurel.domain.history import KNOWN_AT, fold_labels, stamp
from laurel.domain.partition import Partition
from laurel.domain.window import TrainingWindow, plan
from laurel.errors import Pending, Refused
from laurel.stages.snapshot import snapshot
from laurel.usecase import UseCase, load_usecase
from support.synthetic import AS_OF, USECASE_YAML, write_toy

HOUR = timedelta(hours=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
DATASETS = ("climate", "returns", "visits")
Change = tuple[str, int, int]
"""A dataset, a day after the start, and how many hours after as_of its next revision is known."""

changes = st.lists(
    st.tuples(st.sampled_from(DATASETS), st.integers(0, 55), st.integers(-400, 400)), max_size=25
)
moments = st.integers(0, 24 * 10).map(lambda hours: AS_OF - 5 * 24 * HOUR + hours * HOUR)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return load_usecase(write_toy(tmp_path_factory.mktemp("toy"))[0] / "toy")


@dataclass(frozen=True)
class Told:
    """A catalog that says what it was told."""

    state: CatalogState

    def read(self) -> CatalogState:
        return self.state


def revision(day: Partition, number: int, known_at: datetime) -> Revision:
    word = f"{day.key}-{number}"
    return Revision(
        partition=day.key,
        revision=number,
        md5=word,
        content_hash=word,
        size=1,
        rows=1,
        fingerprint="",
        suite="",
        outcome="passed",
        known_at=known_at,
        published_at=known_at,
        tree="",
        run="",
    )


def told(said: Sequence[Change], *, days: int = 56) -> dict[str, CatalogState]:
    """Every day published when it ended, and each change as one more revision of its day."""
    first = Partition.at(START)
    found: dict[str, dict[str, tuple[Revision, ...]]] = {name: {} for name in DATASETS}
    for revisions in found.values():
        for day in (first.shifted(n) for n in range(days)):
            revisions[day.key] = (revision(day, 1, day.end),)
    for name, n, hours in said:
        day = first.shifted(n)
        before = found[name].get(day.key, ())
        found[name][day.key] = (*before, revision(day, len(before) + 1, AS_OF + hours * HOUR))
    return {name: CatalogState(revisions) for name, revisions in found.items()}


def taken(toy: UseCase, states: Mapping[str, CatalogState], as_of: datetime) -> dict[str, Revision]:
    """What a snapshot takes, by dataset and partition."""
    catalogs = {name: cast("Catalog", Told(state)) for name, state in states.items()}
    made = snapshot(toy, catalogs, as_of=as_of)
    return {f"{name}/{r.partition}": r for name, lines in made.revisions.items() for r in lines}


def oracle(states: Mapping[str, CatalogState], as_of: datetime) -> dict[str, Revision]:
    """The revision of the highest number among all that were known, of every partition."""
    found: dict[str, Revision] = {}
    for name, state in states.items():
        for revisions in state.revisions.values():
            for each in revisions:
                place = f"{name}/{each.partition}"
                newer = place not in found or each.revision > found[place].revision
                if each.known_at <= as_of and newer:
                    found[place] = each
    return found


@settings(deadline=None, max_examples=60)
@given(changes, moments)
def test_a_snapshot_takes_what_an_oracle_takes_that_looks_at_every_revision(
    toy: UseCase, said: list[Change], as_of: datetime
) -> None:
    states = told(said)
    found, expected = taken(toy, states, as_of), oracle(states, as_of)

    assert found == {place: expected[place] for place in found}
    assert max(each.known_at for each in found.values()) <= as_of
    window = plan(toy.config, as_of)
    roles = {name: spec.role for name, spec in toy.config.datasets.items()}
    assert set(found) == {
        f"{name}/{p.key}" for name, role in roles.items() for p in window.partitions(role)
    }


@settings(deadline=None, max_examples=60)
@given(changes, st.lists(st.tuples(st.sampled_from(DATASETS), st.integers(0, 80)), max_size=25))
def test_what_becomes_known_later_changes_no_snapshot_of_before(
    toy: UseCase, said: list[Change], later: list[tuple[str, int]]
) -> None:
    """Corrections of any day, inside the window or out of it, and days that come after it."""
    before, poison = told(said), [(name, n, 1000) for name, n in later]
    after = told([*said, *poison])
    catalogs = [
        {n: cast("Catalog", Told(s)) for n, s in states.items()} for states in (before, after)
    ]
    first, second = (snapshot(toy, each, as_of=AS_OF) for each in catalogs)

    assert first.document() == second.document()
    assert first.digest == second.digest


@settings(deadline=None, max_examples=60)
@given(changes, moments, st.integers(0, 100))
def test_what_is_known_of_a_day_never_falls_back(
    toy: UseCase, said: list[Change], as_of: datetime, hours: int
) -> None:
    states = told(said)
    now, then = taken(toy, states, as_of), taken(toy, states, as_of + hours * HOUR)

    assert all(then[place].revision >= now[place].revision for place in set(now) & set(then))


@settings(deadline=None, max_examples=40)
@given(changes, st.sampled_from(DATASETS), st.integers(10, 35), st.integers(0, 400))
def test_a_day_known_too_late_is_waited_for_and_not_left_out(
    toy: UseCase, said: list[Change], name: str, n: int, hours: int
) -> None:
    """Only the first revision decides: a day that came late must have come by as_of."""
    said = [change for change in said if change[:2] != (name, n)]
    states = told(said)
    day = Partition.at(START).shifted(n)
    late = replace(states[name].revisions[day.key][0], known_at=AS_OF + hours * HOUR)
    states[name] = CatalogState({**states[name].revisions, day.key: (late,)})

    if hours == 0:
        assert taken(toy, states, AS_OF)[f"{name}/{day.key}"] == late
        return
    with pytest.raises(Pending) as raised:
        taken(toy, states, AS_OF)
    assert (raised.value.dataset, raised.value.partition) == (name, day.key)


arrivals = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 30), st.integers(0, 99)),
    unique_by=lambda arrival: arrival[:2],
    max_size=25,
)
"""Which row, in which hour its label became known, and what it said."""


@settings(deadline=None)
@given(arrivals, st.integers(0, 30))
def test_the_newest_label_known_at_the_bound_is_the_one_that_is_learned_from(
    toy: UseCase, came: list[tuple[int, int, int]], bound: int
) -> None:
    parts = [
        stamp(
            pd.DataFrame({"visit_id": [f"visit-{row}"], "returned": [float(value)]}),
            partition="2024-01-01",
            known_at=(START + hour * HOUR).isoformat(),
        )
        for row, hour, value in came
        if hour <= bound
    ]
    assume(parts)
    folded = fold_labels(pd.concat(parts, ignore_index=True), toy.config)

    newest: dict[str, tuple[int, int]] = {}
    for row, hour, value in came:
        if hour <= bound and hour >= newest.get(f"visit-{row}", (-1, 0))[0]:
            newest[f"visit-{row}"] = (hour, value)
    assert dict(zip(folded["visit_id"], folded["returned"], strict=True)) == {
        key: float(value) for key, (_, value) in newest.items()
    }
    assert (folded[KNOWN_AT] <= START + bound * HOUR).all()


def configured(*, delay: int, horizon: int, validation: int, holdout: int) -> UseCaseConfig:
    document = yaml.safe_load(USECASE_YAML)
    document["label"]["delay_days"] = delay
    document["scoring"]["horizon_hours"] = horizon
    document["training"] |= {"validation_days": validation, "holdout_days": holdout}
    document["training"]["train_days"] = 60
    return UseCaseConfig.model_validate(document)


configs = st.builds(
    configured,
    delay=st.integers(0, 10),
    horizon=st.integers(0, 100),
    validation=st.integers(1, 9),
    holdout=st.integers(1, 15),
)
later_moments = st.integers(0, 24 * 120).map(lambda hours: AS_OF + hours * HOUR)


@settings(deadline=None)
@given(configs, later_moments)
def test_the_hold_out_lies_after_all_that_is_learned_from_and_an_embargo_between(
    config: UseCaseConfig, as_of: datetime
) -> None:
    """The embargo is the label delay, and the horizon in whole days."""
    try:
        window = plan(config, as_of)
    except Refused:
        assume(False)
        raise
    learned = [*window.train, *window.validation]
    between = (window.holdout.first - max(learned).day).days - 1

    assert max(learned).day < window.holdout.first
    assert between == window.embargo_days
    assert between >= config.label.delay_days
    assert between == config.label.delay_days + ceil(config.scoring.horizon_hours / 24)
    assert all(window.split(day.day) is None for day in embargo(window))


@settings(deadline=None)
@given(configs, later_moments)
def test_every_label_that_is_learned_from_is_known_to_whoever_scores_the_first_hold_out_day(
    config: UseCaseConfig, as_of: datetime
) -> None:
    try:
        window = plan(config, as_of)
    except Refused:
        assume(False)
        raise
    cutoff = Partition(window.holdout.first).start - config.horizon
    last = Partition(window.validation.last)

    assert last.shifted(config.label.delay_days).end <= cutoff
    # and no day is given away: one more would not be known
    assert last.shifted(1 + config.label.delay_days).end > cutoff


def embargo(window: TrainingWindow) -> list[Partition]:
    last = Partition(window.validation.last)
    return [last.shifted(n) for n in range(1, (window.holdout.first - last.day).days)]
