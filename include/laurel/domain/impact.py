"""What rests on a revision: trainings, decisions, predictions and reports, by the records alone.

*Direct* is what names the revision among its inputs. *Indirect* is what rests on something that
does: a challenger measured against a champion that learned from it, predictions by such a model,
a report on such predictions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from laurel.domain.canonical import instant
from laurel.domain.catalog import CatalogState
from laurel.domain.config import PREDICTIONS
from laurel.domain.ledger import LedgerState
from laurel.domain.uses import Line, Use

Sort = Literal["training", "decision", "predictions", "report"]
SORTS: tuple[Sort, ...] = ("training", "decision", "predictions", "report")


@dataclass(frozen=True)
class Touched:
    """A training, decision, prediction or report that rests on the revision."""

    sort: Sort
    run: str
    at: str
    """As_of or partition."""
    name: str
    """The model version; the event and the model version of a decision."""
    direct: bool
    via: str
    """How it rests on the revision, in words."""
    stands: bool = True
    """Whether it counts: a training that was decided, the newest predictions, a report on them."""

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Impact:
    """All that rests on some revisions of a dataset."""

    usecase: str
    dataset: str
    revisions: Mapping[str, tuple[int, ...]]
    """Partition → the revisions asked about."""
    newest: Mapping[str, int]
    items: tuple[Touched, ...] = field(default=())

    def of(self, sort: Sort) -> tuple[Touched, ...]:
        """The items of a sort, in the order of their time."""
        return tuple(item for item in self.items if item.sort == sort)

    def counts(self) -> dict[Sort, tuple[int, int]]:
        """By sort, how many rest on it directly and how many indirectly."""
        return {
            sort: (
                sum(item.direct for item in self.of(sort)),
                sum(not item.direct for item in self.of(sort)),
            )
            for sort in SORTS
        }

    @property
    def superseded(self) -> bool:
        """Whether there is a newer revision of any partition asked about."""
        return any(self.newest[key] > max(asked) for key, asked in self.revisions.items())

    def reference(self) -> dict[str, Any]:
        """References for XCom."""
        named = self.document()
        return {name: named[name] for name in ("usecase", "dataset", "counts")}

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "usecase": self.usecase,
            "dataset": self.dataset,
            "revisions": {key: list(asked) for key, asked in sorted(self.revisions.items())},
            "newest": dict(sorted(self.newest.items())),
            "counts": {
                sort: {"direct": direct, "indirect": indirect}
                for sort, (direct, indirect) in self.counts().items()
            },
            "items": [item.document() for item in self.items],
        }


def trace(
    uses: Sequence[Use],
    *,
    dataset: str,
    wanted: Mapping[str, Iterable[int]],
    ledger: LedgerState,
    predictions: CatalogState,
) -> tuple[Touched, ...]:
    """All that rests on these revisions of a dataset, in the order of sort and time.

    >>> trace([], dataset="rows", wanted={}, ledger=LedgerState(), predictions=CatalogState())
    ()
    """
    decided = {entry.run for entry in ledger.history}
    trainings = tuple(_trainings(uses, dataset, wanted, decided=decided))
    models = {item.name: item for item in trainings}
    decisions = (
        Touched(
            sort="decision",
            run=entry.run or "",
            at=instant(entry.as_of),
            name=f"{entry.event} {entry.model_version}",
            direct=models[entry.model_version].direct,
            via=f"the training of {entry.model_version}",
        )
        for entry in ledger.history
        if entry.model_version in models
    )
    scored = tuple(_scored(uses, dataset, wanted, models=models, predictions=predictions))
    runs = {item.run for item in scored}
    old = {
        (revision.partition, number)
        for revisions in predictions.revisions.values()
        for number, revision in enumerate(revisions, start=1)
        if revision.run in runs
    }
    newest = {(key, len(revisions)) for key, revisions in predictions.revisions.items()}
    reports = _reported(uses, dataset, wanted, models=models, old=old, newest=newest)
    return (*trainings, *decisions, *scored, *reports)


def _trainings(
    uses: Sequence[Use],
    dataset: str,
    wanted: Mapping[str, Iterable[int]],
    *,
    decided: set[str | None],
) -> Iterator[Touched]:
    found: set[str] = set()
    for use in _sorted(uses, "train"):
        line = use.reads(dataset, wanted)
        if line is not None or use.champion in found:
            found.add(use.model_version or "")
            via = _read(dataset, line) if line else f"measured against {use.champion}"
            yield Touched(
                sort="training",
                run=use.run,
                at=use.at,
                name=use.model_version or "",
                direct=line is not None,
                via=via,
                stands=use.run in decided,
            )


def _scored(
    uses: Sequence[Use],
    dataset: str,
    wanted: Mapping[str, Iterable[int]],
    *,
    models: Mapping[str, Touched],
    predictions: CatalogState,
) -> Iterator[Touched]:
    for use in _sorted(uses, "score"):
        line, model = use.reads(dataset, wanted), models.get(use.model_version or "")
        newest = predictions.corrected(use.at)
        if line is not None or model is not None:
            yield Touched(
                sort="predictions",
                run=use.run,
                at=use.at,
                name=use.model_version or "",
                direct=line is not None,
                via=_read(dataset, line) if line else _by(model),
                stands=newest is not None and newest.run == use.run,
            )


def _reported(
    uses: Sequence[Use],
    dataset: str,
    wanted: Mapping[str, Iterable[int]],
    *,
    models: Mapping[str, Touched],
    old: set[Line],
    newest: set[Line],
) -> Iterator[Touched]:
    for use in _sorted(uses, "monitor"):
        line, model = use.reads(dataset, wanted), models.get(use.model_version or "")
        read = [*use.lines(PREDICTIONS)]
        scored = next((known for known in read if known in old), None)
        if line is None and model is None and scored is None:
            continue
        yield Touched(
            sort="report",
            run=use.run,
            at=use.at,
            name=use.model_version or "",
            direct=line is not None,
            via=_read(dataset, line) if line else _read(PREDICTIONS, scored) or _by(model),
            stands=any(known in newest for known in read if known[0] == use.at),
        )


def _sorted(uses: Sequence[Use], kind: str) -> list[Use]:
    return sorted((use for use in uses if use.kind == kind), key=lambda use: (use.at, use.run))


def _read(dataset: str, line: Line | None) -> str:
    return f"{dataset} {line[0]}, revision {line[1]}" if line else ""


def _by(model: Touched | None) -> str:
    if model is None:
        return ""
    how = "learned from it" if model.direct else "was chosen by it"
    return f"{model.name}, which {how}"
