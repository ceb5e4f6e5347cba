"""Explain one prediction: its row, what each feature added, and everything it came from.

The row is scored again, by the model, from the revisions and with the parameters that the run of
then used. What comes out must be the published score, bit for bit: else nothing is explained.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from laurel.adapters.tables import read_table
from laurel.adapters.xgboost import load_model
from laurel.adapters.xgboost.contributions import contributions
from laurel.domain.bundle import Bundle
from laurel.domain.config import PREDICTIONS, Scoring
from laurel.domain.explained import Explained, Source, build_outputs, plain, show_row
from laurel.domain.partition import Partition
from laurel.domain.rowkey import Key, key_text
from laurel.errors import IntegrityError
from laurel.runs.inputs import lay_files, load_given
from laurel.runs.lookup import Found, find_prediction, no_such_row
from laurel.runs.site import Site
from laurel.runs.train import trained_files
from laurel.stages.explain import hidden_columns
from laurel.stages.score import predictions
from laurel.stages.score import score as score_rows
from laurel.usecase import UseCase

CLASSLESS = "margin"


@dataclass(frozen=True)
class _Again:
    """A partition scored again, and the place of the row in it."""

    place: int
    row: pd.Series[Any]
    features: pd.DataFrame
    made: pd.DataFrame
    model: Path


def explain(
    site: Site,
    usecase: UseCase,
    *,
    key: Key,
    partition: Partition,
    as_of: datetime | None = None,
    as_corrected: bool = False,
    revision: int | None = None,
    show_personal: bool = False,
) -> Explained:
    """Explain the prediction of one row of a partition.

    Of several revisions it is the newest, the one known ``as_of``, the one of that number, or the
    one ``as_corrected`` by a restatement. Values of columns that name a person are hidden unless
    ``show_personal``. Raises :class:`NotFound` where the partition is not scored (saying what it
    waits for) or has no such row, :class:`IntegrityError` where scoring the row again gives another
    score than was published.
    """
    found = find_prediction(
        site,
        usecase,
        partition=partition,
        as_of=as_of,
        as_corrected=as_corrected,
        revision=revision,
    )
    then = _as_then(usecase, found.scoring)
    with site.workspace() as folder:
        file = folder / "published.parquet"
        site.plane.place({file: found.revision.md5})
        published = read_table(file)
        place = _place(published, key, usecase=usecase, partition=partition)
        again = _score_again(site, then, found=found, key=key, folder=folder)
        _expect_equal(usecase, published.iloc[place], again.made.iloc[again.place], found=found)
        return _explained(
            then, found, again=again, key=key, row=published.iloc[place], shown=show_personal
        )


def _as_then(usecase: UseCase, scoring: Bundle) -> UseCase:
    """The use case with the parameters of scoring that the run had."""
    then = Scoring(**scoring.parameters)
    return replace(usecase, config=usecase.config.model_copy(update={"scoring": then}))


def _place(table: pd.DataFrame, key: Key, *, usecase: UseCase, partition: Partition) -> int:
    """The place of the row with that key; raises :class:`NotFound` with the near matches."""
    same = np.ones(len(table), bool)
    for name, value in key.items():
        same &= (table[name] == value).fillna(value=False).to_numpy(dtype=bool)
    places = np.flatnonzero(same)
    if not len(places):
        raise no_such_row(usecase, key, table, partition=partition)
    return int(places[0])


def _score_again(site: Site, usecase: UseCase, *, found: Found, key: Key, folder: Path) -> _Again:
    given = load_given(site, usecase, inputs=found.inputs, folder=folder)
    files = trained_files(site, found.training)
    model = lay_files(site, files, folder=folder / "model")
    scored = score_rows(usecase, given, model=model)
    version = found.scoring.model_version or ""
    made = predictions(usecase, given, scores=scored.scores, model_version=version)
    place = _place(given.rows, key, usecase=usecase, partition=found.inputs.partition)
    return _Again(
        place=place,
        row=given.rows.iloc[place],
        features=scored.features.iloc[[place]].reset_index(drop=True),
        made=made,
        model=model,
    )


def _expect_equal(
    usecase: UseCase, published: pd.Series[Any], made: pd.Series[Any], *, found: Found
) -> None:
    """Raise :class:`IntegrityError` unless scores, decision and version are the published ones."""
    compared = [name for name in published.index if name not in usecase.config.rows.columns]
    other = [
        name
        for name in compared
        if name not in made.index or not _same(published[name], made[name])
    ]
    if other:
        raise IntegrityError(
            "scoring the row again gives another answer than was published",
            usecase=usecase.name,
            dataset=PREDICTIONS,
            partition=found.revision.partition,
            found=", ".join(f"{name} {made.get(name)!r}" for name in other),
            expected=", ".join(f"{name} {published[name]!r}" for name in other),
            hint=f"the prediction is not explained; compare the environment with that of run "
            f"{found.scoring.id}, and see: laurel audit verify {usecase.name}",
        )


def _same(published: Any, made: Any) -> bool:
    missing = bool(pd.isna(published)), bool(pd.isna(made))
    return all(missing) if any(missing) else bool(published == made)


def _explained(
    usecase: UseCase,
    found: Found,
    *,
    again: _Again,
    key: Key,
    row: pd.Series[Any],
    shown: bool,
) -> Explained:
    config, model = usecase.config, load_model(again.model)
    names = [feature.name for feature in model.features]
    known = {f.name: f.levels for f in model.features if f.levels is not None}
    values = contributions(model, again.features[names])[0]
    hidden = frozenset() if shown else hidden_columns(config)
    titles = [str(each) for each in model.about.get("classes", ())]
    outputs = build_outputs(
        dict(zip(names, again.features.loc[0, names], strict=True)),
        values,
        titles=titles if len(titles) == len(values) else [CLASSLESS],
        known=known,
        hidden=hidden,
    )
    columns = list(config.rows.columns)
    own = [name for name in row.index if name not in config.rows.columns]
    return Explained(
        usecase=config.name,
        objective=config.label.objective,
        key={name: plain(value) for name, value in key.items()},
        key_text=key_text(key),
        partition=found.revision.partition,
        prediction={name: plain(row[name]) for name in own},
        threshold=config.scoring.threshold,
        calibrated=bool(model.about.get("calibration")),
        row=show_row(
            dict(zip(columns, again.row[columns], strict=True)), config.rows, hidden=hidden
        ),
        outputs=outputs,
        source=_source(found),
    )


def _source(found: Found) -> Source:
    inputs = found.inputs
    return Source.of(
        revision=found.revision,
        revisions=found.revisions,
        restated=found.restated,
        scoring=found.scoring,
        training=found.training,
        entry=inputs.champion,
        cutoff=inputs.cutoff,
        rows_name=inputs.rows_name,
        rows=inputs.rows,
        past=inputs.past,
        now=found.reigns_now,
    )
