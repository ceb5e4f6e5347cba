"""Challengers beside a champion's scoring: the same rows, read once; the same features, where
their code is the same; only their trees run besides.

Whatever is wrong with a challenger stays its own: the champion's predictions do not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.adapters.tables import OrderedWriter, TableFacts
from laurel.domain.config import Canary
from laurel.domain.share import in_share
from laurel.errors import LaurelError
from laurel.stages.predictions import (
    Written,
    predictions,
    predictions_dataset,
    write_predictions,
)
from laurel.stages.score import Batch, Encoded, Scorer
from laurel.stages.tally import Tally

MESSAGE = 300
"""Characters of a fault that are kept."""


class CanaryFault(Exception):
    """A canary cannot answer: the champion has to answer all rows, from the first one on."""


@dataclass(frozen=True)
class WrittenShadow:
    """What a challenger said of a partition, or why it could not."""

    model_version: str
    path: Path
    facts: TableFacts | None = None
    """``None`` where it failed."""
    decisions: Mapping[str, int] = field(default_factory=dict)
    fault: BaseException | None = None
    seconds: float = 0.0
    """In its own features, trees and writing."""
    shares: bool = False
    """Whether it took the champion's features."""

    @property
    def passing(self) -> bool:
        """Whether another try may end otherwise: a fault of the machine or the store, or a scoring
        that did not end."""
        if self.fault is None:
            return self.facts is None
        return isinstance(self.fault, MemoryError | OSError) or bool(
            getattr(self.fault, "retryable", False)
        )


class Challenger:
    """A model version that goes along with a champion's scoring, and never stops it.

    As a canary it also answers its share of the keys; then it stops a scoring that it cannot go
    on with, by :class:`CanaryFault`.
    """

    def __init__(
        self, version: str, scorer: Scorer, path: Path, *, canary: Canary | None = None
    ) -> None:
        """Write what the version says of all rows to ``path``."""
        self.version, self.canary = version, canary
        self._scorer, self._path, self._tally = scorer, path, Tally(scorer)
        self._fault: BaseException | None = None
        self._facts: TableFacts | None = None
        self._seconds, self._begun = 0.0, False
        dataset = predictions_dataset(scorer.config)
        path.parent.mkdir(parents=True, exist_ok=True)
        order = list(dict.fromkeys((dataset.time, *dataset.key)))
        self._open = ExitStack()
        writer = OrderedWriter(path, order, folder=path.parent)
        self._writer = self._open.enter_context(writer)

    def along(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches, each with the challenger's scores and which rows a canary answers."""
        for batch in batches:
            scores = self._scores(batch)
            if scores is not None:
                batch = replace(batch, others={**batch.others, self.version: scores})
            if self.canary is not None:
                columns = self.canary.by or self._scorer.config.rows.key
                share, salt = self.canary.share, self.canary.salt
                answered = in_share(batch.rows, columns, share=share, salt=salt)
                batch = replace(batch, canary=answered)
            yield batch

    def answer(self, batch: Batch, frame: pd.DataFrame) -> pd.DataFrame:
        """The predictions of a batch, a canary's answers among them; what it says is written."""
        said = self._write(batch)
        if self.canary is None or batch.canary is None:
            return frame
        if said is None:
            raise CanaryFault(self.version) from self._fault
        where = batch.canary
        changed = {
            name: frame[name].mask(where, said[name])
            for name in frame.columns
            if name not in self._scorer.config.rows.columns and name != "partition"
        }
        return frame.assign(**changed)

    def finish(self) -> None:
        """There are no more batches."""
        if self._fault is not None:
            return
        began = perf_counter()
        try:
            self._facts = self._writer.finish()
        except Exception as error:
            self._fault = error
        self._open.close()
        self._seconds += perf_counter() - began

    def written(self) -> WrittenShadow:
        """What it said, once the scoring is over."""
        self._open.close()
        return WrittenShadow(
            model_version=self.version,
            path=self._path,
            facts=self._facts,
            decisions=dict(self._tally.decisions),
            fault=self._fault,
            seconds=self._seconds,
            shares=self._scorer.shares,
        )

    def _scores(self, batch: Batch) -> NDArray[np.float32] | None:
        if self._fault is not None:
            return None
        began = perf_counter()
        try:
            encoded = self._encoded(batch)
            (made,) = self._scorer.scored([encoded])
            self._tally.expect(made, self._path.with_name(f"refused-{self._path.name}"))
        except Exception as error:
            self._fault = error
            return None
        finally:
            self._seconds += perf_counter() - began
        return made.scores

    def _encoded(self, batch: Batch) -> Encoded:
        if self._scorer.shares:
            return Encoded(batch.rows, batch.features, self._scorer.model.block(batch.features))
        several = len(batch.rows) < self._scorer.rows and not self._begun
        self._begun = True
        (encoded,) = self._scorer.encode([batch.rows], several=several)
        return encoded

    def _write(self, batch: Batch) -> pd.DataFrame | None:
        if self._fault is not None or self.version not in batch.others:
            return None
        began = perf_counter()
        config, partition = self._scorer.config, self._scorer.partition.key
        try:
            scores = batch.others[self.version]
            frame = predictions(config, batch.rows, scores, self.version, partition=partition)
            self._tally.decide(frame)
            self._writer.write(frame)
        except Exception as error:
            self._fault = error
            return None
        finally:
            self._seconds += perf_counter() - began
        return frame


def write_beside(
    scorer: Scorer, path: Path, *, model_version: str, challengers: Sequence[Challenger]
) -> Written:
    """Score a partition with challengers beside; where a canary fails, the champion answers all.

    Raises as :func:`write_predictions`, and a canary's fault of the machine or the store.
    """
    try:
        return write_predictions(scorer, path, model_version=model_version, beside=challengers)
    except CanaryFault as stopped:
        failed = next(each.written() for each in challengers if each.canary is not None)
        if failed.passing and failed.fault is not None:
            raise failed.fault from stopped
        return write_predictions(scorer, path, model_version=model_version)


def in_words(fault: BaseException) -> str:
    """A fault in one line that names no place on this machine.

    >>> in_words(ValueError("no such column\\nat all"))
    'ValueError: no such column'
    """
    if isinstance(fault, LaurelError):
        said = fault.fact if fault.found is None else f"{fault.fact}: {fault.found}"
    else:
        lines = str(fault).strip().splitlines() or [""]
        said = f"{type(fault).__name__}: {lines[0]}"
    return " ".join(said.split())[:MESSAGE]
