"""Which plots a training leaves for ``dvc plots``, and how DVC is to draw them.

They are small tables of the hold-out rows: DVC draws those of several commits over one another.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from laurel.domain.config import UseCaseConfig

FOLDER = "plots"
"""The output that holds them."""


class Plot(NamedTuple):
    """One table, and how it is drawn."""

    file: str
    x: str
    y: str
    title: str
    template: str = "simple"
    """A template of DVC's own."""


ROC = Plot("roc.csv", "false_positive_rate", "true_positive_rate", "ROC curve")
PRECISION_RECALL = Plot("precision_recall.csv", "recall", "precision", "Precision over recall")
RELIABILITY = Plot("reliability.csv", "predicted", "observed", "Observed over predicted")
SCORES = Plot("scores.csv", "score", "share", "Share of rows by score")
CONFUSION = Plot(
    "confusion.csv", "actual", "predicted", "Predicted class by actual", "confusion_normalized"
)
IMPORTANCE = Plot("importance.csv", "gain", "feature", "Share of gain", "bar_horizontal_sorted")

_BY_OBJECTIVE = {
    "binary": (ROC, PRECISION_RECALL, RELIABILITY, SCORES),
    "multiclass": (CONFUSION,),
}
_OTHERWISE = (RELIABILITY, SCORES)


def plots_of(objective: str) -> tuple[Plot, ...]:
    """The plots of an objective.

    >>> [plot.file for plot in plots_of("multiclass")]
    ['confusion.csv', 'importance.csv']
    """
    return (*_BY_OBJECTIVE.get(objective, _OTHERWISE), IMPORTANCE)


def definitions(config: UseCaseConfig) -> list[dict[str, Any]]:
    """The entries under ``plots`` in ``dvc.yaml``, named by their files."""
    return [
        {
            f"data/{config.name}/{FOLDER}/{plot.file}": {
                "x": plot.x,
                "y": plot.y,
                "title": f"{config.name}: {plot.title}",
                "template": plot.template,
            }
        }
        for plot in plots_of(config.label.objective)
    ]
