"""How XGBoost learns, and what its rows weigh."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from laurel.domain.config.base import Frozen

Balance = Literal["none", "balanced"] | Annotated[float, Field(gt=0)]
Direction = Literal["increasing", "decreasing"]

RESERVED = {
    "objective": "label.objective",
    "num_class": "label.classes",
    "scale_pos_weight": "training.model.balance",
    "monotone_constraints": "training.model.monotone",
    "interaction_constraints": "training.model.interactions",
    "seed": "training.model.seed",
    "random_state": "training.model.seed",
    "num_boost_round": "training.model.rounds",
    "n_estimators": "training.model.rounds",
    "num_round": "training.model.rounds",
    "early_stopping_rounds": "training.model.early_stopping_rounds",
    "nthread": "",
    "n_jobs": "",
    "device": "",
    "booster": "",
    "tree_method": "",
    "eval_metric": "",
    "disable_default_eval_metric": "",
    "verbosity": "",
}
"""Parameters of XGBoost that ``training.model.params`` may not set → the key that does, if any."""


class Model(Frozen):
    """How XGBoost learns: its own parameters, the bound on rounds, early stopping, the seed."""

    params: dict[str, str | int | float | bool] = Field(default_factory=dict)
    rounds: int = Field(default=300, ge=1)
    early_stopping_rounds: int = Field(default=25, ge=1)
    seed: int = 7
    balance: Balance = "none"
    """``balanced``: every class weighs the same in all; a number: the weight of a positive row."""
    monotone: dict[str, Direction] = Field(default_factory=dict)
    """Feature → how the score must move with it."""
    interactions: tuple[tuple[str, ...], ...] = ()
    """Groups of features that may stand together on a path of a tree; the others stand alone."""

    @model_validator(mode="after")
    def _params_are_its_own(self) -> Model:
        taken = sorted(set(self.params) & set(RESERVED))
        if taken:
            said = [f"{name} (say {RESERVED[name]})" if RESERVED[name] else name for name in taken]
            raise ValueError(
                f"these parameters are not the use case's to set: {', '.join(said)}; "
                "those without another key are fixed"
            )
        return self


class Weights(Frozen):
    """What a row weighs in fitting, early stopping and calibration; in no metric of the gate."""

    column: str | None = None
    """A column of the rows: above or equal to zero."""
    half_life_days: float | None = Field(default=None, gt=0)
    """Days after which a row weighs half as much as one of the last train day."""

    @property
    def wanted(self) -> bool:
        """Whether rows weigh differently at all."""
        return self.column is not None or self.half_life_days is not None
