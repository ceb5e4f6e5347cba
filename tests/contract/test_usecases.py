"""What every use case keeps: the words of usecase.yaml, its suites, its source, its features."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from laurel.adapters.gx import find_suite
from laurel.adapters.tables import conform
from laurel.domain.config import Dataset
from laurel.domain.history import CUTOFF, HISTORY, INSTANT, KNOWN_AT, PARTITION
from laurel.domain.partition import DAY, Partition
from laurel.domain.window import lookback
from laurel.settings import load_settings
from laurel.stages.predictions import predictions_dataset
from laurel.usecase import UseCase
from support.sample import USECASES, Sample, load_sample, poisoned


@pytest.fixture(params=sorted(USECASES))
def usecase(request: pytest.FixtureRequest) -> UseCase:
    return USECASES[request.param]


@pytest.fixture
def sample(usecase: UseCase) -> Sample:
    return load_sample(usecase.name)


def suites(usecase: UseCase) -> Iterator[tuple[str, set[str]]]:
    """Each suite that the use case names, with the columns that it may speak of."""
    config = usecase.config
    for dataset in config.datasets.values():
        yield dataset.suite, set(dataset.columns)
    joined = {*config.rows.columns, *config.labels.columns, PARTITION, CUTOFF, KNOWN_AT}
    yield config.training.suite, joined
    yield config.scoring.suite, set(predictions_dataset(config).columns)


def assert_same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_the_folder_has_a_description_and_an_owner(usecase: UseCase) -> None:
    assert usecase.config.title
    assert usecase.config.owner
    assert (usecase.folder / "README.md").is_file()


def test_every_suite_that_is_named_is_there_and_speaks_of_columns_that_exist(
    usecase: UseCase,
) -> None:
    for name, columns in suites(usecase):
        document = json.loads(find_suite(name, load_settings({})).read_text())
        assert document["name"] == name
        for expectation in document["expectations"]:
            said = expectation["kwargs"]
            spoken = {said[key] for key in ("column", "column_A", "column_B") if key in said}
            spoken |= set(said.get("column_list", ()))
            assert spoken <= columns, f"{name}: {expectation['type']}"
            assert expectation["severity"] in ("critical", "warning", "info")


def test_suites_demand_unique_keys(usecase: UseCase) -> None:
    named = {dataset.suite: dataset for dataset in usecase.config.datasets.values()}
    for name, dataset in named.items():
        document = json.loads(find_suite(name, load_settings({})).read_text())
        assert any(_is_uniqueness(said, dataset) for said in document["expectations"]), name


def _is_uniqueness(said: Mapping[str, Any], dataset: Dataset) -> bool:
    columns = said["kwargs"].get("column_list") or [said["kwargs"].get("column")]
    return (
        said["type"].endswith("_to_be_unique")
        and said["severity"] == "critical"
        and tuple(columns) == dataset.key
    )


def test_the_source_gives_the_declared_columns_and_the_rows_of_the_interval_alone(
    sample: Sample,
) -> None:
    config, source = sample.usecase.config, sample.usecase.source()
    start, end = sample.first.start, sample.first.end
    for name, dataset in config.datasets.items():
        frame = source.read(name, start, end, config.source.options)
        assert len(frame), name
        assert frame[dataset.time].between(start, end, inclusive="left").all()
        typed = conform(frame, dataset, usecase=config.name, name=name, partition=sample.first.key)
        assert list(typed.columns) == list(dataset.columns)


def test_reading_two_days_at_once_or_one_by_one_gives_the_same_rows(sample: Sample) -> None:
    config, source = sample.usecase.config, sample.usecase.source()
    days = [sample.first, sample.first.shifted(1)]
    for name, dataset in config.datasets.items():
        key, options = list(dataset.key), config.source.options
        whole = source.read(name, days[0].start, days[1].end, options)
        parts = [source.read(name, day.start, day.end, options) for day in days]
        assert_same(
            pd.concat(parts).sort_values(key, ignore_index=True),
            whole.sort_values(key, ignore_index=True),
        )


def test_the_fingerprint_stays_while_the_source_does(usecase: UseCase) -> None:
    source, options = usecase.source(), usecase.config.source.options
    for name in usecase.config.datasets:
        found = source.fingerprint(name, options)
        assert isinstance(found, str)
        assert found
        assert found == source.fingerprint(name, options)


def test_labels_of_a_day_arrive_a_label_delay_later(sample: Sample) -> None:
    config, source = sample.usecase.config, sample.usecase.source()
    later = sample.first.shifted(config.label.delay_days)
    labels = source.read(config.labels_name, later.start, later.end, config.source.options)
    assert set(labels[config.labels.key[0]]) == set(sample.first_day[config.rows.key[0]])


def test_features_keep_index_and_order_of_the_rows(sample: Sample) -> None:
    rows = sample.rows.iloc[::-7].copy()
    rows.index = pd.Index(range(5, 5 + 3 * len(rows), 3))
    features = sample.featurize(rows)
    assert features.index.equals(rows.index)
    plain = sample.featurize(rows.reset_index(drop=True))
    assert_same(features.reset_index(drop=True), plain)


def test_features_are_numbers_or_names_and_hold_no_label_and_no_key(sample: Sample) -> None:
    config = sample.usecase.config
    features = sample.featurize(sample.first_day)
    known_later = set(config.labels.columns) | {CUTOFF, KNOWN_AT, PARTITION, *config.rows.key}
    assert not set(features.columns) & known_later
    for name in features:
        dtype = features[name].dtype
        assert pd.api.types.is_numeric_dtype(dtype) or isinstance(dtype, pd.StringDtype), name
        if pd.api.types.is_numeric_dtype(dtype):
            assert not np.isinf(features[name].to_numpy(dtype="float64", na_value=np.nan)).any()


@pytest.mark.parametrize("size", [1, 7])
def test_features_are_the_same_in_batches_of_any_size(sample: Sample, size: int) -> None:
    rows = sample.rows.iloc[:: max(1, len(sample.rows) // (12 * size))]
    whole = sample.featurize(sample.rows).loc[rows.index]
    parts = [sample.featurize(rows.iloc[at : at + size]) for at in range(0, len(rows), size)]
    assert_same(pd.concat(parts), whole)


def test_features_do_not_depend_on_the_order_of_rows_and_context(sample: Sample) -> None:
    shuffled = sample.rows.sample(frac=1, random_state=1)
    context = {
        name: frame.sample(frac=1, random_state=2).reset_index(drop=True)
        for name, frame in sample.context.items()
    }
    features = sample.featurize(shuffled, context).sort_index()
    assert_same(features, sample.featurize(sample.rows))


def test_what_became_known_after_the_cutoff_changes_nothing(sample: Sample) -> None:
    rows, config = sample.first_day, sample.usecase.config
    cutoff = rows[CUTOFF].iloc[0]
    context = {}
    for name, frame in sample.context.items():
        later = frame[KNOWN_AT] > cutoff
        fixed = {KNOWN_AT, *(dataset.time for dataset in config.datasets.values())}
        assert later.any()
        context[name] = pd.concat([frame[~later], poisoned(frame[later], fixed)])
    expected = sample.featurize(rows)
    assert_same(sample.featurize(rows, context), expected)
    known = {name: frame[frame[KNOWN_AT] <= cutoff] for name, frame in sample.context.items()}
    assert_same(sample.featurize(rows, known), expected)


def test_a_correction_after_the_cutoff_changes_nothing(sample: Sample) -> None:
    rows, config = sample.first_day, sample.usecase.config
    cutoff = rows[CUTOFF].iloc[0]
    keys = {name: data.key for name, data in config.datasets.items()} | {HISTORY: config.rows.key}
    context = {}
    for name, frame in sample.context.items():
        known = frame[frame[KNOWN_AT] <= cutoff]
        times = {dataset.time for dataset in config.datasets.values()}
        corrected = poisoned(known, {*keys[name], *times})
        corrected[KNOWN_AT] = pd.Series(cutoff + DAY, index=known.index, dtype=INSTANT)
        context[name] = pd.concat([frame, corrected], ignore_index=True)
    assert_same(sample.featurize(rows, context), sample.featurize(rows))


def test_features_look_back_no_further_than_declared(sample: Sample) -> None:
    rows, config = sample.first_day, sample.usecase.config
    days = lookback(config, sample.first.day)
    first = Partition(days.first).start if days else sample.first.start
    times = {name: data.time for name, data in config.datasets.items()}
    times[HISTORY] = config.rows.time
    context = {
        name: frame[frame[times[name]] >= first].reset_index(drop=True)
        for name, frame in sample.context.items()
    }
    assert any(len(context[name]) < len(sample.context[name]) for name in context)
    assert_same(sample.featurize(rows, context), sample.featurize(rows))


def test_features_can_be_computed_of_the_first_day_there_is(sample: Sample) -> None:
    nothing = {name: frame.iloc[:0] for name, frame in sample.context.items()}
    features = sample.featurize(sample.first_day, nothing)
    expected = sample.featurize(sample.first_day)
    assert list(features.columns) == list(expected.columns)
    assert features.dtypes.astype(str).equals(expected.dtypes.astype(str))


def test_featurize_leaves_what_it_is_given_untouched(sample: Sample) -> None:
    rows = sample.first_day.copy()
    context = {name: frame.copy() for name, frame in sample.context.items()}
    sample.featurize(rows, context)
    assert_same(rows, sample.first_day)
    for name, frame in context.items():
        assert_same(frame, sample.context[name])


def test_the_first_training_run_has_all_the_days_it_asks_for(usecase: UseCase) -> None:
    config = usecase.config
    training = config.training
    days = training.train_days + training.validation_days + training.holdout_days
    days += 2 * config.label.delay_days + 1
    assert training.start >= config.start + timedelta(days=days)


def test_the_gate_asks_something_of_the_first_challenger(usecase: UseCase) -> None:
    kinds = {threshold.kind for threshold in usecase.config.gate.thresholds}
    assert kinds & {"at_least", "at_most"}
    assert kinds & {"not_worse", "better"}
