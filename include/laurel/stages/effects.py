"""Effects: what a model loses when features of it are shuffled, or left out in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from laurel.domain.config import Model as ModelConfig
from laurel.domain.config.examination import Examination
from laurel.domain.examination import (
    ColumnFacts,
    Effect,
    describe_columns,
    measure_effect,
    shuffled,
)
from laurel.domain.featureset import Part
from laurel.domain.metric import Metric
from laurel.domain.objective import Numbers
from laurel.stages.rivals import Learning

Said = Callable[[str], None]
ALONE = ModelConfig(params={"max_depth": 3, "eta": 0.3}, rounds=30, early_stopping_rounds=5)
"""How a model of one feature is trained."""
NOISE = "laurel_noise_{}"
"""Names of planted columns."""
PLANTED = 3


@dataclass(frozen=True)
class Effects:
    """A model under examination: what each change of it loses on the same hold-out rows."""

    learning: Learning
    wanted: Examination
    rows: Mapping[str, int]

    @property
    def names(self) -> tuple[str, ...]:
        """The features that the model reads."""
        return self.learning.names

    @property
    def seed(self) -> int:
        """Of everything that is drawn: the model's own."""
        return self.learning.config.seed

    @cached_property
    def metric(self) -> Metric:
        """The metric of all effects; raises :class:`ConfigError` for an unknown one."""
        objective, name = self.learning.objective, self.wanted.metric
        return objective.stopping if name is None else objective.metric(name)

    @cached_property
    def scores(self) -> Numbers:
        """The model's own scores of the hold-out."""
        return self.learning.model.predict(self.learning.holdout.features)

    @cached_property
    def facts(self) -> dict[str, ColumnFacts]:
        """What each feature is."""
        names = list(self.names)
        train, holdout = self.learning.train.features, self.learning.holdout.features
        return {each.name: each for each in describe_columns(train[names], holdout[names])}

    def metrics(self, scores: Numbers) -> dict[str, float | None]:
        """Every metric of the objective; ``None`` where it is undefined."""
        labels, metrics = self.learning.holdout.labels, self.learning.objective.metrics
        found = {name: metric(labels, scores) for name, metric in metrics.items()}
        return {name: value if np.isfinite(value) else None for name, value in found.items()}

    def effect(self, others: Sequence[Numbers], own: Numbers | None = None) -> Effect:
        """By how much the model's own scores are better than others, on average."""
        return measure_effect(
            self.learning.holdout.labels,
            self.scores if own is None else own,
            others,
            self.metric,
            count=self.wanted.resamples,
            seed=self.seed,
            confidence=self.wanted.confidence,
        )

    def permuted(self, names: Sequence[str], learning: Learning | None = None) -> Effect:
        """What shuffling these features, all alike, loses."""
        learning = learning or self.learning
        features = learning.holdout.features
        others = [
            learning.model.predict(shuffled(features, names, seed=self.seed, repeat=repeat))
            for repeat in range(self.wanted.repeats)
        ]
        return self.effect(others, learning.model.predict(features))

    def without(self, names: Sequence[str]) -> Effect:
        """What training without these features loses."""
        model = self.learning.fitted([name for name in self.names if name not in names])
        return self.effect([model.predict(self.learning.holdout.features)])

    def noise(self, ranked: Sequence[str]) -> dict[str, Effect]:
        """What shuffling planted columns loses: shuffled copies of the best, middle and last one.

        Kursa, M., Rudnicki, W. (2010), Feature selection with the Boruta package.
        """
        places = sorted({0, len(ranked) // 2, len(ranked) - 1})
        copied = {NOISE.format(place): ranked[place] for place in places}
        learning = replace(
            self.learning,
            train=self._planted(self.learning.train, copied, 1),
            validation=self._planted(self.learning.validation, copied, 2),
            holdout=self._planted(self.learning.holdout, copied, 3),
        )
        learning = replace(learning, model=learning.fitted([*self.names, *copied]))
        return {source: self.permuted([name], learning) for name, source in copied.items()}

    def alone(self, name: str) -> float | None:
        """Share of the constant model's loss that a model of one feature takes away."""
        loss, labels = self.learning.objective.stopping, self.learning.holdout.labels
        constant = loss(labels, self.learning.constant())
        model = self.learning.fitted([name], ALONE.model_copy(update={"seed": self.seed}))
        left = loss(labels, model.predict(self.learning.holdout.features))
        return float(1 - left / constant) if constant > 0 and np.isfinite(left) else None

    def _planted(self, part: Part, copied: Mapping[str, str], number: int) -> Part:
        columns = {}
        for place, (name, source) in enumerate(copied.items()):
            order = np.random.default_rng([self.seed, number, place]).permutation(len(part.labels))
            columns[name] = part.features[source].take(order).set_axis(part.features.index)
        return part._replace(features=part.features.assign(**columns))
