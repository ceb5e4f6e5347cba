"""What is said of each feature, each group and each simpler model, and of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from laurel.domain.examination.columns import ColumnFacts
from laurel.domain.examination.effect import Effect

Verdict = Literal["gain", "replaceable", "noise", "unused", "harmful", "undefined"]
WITHOUT_GAIN: tuple[Verdict, ...] = ("replaceable", "noise", "unused", "harmful")
Standing = Literal["as good", "worse", "better", "undefined"]


@dataclass(frozen=True)
class Finding:
    """One feature: what it gains, what it is, and what is wrong with it."""

    facts: ColumnFacts
    permuted: Effect
    """What is lost when its rows are shuffled."""
    ablated: Effect | None
    """What is lost when the model is trained without it; ``None`` where that was not tried."""
    alone: float | None
    """Share of the constant model's loss that it takes away by itself."""
    verdict: Verdict
    suspect: bool
    """Whether it says so much of the label that it may hold it."""
    remarks: tuple[str, ...]

    @property
    def name(self) -> str:
        """The feature's name."""
        return self.facts.name


@dataclass(frozen=True)
class Group:
    """Features that are shuffled and left out together."""

    name: str
    features: tuple[str, ...]
    permuted: Effect
    ablated: Effect | None
    verdict: Verdict


@dataclass(frozen=True)
class Rival:
    """Another model of the same rows, on the same hold-out."""

    name: str
    title: str
    features: int
    rounds: int | None
    """Rounds of trees; ``None`` where it has no trees."""
    metrics: Mapping[str, float | None]
    behind: Effect
    """By how much the model itself is better."""
    standing: Standing
    simpler: bool
    """Whether it is simpler, and not only another one to compare with."""


@dataclass(frozen=True)
class Examined:
    """Everything that a check of a model's features found: plain values, the same each time."""

    usecase: str
    model_version: str
    run: str
    """The training whose model it is."""
    as_of: str
    objective: str
    metric: str
    bigger_is_better: bool
    rows: Mapping[str, int]
    """Rows of each part, and those of it that were looked at."""
    base: Mapping[str, float | None]
    """The model's own metrics."""
    floor: float
    """What shuffling a planted column of noise may lose: gains below it are none."""
    noise: Mapping[str, Effect]
    """The planted columns: which feature each is a shuffled copy of, and what it lost."""
    features: tuple[Finding, ...]
    """In the order of their loss, the largest first."""
    groups: tuple[Group, ...]
    rivals: tuple[Rival, ...]
    settings: Mapping[str, Any]

    @property
    def without_gain(self) -> tuple[str, ...]:
        """Features that the model could do without."""
        return tuple(each.name for each in self.features if each.verdict in WITHOUT_GAIN)

    @property
    def suspects(self) -> tuple[str, ...]:
        """Features that may hold the label."""
        return tuple(each.name for each in self.features if each.suspect)

    @property
    def as_good(self) -> tuple[str, ...]:
        """Simpler models that are as good."""
        good = ("as good", "better")
        return tuple(each.title for each in self.rivals if each.simpler and each.standing in good)

    def sentence(self) -> str:
        """All of it in a sentence."""
        count, idle = len(self.features), self.without_gain
        parts = [f"{count - len(idle)} of {count} features show a gain in {self.metric}"]
        parts += [f"without one: {_listed(idle)}"] if idle else []
        parts += [f"may hold the label: {_listed(self.suspects)}"] if self.suspects else []
        parts += [f"simpler and as good: {_listed(self.as_good)}"] if self.as_good else []
        return f"{self.model_version}: {'; '.join(parts)}"

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        lists = {name: list(getattr(self, name)) for name in ("without_gain", "suspects")}
        said = {"sentence": self.sentence(), "as_good": list(self.as_good)}
        return {**asdict(self), **lists, **said}


def judge(permuted: Effect, ablated: Effect | None, *, floor: float) -> Verdict:
    """What a feature's effects say of it.

    floor: what shuffling pure noise may lose.

    >>> judge(Effect(0.2, 0.1, 0.3), None, floor=0.01)
    'gain'
    >>> judge(Effect(0.2, 0.1, 0.3), Effect(0.0, -0.1, 0.1), floor=0.01)
    'replaceable'
    >>> judge(Effect(0.005, 0.001, 0.02), None, floor=0.01)
    'noise'
    >>> judge(Effect(0.0, 0.0, 0.0), None, floor=0.01)
    'unused'
    """
    if permuted.nothing:
        return "unused"
    if permuted.value is None:
        return "undefined"
    if permuted.below(0) and permuted.value < -floor:
        return "harmful"
    # what training again without it loses is the better witness
    if ablated is not None and ablated.above(floor):
        return "gain"
    if permuted.value <= floor or not permuted.above(0):
        return "noise"
    return "gain" if ablated is None or ablated.above(0) else "replaceable"


def stand(behind: Effect, *, margin: float) -> Standing:
    """How another model stands to the model itself, by what it is behind.

    >>> stand(Effect(0.02, 0.01, 0.03), margin=0.005), stand(Effect(0.001, -0.01, 0.02), margin=0.0)
    ('worse', 'as good')
    """
    if behind.value is None:
        return "undefined"
    if behind.below(0):
        return "better"
    return "worse" if behind.above(margin) else "as good"


def _listed(names: tuple[str, ...], *, most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
