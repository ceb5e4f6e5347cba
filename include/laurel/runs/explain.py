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
from numpy.typing import NDArray

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
from laurel.runs.lookup import Found, answered_by, find_prediction, no_such_row
from laurel.runs.site import Site
from laurel.runs.train import trained_files
from laurel.stages.predictions import predictions
from laurel.stages.score import Scorer, with_text
from laurel.usecase import UseCase

CLASSLESS = "margin"


@dataclass(frozen=True)
class _Again:
    """A row that was scored again among those of its partition."""

    row: pd.Series[Any]
    features: pd.DataFrame
    """One row."""
    made: pd.Series[Any]
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
        version = str(published["model_version"].iloc[place])
        found = answered_by(site, usecase, found, version)
        again = _score_again(site, then, found=found, key=key, folder=folder, version=version)
        _expect_equal(usecase, published.iloc[place], again.made, found=found)
        return _explained(
            then, found, again=again, key=key, row=published.iloc[place], shown=show_personal
        )


def _as_then(usecase: UseCase, scoring: Bundle) -> UseCase:
    """The use case with the parameters of scoring that the run had."""
    then = Scoring(**scoring.parameters)
    return replace(usecase, config=usecase.config.model_copy(update={"scoring": then}))


def _place(table: pd.DataFrame, key: Key, *, usecase: UseCase, partition: Partition) -> int:
    """The place of the row with that key; raises :class:`NotFound` with the near matches."""
    places = np.flatnonzero(_have(table, key))
    if not len(places):
        raise no_such_row(usecase, key, table, partition=partition)
    return int(places[0])


def _have(table: pd.DataFrame, key: Key) -> NDArray[np.bool_]:
    same = np.ones(len(table), bool)
    for name, value in key.items():
        same &= (table[name] == value).fillna(value=False).to_numpy(dtype=bool)
    return same


def _score_again(
    site: Site, usecase: UseCase, *, found: Found, key: Key, folder: Path, version: str
) -> _Again:
    given = load_given(site, usecase, inputs=found.inputs, folder=folder)
    files = trained_files(site, found.training)
    model = lay_files(site, files, folder=folder / "model")
    scorer, partition = Scorer(usecase, given, model=model), found.inputs.partition
    for batch in scorer.batches():
        places = np.flatnonzero(_have(batch.rows, key))
        if len(places):
            here = slice(places[0], places[0] + 1)
            row, scores = batch.rows.iloc[here], batch.scores[here]
            made = predictions(scorer.config, row, scores, version, partition=partition.key)
            features = with_text(batch.features.iloc[here]).reset_index(drop=True)
            return _Again(row=row.iloc[0], features=features, made=made.iloc[0], model=model)
    raise no_such_row(usecase, key, given.rows(), partition=partition)


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
    hidden = frozenset() if shown else config.hidden
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
