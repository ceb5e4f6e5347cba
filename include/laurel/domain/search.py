"""A search for parameters: what it is, where it stands, what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from laurel.domain.canonical import digest, instant
from laurel.domain.config import UseCaseConfig
from laurel.domain.config.tuning import Tuning
from laurel.domain.folds import Fold, cut_folds
from laurel.domain.metric import Metric
from laurel.domain.objective import find_objective
from laurel.domain.trial import Trial
from laurel.domain.window import TrainingWindow
from laurel.errors import Refused


@dataclass(frozen=True)
class Plan:
    """All that a search follows from, but for the rows and the code."""

    config: UseCaseConfig
    tuning: Tuning
    window: TrainingWindow
    folds: tuple[Fold, ...]

    @property
    def metric(self) -> Metric:
        """What is optimised."""
        objective, name = find_objective(self.config.label), self.tuning.metric
        return objective.metrics[name] if name else objective.stopping

    @property
    def seed(self) -> int:
        """Of the sampler."""
        own = self.tuning.seed
        return self.config.training.model.seed if own is None else own

    @property
    def digest(self) -> str:
        """The digest of :meth:`document`."""
        return digest(self.document())

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        metric, training = self.metric, self.config.training
        return {
            "usecase": self.config.name,
            "as_of": instant(self.window.as_of),
            "metric": metric.name,
            "bigger_is_better": metric.bigger_is_better,
            "seed": self.seed,
            "embargo_days": self.window.embargo_days,
            "folds": [fold.document() for fold in self.folds],
            "tuning": self.tuning.model_dump(mode="json"),
            "model": training.model.model_dump(mode="json"),
            "weights": training.weights.model_dump(mode="json"),
            "label": self.config.label.model_dump(mode="json"),
        }


def plan_search(config: UseCaseConfig, window: TrainingWindow) -> Plan:
    """The search of a use case in a training window.

    Raises :class:`Refused` where it has none, or there are too few train days for its folds.
    """
    tuning = config.training.tuning
    if tuning is None:
        raise Refused(
            "this use case searches for no parameters",
            usecase=config.name,
            hint="say training.tuning in usecase.yaml",
        )
    folds = cut_folds(
        window.train,
        count=tuning.folds.count,
        validation_days=tuning.folds.validation_days or config.training.validation_days,
        embargo_days=window.embargo_days,
        kind=tuning.folds.kind,
    )
    return Plan(config, tuning, window, folds)


@dataclass(frozen=True)
class Progress:
    """A trial that is done, and where the search stands."""

    trial: Trial
    best: Trial
    trials: int
    metric: str
    known: bool = False
    """Whether an earlier attempt had computed it."""
    seconds_left: float | None = None
    """By the mean of the trials of this attempt; ``None`` where there was none."""

    def standing(self) -> str:
        """What this trial came to, and the best so far."""
        last = self.trial.last
        ended = f"{last.rounds} rounds" if last.ends else f"pruned after {last.fitted} rounds"
        best = f"best {self.best.value:.6g} in trial {self.best.number}"
        return f"{self.metric} {last.value:.6g}, {ended}, {best}"

    def sentence(self) -> str:
        """A line for a log."""
        parts = [f"trial {self.trial.number} of {self.trials}", self.standing()]
        parts += ["known from an earlier attempt"] if self.known else []
        if self.seconds_left is not None and self.seconds_left >= 1:
            parts.append(f"about {span(self.seconds_left)} left")
        return ", ".join(parts)


@dataclass(frozen=True)
class Tuned:
    """What a search found."""

    plan: Plan
    trials: Sequence[Trial]
    best: Trial
    importances: Mapping[str, float]

    def document(self) -> dict[str, Any]:
        """The best trial beside the first one, which has the use case's own parameters."""
        first, best = self.trials[0], self.best
        return {
            "search": self.plan.digest,
            "trial": best.number,
            "params": dict(best.params),
            "metric": self.plan.metric.name,
            "value": best.value,
            "folds": list(best.last.folds),
            "rounds": best.last.rounds,
            "first": {"params": dict(first.params), "value": first.value},
            "importances": [[name, share] for name, share in self.importances.items()],
        }

    def sentence(self) -> str:
        """What was found, in a sentence."""
        first, best = self.trials[0], self.best
        reached = f"{self.plan.metric.name} {best.value:.6g}"
        if best is first:
            return f"none of {len(self.trials)} trials is better than the use case's own: {reached}"
        said = ", ".join(f"{name} {value}" for name, value in sorted(best.params.items()))
        return (
            f"trial {best.number} of {len(self.trials)} is best: {reached}, {first.value:.6g} with "
            f"the parameters of the use case; {said}"
        )


def span(seconds: float) -> str:
    """A span of time in words.

    >>> span(42), span(200), span(7500)
    ('42 s', '3 min', '2 h 5 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
