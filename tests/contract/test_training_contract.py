"""What every use case can be asked to learn: one round, ten rows by heart, and the same again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from laurel.adapters.documents import write_json
from laurel.adapters.frames import write_frame
from laurel.adapters.xgboost import MODEL, Model, fit, load_model, model_bytes, scores_digest
from laurel.domain.config import Model as ModelConfig
from laurel.domain.config import UseCaseConfig
from laurel.domain.featureset import LABEL, SPLIT, Part, compute_features
from laurel.domain.history import (
    CUTOFF,
    HISTORY,
    INSTANT,
    KNOWN_AT,
    PARTITION,
    Past,
    cutoff_of,
    fold_labels,
    join_labels,
)
from laurel.domain.objective import Numbers, find_objective
from laurel.domain.part import frame_head, to_part
from laurel.domain.partition import Partition
from laurel.domain.window import plan
from laurel.stages.featurize import load_featurizer
from laurel.stages.train import train
from laurel.usecase import UseCase
from support.objectives import load_objective
from support.sample import USECASES, read_days
from support.synthetic import load_toy

OBJECTIVES = ("multiclass", "regression", "count")
"""The synthetic use case with another label; as it is, it is binary."""
DAYS = {"train": 0, "validation": 1, "holdout": 2}
BY_HEART = ModelConfig(
    params={"max_depth": 6, "eta": 0.5, "min_child_weight": 0, "lambda": 0, "max_delta_step": 0},
    rounds=200,
    early_stopping_rounds=200,
)


@dataclass(frozen=True)
class Learnable:
    """A use case with three days of its own rows, one for each part."""

    usecase: UseCase
    frame: pd.DataFrame

    @property
    def config(self) -> UseCaseConfig:
        return self.usecase.config

    def part(self, split: str) -> Part:
        return to_part(self.frame[self.frame[SPLIT] == split], self.config)

    def fitted(self, train: Part, validation: Part, config: ModelConfig) -> Model:
        return fit(train, validation, config, objective=find_objective(self.config.label))

    def loss(self, part: Part, scores: Numbers) -> float:
        return find_objective(self.config.label).stopping(part.labels, scores)

    def constant(self, part: Part) -> Numbers:
        objective = find_objective(self.config.label)
        says = objective.constant(part.labels, part.exposures, objective.classes)
        return np.asarray(np.multiply.outer(part.exposures, says))


@pytest.fixture(scope="module", params=[*sorted(USECASES), "toy", *OBJECTIVES])
def learnable(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Learnable:
    folder = tmp_path_factory.mktemp("usecases")
    if request.param in OBJECTIVES:
        usecase = load_objective(folder, request.param)
    else:
        usecase = USECASES.get(request.param) or load_toy(folder)
    return Learnable(usecase, _frame(usecase))


def _frame(usecase: UseCase) -> pd.DataFrame:
    """The frame of three days, from the source through the feature code."""
    config = usecase.config
    before = config.features.history_days + config.label.delay_days + 2
    first = Partition.at(config.first_instant).shifted(before)
    tables = {name: read_days(usecase, name, before, first) for name in config.datasets}
    every = tables[config.rows_name].drop(columns=KNOWN_AT)
    labels = tables[config.labels_name].drop(columns=PARTITION)
    splits = {first.shifted(number).key: split for split, number in DAYS.items()}
    rows = every[every[PARTITION].isin(splits)]
    cutoffs = {key: cutoff_of(Partition.of(key), config) for key in splits}
    rows = rows.assign(
        **{CUTOFF: rows[PARTITION].map(cutoffs).astype(INSTANT), SPLIT: rows[PARTITION].map(splits)}
    )
    rows = join_labels(rows, fold_labels(labels, config), config, how="left")
    rows = rows[rows[config.label.column].notna()].reset_index(drop=True)
    context = {name: tables[name] for name in config.context_names}
    past = Past({HISTORY: join_labels(every, labels, config, how="inner"), **context}, config)
    featurizer = load_featurizer(usecase.features_file(), usecase=usecase.name)
    features = compute_features(featurizer, rows, past, config=config)
    window = plan(config, Partition(config.training.start).shifted(7).start)
    return pd.concat([frame_head(rows, config, window), features], axis=1)


def _ten(part: Part) -> Part:
    """Ten rows that differ in their features, of as many outcomes as there are."""
    told = ~part.features.duplicated().to_numpy()
    order = np.flatnonzero(told)
    by_label: Mapping[float, np.ndarray] = {
        float(label): order[part.labels[order] == label] for label in np.unique(part.labels)
    }
    turns = max(map(len, by_label.values()))
    places = [own[turn] for turn in range(turns) for own in by_label.values() if turn < len(own)]
    chosen = np.sort(places[:10])
    return Part(part.features.iloc[chosen].reset_index(drop=True), part.labels[chosen])


def test_one_round_is_fitted_and_says_no_worse_than_a_constant(learnable: Learnable) -> None:
    own = learnable.config.training.model.model_copy(update={"rounds": 1})
    part = learnable.part("train")._replace(weights=None)
    model = learnable.fitted(part, learnable.part("validation"), own)

    assert model.booster.num_boosted_rounds() == 1
    objective = model.objective
    for split in DAYS:
        scores = model.predict(learnable.part(split).features)
        rows = (learnable.frame[SPLIT] == split).sum()
        assert scores.shape == ((rows, objective.width) if objective.classes else (rows,))
        assert np.isfinite(scores).all()
        if objective.probabilities:
            assert ((scores >= 0) & (scores <= 1)).all()
    if own.balance == "none":
        scores = model.predict(part.features)
        constant = learnable.loss(part, learnable.constant(part))
        assert learnable.loss(part, scores) <= constant * (1 + 1e-4)


def test_ten_rows_are_learned_by_heart(learnable: Learnable) -> None:
    """If not, features and labels are not those of the same rows, or cannot tell rows apart."""
    ten = _ten(learnable.part("train"))
    assert len(ten.labels) == 10
    assert len(np.unique(ten.labels)) > 1
    model = learnable.fitted(ten, ten, BY_HEART)

    constant = learnable.loss(ten, learnable.constant(ten))
    assert learnable.loss(ten, model.predict(ten.features)) < 0.02 * constant

    shuffled = ten._replace(labels=np.roll(ten.labels, 1))
    assert learnable.loss(shuffled, model.predict(ten.features)) > 0.5 * constant


def test_a_saved_model_says_the_same_when_it_is_loaded(
    learnable: Learnable, tmp_path: Path
) -> None:
    config, usecase = learnable.config, learnable.usecase
    own = config.training.model.model_copy(update={"rounds": 12})
    training = config.training.model_copy(update={"model": own})
    usecase = replace(usecase, config=config.model_copy(update={"training": training}))
    data = tmp_path / "data" / usecase.name
    window = plan(config, Partition(config.training.start).shifted(7).start)
    write_json(window.document(), data / "window.json")
    write_json({}, data / "snapshot" / "counts.json")
    write_frame(learnable.frame, data)
    train(usecase, tmp_path)

    fitting, stopping = learnable.part("train"), learnable.part("validation")
    model = learnable.fitted(fitting, stopping, own)
    model = model.calibrated(config.training.calibration, stopping)
    loaded = load_model(data / "model")

    assert loaded.features == model.features
    assert model_bytes(loaded) == model_bytes(model) == (data / "model" / MODEL).read_bytes()
    for split in DAYS:
        features = learnable.part(split).features
        scores = model.predict(features)
        assert np.array_equal(loaded.predict(features), scores)
        assert scores_digest(loaded.predict(features)) == scores_digest(scores)
        turned = features[features.columns[::-1]]
        assert np.array_equal(loaded.predict(turned), scores)
        some = features.iloc[5:8]
        assert np.array_equal(loaded.predict(some), scores[5:8])
    assert LABEL not in {feature.name for feature in loaded.features}
