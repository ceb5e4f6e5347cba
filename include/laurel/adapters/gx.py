"""Great Expectations: run a suite over tables and say what failed.

Neither a context nor a data source of GX is needed, so nothing is left in its global state and
parallel tasks do not meet. Results carry no ids of runs and no times: equal rows have equal
results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import pandas as pd

from laurel.adapters.gx_page import render_page
from laurel.adapters.gx_result import (
    SEVERITIES,
    Failure,
    clean_result,
    hide_values,
    read_failure,
    shorten,
)
from laurel.adapters.gx_run import SuiteRun, WholeTable
from laurel.adapters.gx_suite import build_suite, find_suite, read_suite
from laurel.domain.canonical import digest
from laurel.domain.check.finding import Finding
from laurel.errors import ValidationFailed

__all__ = [
    "Failure",
    "Outcome",
    "Suite",
    "Validation",
    "find_suite",
    "validate_frame",
    "validate_frames",
]

Outcome = Literal["passed", "warnings", "failed"]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Validation:
    """What a suite found in a frame."""

    suite: str
    """Name of the suite, ``flights.raw``."""
    suite_digest: str
    """Digest of the suite's canonical JSON."""
    outcome: Outcome
    """``failed`` when a critical expectation failed or broke, ``warnings`` when only others did."""
    failures: tuple[Failure, ...]
    """The failed expectations, critical ones first, each severity in the suite's order."""
    document: dict[str, Any]
    """The results as JSON values, in the suite's order; a function of suite and rows alone."""

    @property
    def critical(self) -> tuple[Failure, ...]:
        """The failures that close the door."""
        return tuple(failure for failure in self.failures if failure.severity == "critical")

    @property
    def failed(self) -> bool:
        """Whether the rows may not be used."""
        return self.outcome == "failed"

    @property
    def counts(self) -> dict[str, int]:
        """How many failures there are of each severity that there is."""
        found = Counter(failure.severity for failure in self.failures)
        return {severity: found[severity] for severity in SEVERITIES if found[severity]}

    def with_findings(self, findings: Sequence[Finding]) -> Validation:
        """The same with what checks against the past found, judged by the same severities."""
        if not findings:
            return self
        broken = [_failure(finding) for finding in findings if finding.failed]
        failures = tuple(sorted([*self.failures, *broken], key=lambda failure: failure.rank))
        outcome = _outcome(failures)
        checks = [finding.document() for finding in findings]
        document = {**self.document, "outcome": outcome, "checks": checks}
        return replace(self, outcome=outcome, failures=failures, document=document)

    @cached_property
    def html(self) -> str:
        """GX's Data Docs page of the results, in one file; rendered when first asked for."""
        return render_page(self.document)

    def error(
        self,
        usecase: str,
        dataset: str | None = None,
        partition: str | None = None,
        *,
        detail: str | None = None,
    ) -> ValidationFailed:
        """What to raise about the critical failures: how many, the first two, the whole detail."""
        shown = self.critical[:2]
        critical = len(self.critical)
        evaluated = self.document["evaluated"] + len(self.document.get("checks", ()))
        checked = " and its checks" if "checks" in self.document else ""
        hint = "mend the source; if the suite is wrong, change it in expectations/"
        if any(failure.id is None for failure in self.critical):
            hint = f"mend the source, or let it through: laurel quarantine release {usecase}"
        return ValidationFailed(
            f"{critical} critical expectation(s) of the suite {self.suite}{checked} failed, "
            f"{len(self.failures)} of {evaluated} in all",
            usecase=usecase,
            dataset=dataset,
            partition=partition,
            found="\n".join(failure.line(failure.observed) for failure in shown),
            expected="\n".join(failure.line(failure.expected) for failure in shown),
            hint=hint,
            detail=detail,
        )


def validate_frame(frame: pd.DataFrame, suite_file: Path) -> Validation:
    """Run the suite over one frame; raises :class:`ConfigError` for a suite that is not one."""
    return validate_frames({"frame": frame}, suite_file)["frame"]


def validate_frames(frames: Mapping[Key, pd.DataFrame], suite_file: Path) -> dict[Key, Validation]:
    """Run the suite over each frame by itself.

    A broken expectation, as on a column that is not there, counts as failed. Raises
    :class:`ConfigError` for a suite that cannot be read, is empty, or holds an expectation that
    GX would drop with a line in the log, or that is refused by its kind.
    """
    if not frames:
        return {}
    suite = Suite(suite_file)
    return {key: suite.judge([frame]) for key, frame in frames.items()}


_READY: dict[tuple[Path, frozenset[str]], Suite] = {}


def keep_ready(file: Path, table: pd.DataFrame, *, hidden: frozenset[str]) -> None:
    """Plan a suite over the columns of a table, so that processes forked from this one need not.

    Raises :class:`ConfigError` as :func:`validate_frames`.
    """
    suite = Suite(file, hidden=hidden)
    suite.plan(table)
    _READY[file, hidden] = suite


def ready_suite(file: Path, *, hidden: frozenset[str] = frozenset()) -> Suite:
    """The suite that was kept ready, where its file still says the same; otherwise a new one.

    Raises :class:`ConfigError` as :func:`validate_frames`.
    """
    kept = _READY.get((file, hidden))
    if kept is not None and kept.digest == digest(read_suite(file)):
        return kept
    return Suite(file, hidden=hidden)


class Suite:
    """A suite made ready once and run over many tables; not to be shared by threads."""

    def __init__(self, file: Path, *, hidden: frozenset[str] = frozenset()) -> None:
        """Read the suite; raises :class:`ConfigError` as :func:`validate_frames`.

        hidden: columns of which no value may be shown, since they name a person.
        """
        document = read_suite(file)
        self._hidden = hidden
        self._suite = build_suite(document, file)
        self._run = SuiteRun(self._suite.expectations)
        self._order = {each.id: place for place, each in enumerate(self._suite.expectations)}
        self.name = str(self._suite.name)
        self.digest = digest(document)

    def plan(self, table: pd.DataFrame) -> None:
        """Find out what has to be computed for tables of these columns and types."""
        self._run.plan(table)

    def judge(self, parts: Iterable[pd.DataFrame], whole: WholeTable | None = None) -> Validation:
        """Run the suite over one table, given as at least one part; several only with ``whole``."""
        counted = _Counted(parts)
        raw = self._run.results(counted, whole)
        results = [hide_values(clean_result(result), self._hidden) for result in raw]
        results.sort(key=lambda result: self._order[result["expectation_config"]["id"]])
        failed = [read_failure(result) for result in results if not result["success"]]
        failures = tuple(sorted(failed, key=lambda failure: failure.rank))
        outcome = _outcome(failures)
        document = {
            "suite": self.name,
            "suite_digest": self.digest,
            "outcome": outcome,
            "rows": counted.rows,
            "evaluated": len(results),
            "failed": len(failures),
            "results": results,
        }
        return Validation(self.name, self.digest, outcome, failures, document)

    def positions(
        self,
        parts: Iterable[pd.DataFrame],
        whole: WholeTable | None = None,
        *,
        of: Validation,
    ) -> set[int]:
        """The rows, counted from 0, that the critical failures of a validation are about.

        Empty where one of them is about no rows: then no rest of the table could pass.
        """
        wanted = {failure.id for failure in of.critical}
        run = SuiteRun([e for e in self._suite.expectations if e.id in wanted], positions=True)
        found = run.positions(parts, whole)
        if set(found) != wanted:
            return set()
        return {row for rows in found.values() for row in rows}


class _Counted:
    """Frames as they pass, and how many rows they had."""

    def __init__(self, parts: Iterable[pd.DataFrame]) -> None:
        self._parts, self.rows = parts, 0

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for part in self._parts:
            self.rows += len(part)
            yield part


def _outcome(failures: tuple[Failure, ...]) -> Outcome:
    graver = {failure.severity for failure in failures} - {"info"}
    if graver - {"warning"}:
        return "failed"
    return "warnings" if graver else "passed"


def _failure(finding: Finding) -> Failure:
    return Failure(
        expectation=finding.kind,
        column=finding.column,
        severity=finding.severity,
        observed=shorten(finding.observed),
        expected=shorten(finding.expected),
    )
