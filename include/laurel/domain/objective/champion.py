"""A model belongs to one objective, and so does a use case; its rows are read its own way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from laurel.domain.config import UseCaseConfig
from laurel.errors import ConfigError


def check_same_objective(about: Mapping[str, Any], config: UseCaseConfig) -> None:
    """Raise :class:`ConfigError` where a model learned another thing than the use case says now.

    about: what ``model.json`` says of the model.
    """
    label = config.label
    now = (label.column, label.objective, [*label.classes])
    then = (about.get("label"), about.get("objective"), [*about.get("classes", ())])
    if then != now:
        raise ConfigError(
            "this model learned another objective than the use case has now",
            usecase=config.name,
            found=_words(*then),
            expected=_words(*now),
            hint="scores of two objectives cannot be compared: keep label as it was, or give the "
            "new objective a use case of its own",
        )


def as_learned(config: UseCaseConfig, about: Mapping[str, Any]) -> UseCaseConfig:
    """The configuration by which a model's own features are computed: with its own exposure.

    Raises :class:`ConfigError` where the rows no longer have that column.
    """
    exposure = about.get("exposure")
    if exposure == config.label.exposure:
        return config
    if exposure is not None and exposure not in config.rows.columns:
        raise ConfigError(
            "the rows no longer have the column that this model takes for the exposure",
            usecase=config.name,
            expected=exposure,
            hint="keep the column until the champion is another one",
        )
    label = config.label.model_copy(update={"exposure": exposure})
    return config.model_copy(update={"label": label})


def _words(column: object, objective: object, classes: list[Any]) -> str:
    named = f" ({', '.join(map(str, classes))})" if classes else ""
    return f"{objective}{named} of {column}"
