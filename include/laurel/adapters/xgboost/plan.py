"""What must be known of all rows before any batch of them can be read as XGBoost reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from laurel.adapters.xgboost.encoding import Feature, describe_parts, matrix_input
from laurel.adapters.xgboost.fitting import intercept_of
from laurel.domain.config import Model as ModelConfig
from laurel.domain.featureset import Part
from laurel.domain.objective import Objective
from laurel.domain.weights import Floats, balanced, class_weights


class Rows(Protocol):
    """Rows to learn from that come in batches, as often as they are asked for."""

    def batches(self) -> Iterator[Part]:
        """The rows in their order."""

    def outline(self) -> Part:
        """Labels, weights and exposures of all rows, without their features."""


@dataclass(frozen=True)
class Plan:
    """Features with their levels, what classes weigh, and where trees begin."""

    features: tuple[Feature, ...]
    about: dict[str, Any]
    by_class: Floats | None
    cells: int
    """Values of the train days."""

    def given(self, part: Part) -> dict[str, Any]:
        """What a matrix of these rows is made of."""
        return matrix_input(
            part.features,
            self.features,
            labels=part.labels,
            weights=balanced(part.labels, part.weights, self.by_class),
            intercept=self.about["intercept"],
        )


def plan_fit(train: Rows, config: ModelConfig, *, objective: Objective) -> Plan:
    """Look once through the rows to learn from; raises :class:`DataError` as the rows do."""
    outline = train.outline()
    features = describe_parts(batch.features for batch in train.batches())
    return Plan(
        features=features,
        about={**objective.document(), "intercept": intercept_of(outline, objective)},
        by_class=class_weights(outline.labels, config.balance, classes=max(2, objective.width)),
        cells=len(outline.labels) * len(features),
    )
