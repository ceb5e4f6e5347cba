"""Where an error happened: the records know the use case, the rules beneath them do not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from laurel.errors import LaurelError


@contextmanager
def placed(usecase: str, dataset: str | None = None) -> Iterator[None]:
    """Raise what is raised inside with its use case and dataset named."""
    try:
        yield
    except LaurelError as error:
        if error.usecase is not None:
            raise
        raise error.placed(usecase=usecase, dataset=dataset) from error
