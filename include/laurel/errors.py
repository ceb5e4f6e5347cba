"""The wording of every error: what failed, where, found against expected, what to do.

Errors own their wording, so that each reads the same from a task log, a terminal and a page.
"""

from __future__ import annotations

import os
from typing import ClassVar

MAX_LINES = 10
MAX_LINE = 400
TRY_AGAIN = os.EX_TEMPFAIL
"""The exit code by which a stage says that the same again may succeed."""
NO_MEMORY = os.EX_OSERR
"""The exit code by which a stage says that it had too little memory."""
MORE_MEMORY = (
    "give it more memory, set training.engine to external, or learn from fewer days; "
    "trying again is safe"
)


class LaurelError(Exception):
    """An error a person can act on, in at most ten lines.

    Parameters
    ----------
    fact : what failed, in one sentence.
    usecase, dataset, partition : where it failed, as far as known.
    found, expected : what was there, and what should have been.
    hint : what to do next.
    detail : the file that holds the whole detail.

    >>> print(LaurelError("the suite failed", usecase="flights", partition="2013-07-01",
    ...                   found="3 rows", expected="at least 500 rows", hint="look at the source"))
    the suite failed
      where:    use case flights, partition 2013-07-01
      found:    3 rows
      expected: at least 500 rows
    hint: look at the source
    """

    retryable: ClassVar[bool] = False
    """Whether trying the same again can succeed: true for faults, never for verdicts."""

    def __init__(
        self,
        fact: str,
        *,
        usecase: str | None = None,
        dataset: str | None = None,
        partition: str | None = None,
        found: object = None,
        expected: object = None,
        hint: str | None = None,
        detail: str | None = None,
    ) -> None:
        self.fact = fact
        self.usecase = usecase
        self.dataset = dataset
        self.partition = partition
        self.found = found
        self.expected = expected
        self.hint = hint
        self.detail = detail
        super().__init__(self._render())

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.__dict__)

    def placed(
        self, *, usecase: str, dataset: str | None = None, partition: str | None = None
    ) -> LaurelError:
        """The same error with its place, where it did not know that itself.

        >>> str(LaurelError("cut off").placed(usecase="flights", dataset="weather"))
        'cut off\\n  where:    use case flights, dataset weather'
        """
        return _rebuild(
            type(self),
            {
                **self.__dict__,
                "usecase": self.usecase or usecase,
                "dataset": self.dataset or dataset,
                "partition": self.partition or partition,
            },
        )

    def _render(self) -> str:
        where = ", ".join(
            f"{name} {value}"
            for name, value in (
                ("use case", self.usecase),
                ("dataset", self.dataset),
                ("partition", self.partition),
            )
            if value
        )
        head = [self.fact, *([f"  where:    {where}"] if where else [])]
        tail = [f"  detail:   {self.detail}"] if self.detail else []
        tail += [f"hint: {self.hint}"] if self.hint else []
        body = [*_indented("found", self.found), *_indented("expected", self.expected)]
        room = MAX_LINES - len(head) - len(tail)
        if len(body) > room:
            body = [*body[: room - 1], "  …"]
        return "\n".join(_shorten(line) for line in (*head, *body, *tail))


def _indented(name: str, value: object) -> list[str]:
    if value is None:
        return []
    first, *rest = str(value).splitlines() or [""]
    label = f"{name}:".ljust(9)
    return [f"  {label} {first}", *(f"            {line}" for line in rest)]


def _shorten(line: str) -> str:
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 1]}…"


def _rebuild(kind: type[LaurelError], state: dict[str, object]) -> LaurelError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    Exception.__init__(error, error._render())
    return error


class ConfigError(LaurelError):
    """A use case, a suite or a setting is wrong: nothing was started."""


class DataError(LaurelError):
    """The data cannot be used: missing columns, wrong types, duplicate keys, a file cut off."""


class ValidationFailed(DataError):
    """A critical expectation failed: the rows are in quarantine and nothing was published."""


class IntegrityError(LaurelError):
    """Bytes differ from what a record names, or a chain of digests is broken."""


class Refused(LaurelError):
    """The operation is against the rules of order, time or authority: nothing was written."""


class NotFound(LaurelError):
    """Something that was named is not there."""


class Pending(LaurelError):
    """Something that is waited for is not there yet: it may still come."""


class StoreFault(LaurelError):
    """The store did not answer, or not as it should: trying again may help."""

    retryable = True


class Contention(StoreFault):
    """Other writers won every try to append: trying again may help."""


class OutOfMemory(LaurelError):
    """There was too little memory: trying again helps when more is free."""

    retryable = True


class WorkersFault(LaurelError):
    """A cluster did not answer, or lost a worker: trying again may help."""

    retryable = True


class ChannelFault(LaurelError):
    """Whoever an alarm is told to did not take it: trying again may help."""

    retryable = True
