"""Warm: what every run reads again, made ready in a process that others are forked from."""

from __future__ import annotations

from contextlib import suppress

from laurel.adapters.conform import empty_table
from laurel.adapters.environment import code_identity, environment_identity
from laurel.adapters.gx import keep_ready
from laurel.adapters.gx_page import warm_pages
from laurel.adapters.gx_suite import find_suite
from laurel.errors import ConfigError
from laurel.settings import Settings
from laurel.stages.predictions import predictions_dataset
from laurel.usecase import find_usecases


def warm_up(settings: Settings) -> None:
    """Read the installed versions, the use cases, page templates, and plan every suite.

    A suite that is not one is left to the task that needs it, which then says why. Raises
    :class:`ConfigError` for a use case that is not one.
    """
    code_identity(None)
    environment_identity()
    warm_pages()
    for usecase in find_usecases(settings).values():
        config = usecase.config
        for dataset in (*config.datasets.values(), predictions_dataset(config)):
            with suppress(ConfigError):
                file = find_suite(dataset.suite, settings)
                keep_ready(file, empty_table(dataset), hidden=dataset.hidden)
