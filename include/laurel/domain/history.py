"""What was known when: rows joined with their labels, and tables as they stood at a cutoff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.canonical import parse_instant
from laurel.domain.config import UseCaseConfig
from laurel.domain.config.names import CUTOFF as CUTOFF
from laurel.domain.config.names import HISTORY as HISTORY
from laurel.domain.config.names import KNOWN_AT as KNOWN_AT
from laurel.domain.config.names import KNOWN_FROM as KNOWN_FROM
from laurel.domain.config.names import KNOWN_UNTIL as KNOWN_UNTIL
from laurel.domain.config.names import PARTITION as PARTITION
from laurel.domain.config.names import SUPERSEDED as SUPERSEDED
from laurel.domain.window import cutoff_of as cutoff_of
from laurel.domain.window import lookback
from laurel.errors import ConfigError

INSTANT = pd.DatetimeTZDtype("us", "UTC")
_NULLABLE = {"i": "Int64", "b": "boolean"}


def fold_labels(labels: pd.DataFrame, config: UseCaseConfig) -> pd.DataFrame:
    """Of several labels of one key, the one that became known last.

    labels: the key, label columns and ``known_at``; ties go to the later row.
    """
    ordered = labels.sort_values(KNOWN_AT, kind="stable")
    return ordered.drop_duplicates(list(config.labels.key), keep="last")


def join_labels(
    rows: pd.DataFrame, labels: pd.DataFrame, config: UseCaseConfig, *, how: str
) -> pd.DataFrame:
    """Rows with what became known of them: label columns and ``known_at``.

    how: ``left`` keeps rows of which nothing became known, ``inner`` leaves them out. A row with
    several labels comes several times. Whole numbers and booleans become nullable. Raises
    :class:`ConfigError` where the two datasets share a column besides the key.
    """
    key = list(config.rows.key)
    shared = [name for name in labels.columns if name in rows.columns and name not in key]
    if shared:
        raise ConfigError(
            "rows and labels share columns besides their key",
            usecase=config.name,
            found=", ".join(shared),
            hint="rename them in one of the two datasets",
        )
    nullable = {
        name: _NULLABLE[labels[name].dtype.kind]
        for name in labels.columns
        if name not in key and labels[name].dtype.kind in _NULLABLE and _is_plain(labels[name])
    }
    joined = rows.merge(labels.astype(nullable), on=key, how="left", sort=False)
    if how == "inner":
        joined = joined[joined[KNOWN_AT].notna()]
    return joined.reset_index(drop=True)


def stamp(frame: pd.DataFrame, *, partition: str, known_at: str | None = None) -> pd.DataFrame:
    """A partition's rows with the columns ``partition`` and, when given, ``known_at``."""
    stamped = frame.copy()
    stamped[PARTITION] = pd.Series(partition, index=frame.index, dtype="str")
    if known_at is not None:
        moment = pd.Timestamp(parse_instant(known_at))
        stamped[KNOWN_AT] = pd.Series(moment, index=frame.index, dtype=INSTANT)
    return stamped


@dataclass(frozen=True)
class Table:
    """A table of the past, in the order of its partitions, found by day."""

    frame: pd.DataFrame
    days: NDArray[Any]
    since: NDArray[Any]
    """From when a row was known."""
    until: NDArray[Any] | None
    """When a revision took its place; not a time where none did, ``None`` where none ever did."""
    key: tuple[str, ...]
    """The key by which several versions of a row are folded; empty where each comes once."""

    def at(self, cutoff: datetime, *, first: date, last: date) -> pd.DataFrame:
        """The rows of those days as they were known at ``cutoff``."""
        bounds = np.array([first, last], dtype="datetime64[D]")
        low = int(np.searchsorted(self.days, bounds[0], side="left"))
        high = int(np.searchsorted(self.days, bounds[1], side="right"))
        limit = pd.Timestamp(cutoff).as_unit("us").to_datetime64()
        known = self.since[low:high] <= limit
        if self.until is not None:
            known &= ~(self.until[low:high] <= limit)
        places = np.flatnonzero(known)
        # mostly all rows but the last ones: these need no copy
        row = len(places) and places[-1] - places[0] == len(places) - 1
        seen = self.frame.iloc[
            slice(low + places[0], low + places[-1] + 1) if row else low + places
        ]
        if self.key:
            newest = seen.sort_values(KNOWN_AT, kind="stable")
            seen = newest.drop_duplicates(list(self.key), keep="last").sort_index()
        return seen.reset_index(drop=True)


class Past:
    """The tables that features may look back on, each as it stood at any cutoff.

    tables: by name, with ``partition`` (of the event) and ``known_at``; ``history`` among them.
    Where a table has every revision of a partition, ``known_from`` and ``known_until`` say which
    was the newest when. The same object serves training and scoring, so both see the same past.
    """

    def __init__(self, tables: Mapping[str, pd.DataFrame], config: UseCaseConfig) -> None:
        self._config = config
        self._tables = {
            name: _index(frame, config.rows.key if name == HISTORY else ())
            for name, frame in sorted(tables.items())
        }

    def at(
        self, cutoff: datetime, *, day: date, history_days: int | None = None
    ) -> dict[str, pd.DataFrame]:
        """What the features of ``day`` may see: known at ``cutoff``, no older than looked back on.

        Of each partition that is its newest revision of then. Tables keep their ``known_at`` and
        come without ``partition``.
        """
        days = lookback(self._config, day, history_days=history_days)
        if days is None:
            return {name: table.frame.iloc[:0] for name, table in self._tables.items()}
        return {
            name: table.at(cutoff, first=days.first, last=days.last)
            for name, table in self._tables.items()
        }


def _is_plain(column: pd.Series[Any]) -> bool:
    return isinstance(column.dtype, np.dtype)


def _index(frame: pd.DataFrame, key: tuple[str, ...]) -> Table:
    days = _days(frame[PARTITION])
    if (days[1:] >= days[:-1]).all():
        ordered = frame.reset_index(drop=True)
    else:
        order = np.argsort(days, kind="stable")
        ordered, days = frame.iloc[order].reset_index(drop=True), days[order]
    plain = ordered.drop(columns=[PARTITION, KNOWN_FROM, KNOWN_UNTIL], errors="ignore")
    again = bool(key) and bool(plain.duplicated(list(key)).any())
    since = _moments(plain[KNOWN_AT])
    if KNOWN_FROM in ordered:
        own = _moments(ordered[KNOWN_FROM])
        since = np.where(np.isnat(own), since, own)
    return Table(
        frame=plain,
        days=days,
        since=since,
        until=_moments(ordered[KNOWN_UNTIL]) if KNOWN_UNTIL in ordered else None,
        key=key if again else (),
    )


def _days(partitions: pd.Series[Any]) -> NDArray[Any]:
    """The day of each partition; a text is read once, however many rows have it."""
    codes, names = pd.factorize(partitions)
    found: NDArray[Any] = np.asarray(names, dtype="datetime64[D]")[codes]
    return found


def _moments(column: pd.Series[Any]) -> NDArray[Any]:
    found: NDArray[Any] = column.dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
    return found
