"""The training stages over the synthetic use case, from inputs to verdict."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from laurel.adapters.documents import read_json, write_json
from laurel.adapters.frames import read_frame, write_frame
from laurel.adapters.tables import read_parts, read_table, write_table
from laurel.adapters.xgboost import Feature, fit, load_features, load_model, model_bytes
from laurel.domain.canonical import parse_instant
from laurel.domain.config import Model as ModelConfig
from laurel.domain.config.model import RESERVED
from laurel.domain.featureset import Part, compute_features
from laurel.domain.history import HISTORY, Past, join_labels
from laurel.domain.metric import BINARY
from laurel.domain.objective import OBJECTIVES
from laurel.domain.part import split_part
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, DataError, IntegrityError, NotFound
from laurel.stages.assemble import assemble
from laurel.stages.evaluate import evaluate
from laurel.stages.featurize import featurize, load_snapshot
from laurel.stages.train import train
from laurel.stages.verdict import read_evidence, verdict
from laurel.usecase import UseCase
from support.synthetic import AS_OF, lay_window, load_toy

NEXT = parse_instant("2024-02-19")
AMOUNT = 'features["amount"] = rows["amount"].astype("float32")'
RENAMED = (
    'features["paid"] = (rows["amount"] // 30).astype("float32")\n    '
    'features["spent"] = features["paid"] * features["paid"]'
)
"""A feature as the champion's code has it, and what becomes of it: another name, and one more."""


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return load_toy(tmp_path_factory.mktemp("toy"))


def run(usecase: UseCase, folder: Path, *, threads: int = 1) -> Path:
    assemble(usecase, folder)
    featurize(usecase, folder)
    train(usecase, folder, threads=threads)
    evaluate(usecase, folder)
    verdict(usecase, folder)
    return folder / "data" / usecase.name


@pytest.fixture(scope="module")
def first(toy: UseCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a finished run without a champion."""
    folder = tmp_path_factory.mktemp("first")
    lay_window(toy, folder)
    return run(toy, folder)


@pytest.fixture(scope="module")
def second(toy: UseCase, first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the next week's run, with the first one's model as champion."""
    folder = tmp_path_factory.mktemp("second")
    lay_window(toy, folder, as_of=NEXT, champion=first / "model")
    return run(toy, folder)


@pytest.fixture
def copied(first: Path, tmp_path: Path) -> Path:
    """A copy of the first run's workspace, to be tampered with."""
    shutil.copytree(first.parents[1], tmp_path / "copy")
    return tmp_path / "copy"


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def relay(folder: Path, dataset: str, partition: str, frame: pd.DataFrame, **line: Any) -> None:
    """Put another content into a partition of a laid window, and say so in window.json."""
    data = folder / "data" / "toy"
    file = data / "inputs" / dataset / f"{partition}.parquet"
    write_table(frame, file)
    window = read_json(data / "window.json")
    (entry,) = [e for e in window["datasets"][dataset] if e["partition"] == partition]
    entry |= {"md5": hashlib.md5(file.read_bytes()).hexdigest(), **line}  # noqa: S324
    write_json(window, data / "window.json")


# --- assemble


def test_the_snapshot_holds_every_row_of_the_window_once_in_canonical_order(first: Path) -> None:
    rows = read_parts(first / "snapshot" / "rows")
    window = read_json(first / "window.json")
    assert len(rows) == sum(line["rows"] for line in window["datasets"]["visits"])
    assert rows["visit_id"].is_unique
    assert rows.equals(rows.sort_values(["at", "visit_id"], ignore_index=True))


def test_nothing_in_the_snapshot_became_known_after_as_of(first: Path) -> None:
    for name in ("rows", "returns", "climate"):
        table = read_parts(first / "snapshot" / name)
        assert (table["known_at"].dropna() <= pd.Timestamp(AS_OF)).all()


def test_a_row_s_cutoff_is_its_partition_s_start_less_the_horizon(
    toy: UseCase, copied: Path
) -> None:
    scoring = toy.config.scoring.model_copy(update={"horizon_hours": 6})
    early = replace(toy, config=toy.config.model_copy(update={"scoring": scoring}))
    assemble(early, copied)
    rows = read_parts(copied / "data/toy/snapshot/rows")
    starts = pd.to_datetime(rows["partition"], utc=True)
    assert (rows["cutoff"] == starts - pd.Timedelta(hours=6)).all()


def test_rows_without_an_outcome_are_counted_and_not_learned_from(first: Path) -> None:
    counts = read_json(first / "snapshot" / "counts.json")
    rows = read_parts(first / "snapshot" / "rows")
    assert counts["without_outcome"] == int(rows["returned"].isna().sum()) > 0
    assert counts["labelled"] + counts["without_outcome"] + counts["without_label"] == len(rows)
    none = set(rows.loc[rows["returned"].isna(), "visit_id"])
    assert none.isdisjoint(read_frame(first)["visit_id"])


def test_a_partition_known_after_as_of_is_refused(toy: UseCase, copied: Path) -> None:
    file = copied / "data/toy/inputs/returns/2024-02-05.parquet"
    relay(copied, "returns", "2024-02-05", read_table(file), known_at="2024-02-12T00:00:01Z")
    with pytest.raises(IntegrityError, match="known after as_of") as caught:
        assemble(toy, copied)
    assert caught.value.partition == "2024-02-05"


def test_other_bytes_than_window_json_names_are_refused(toy: UseCase, copied: Path) -> None:
    file = copied / "data/toy/inputs/visits/2024-01-10.parquet"
    write_table(read_table(file).iloc[1:].reset_index(drop=True), file)
    with pytest.raises(IntegrityError, match="bytes are not those"):
        assemble(toy, copied)


def test_a_missing_or_unnamed_partition_file_is_refused(toy: UseCase, copied: Path) -> None:
    folder = copied / "data/toy/inputs/climate"
    (folder / "2024-01-10.parquet").rename(folder / "2023-12-31.parquet")
    with pytest.raises(IntegrityError, match="files are not those"):
        assemble(toy, copied)


def test_of_several_labels_the_one_known_last_wins(toy: UseCase, copied: Path) -> None:
    inputs = copied / "data/toy/inputs/returns"
    earlier, later = (read_table(inputs / f"2024-01-{day}.parquet") for day in (12, 15))
    corrected = earlier.iloc[[3]].assign(returned=1.0 - earlier["returned"].iloc[3])
    both = pd.concat([later, corrected], ignore_index=True)
    relay(copied, "returns", "2024-01-15", both)
    assemble(toy, copied)
    rows = read_parts(copied / "data/toy/snapshot/rows").set_index("visit_id")
    key = earlier["visit_id"].iloc[3]
    assert rows.loc[key, "returned"] == corrected["returned"].iloc[0]
    assert rows.loc[key, "known_at"] == pd.Timestamp("2024-01-16", tz="UTC")


def test_columns_that_rows_and_labels_share_are_refused(toy: UseCase) -> None:
    rows = pd.DataFrame({"visit_id": ["a"], "amount": [1.0]})
    with pytest.raises(ConfigError, match="share columns"):
        join_labels(rows, rows, toy.config, how="left")


# --- featurize


def test_the_frame_holds_the_three_splits_and_neither_history_nor_embargo(first: Path) -> None:
    frame = read_frame(first)
    days = frame.groupby("split")["partition"].agg(["min", "max"])
    assert days.loc["train"].tolist() == ["2024-01-08", "2024-01-28"]
    assert days.loc["validation"].tolist() == ["2024-01-29", "2024-02-02"]
    assert days.loc["holdout"].tolist() == ["2024-02-04", "2024-02-10"]


def test_features_of_a_partition_are_those_that_scoring_it_alone_computes(
    toy: UseCase, first: Path
) -> None:
    rows, past = load_snapshot(toy, first)
    frame = read_frame(first)
    day = frame[frame["partition"] == "2024-02-06"].reset_index(drop=True)
    own = rows[rows["visit_id"].isin(day["visit_id"])].reset_index(drop=True)
    alone = compute_features(load_features(first / "model"), own, past, config=toy.config)
    pd.testing.assert_frame_equal(alone, day[alone.columns])


def test_feature_code_is_shown_nothing_that_became_known_after_the_cutoff(
    toy: UseCase, first: Path
) -> None:
    seen: list[tuple[pd.Timestamp, pd.DataFrame]] = []

    def look(rows: pd.DataFrame, context: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        assert "returned" not in rows
        cutoff = rows["cutoff"].iloc[0]
        seen.extend((cutoff, table) for table in context.values())
        oldest = context[HISTORY]["at"].min() if len(context[HISTORY]) else cutoff
        assert oldest >= cutoff - pd.Timedelta(days=7)
        return rows[["amount"]]

    rows, past = load_snapshot(toy, first)
    compute_features(look, rows, past, config=toy.config)
    assert len(seen) > 40
    assert all((table["known_at"] <= cutoff).all() for cutoff, table in seen)
    assert any(len(table) for _, table in seen)


def test_a_corrected_label_is_seen_from_the_moment_it_became_known(toy: UseCase) -> None:
    start = pd.Timestamp("2024-01-03", tz="UTC")
    stamps = pd.to_datetime(["2024-01-05", "2024-01-08"], utc=True).astype("datetime64[us, UTC]")
    history = pd.DataFrame(
        {
            "visit_id": ["a", "a"],
            "at": [start, start],
            "returned": [0.0, 1.0],
            "known_at": stamps,
            "partition": ["2024-01-03", "2024-01-03"],
        }
    )
    past = Past({HISTORY: history}, toy.config)

    def seen(day: str) -> list[float]:
        partition = Partition.of(day)
        return past.at(partition.start, day=partition.day)[HISTORY]["returned"].tolist()

    assert [seen(f"2024-01-0{day}") for day in (4, 5, 7, 8)] == [[], [0.0], [0.0], [1.0]]


def test_feature_code_that_reorders_or_names_reserved_columns_is_refused(
    toy: UseCase, first: Path
) -> None:
    rows, past = load_snapshot(toy, first)
    for broken in (
        lambda rows, _: rows[["amount"]].iloc[::-1],
        lambda rows, _: rows[["amount"]].rename(columns={"amount": "label"}),
        lambda rows, _: rows[["at"]],
    ):
        with pytest.raises(DataError) as caught:
            compute_features(broken, rows, past, config=toy.config)
        assert caught.value.partition == "2024-01-01"


def test_features_that_look_at_the_rows_beside_are_not_learned_from(
    first: Path, tmp_path: Path
) -> None:
    usecase = load_toy(tmp_path / "case")
    shutil.copytree(first, tmp_path / "run" / "data" / "toy")
    file = usecase.features_file()
    code = file.read_text().replace('rows["amount"]', 'rows["amount"] - rows["amount"].mean()')
    file.write_text(code)
    with pytest.raises(DataError, match="depend on the other rows") as caught:
        featurize(usecase, tmp_path / "run")
    assert caught.value.found == "amount"


def test_loading_feature_code_leaves_no_bytecode_beside_it(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    shutil.copytree(first / "model", tmp_path / "model")
    load_features(tmp_path / "model")
    assert not list(tmp_path.rglob("__pycache__"))


# --- train


def test_model_bytes_are_identical_for_any_number_of_threads(toy: UseCase, first: Path) -> None:
    frame = read_frame(first)
    parts = [split_part(frame, name, toy.config) for name in ("train", "validation")]
    one, two, three = (
        model_bytes(
            fit(*parts, toy.config.training.model, objective=OBJECTIVES["binary"], threads=n)
        )
        for n in (1, 2, 3)
    )
    assert one == two == three == (first / "model" / "model.ubj").read_bytes()


def test_a_repeated_run_writes_the_same_bytes_throughout(
    toy: UseCase, first: Path, tmp_path: Path
) -> None:
    shutil.copytree(first / "inputs", tmp_path / "data/toy/inputs")
    shutil.copy(first / "window.json", tmp_path / "data/toy/window.json")
    assert bytes_of(run(toy, tmp_path, threads=2)) == bytes_of(first)


def test_the_hold_out_changes_no_byte_of_the_model(toy: UseCase, copied: Path) -> None:
    data = copied / "data/toy"
    before = bytes_of(data / "model")
    frame = read_frame(data)
    held = frame["split"] == "holdout"
    frame.loc[held, "label"] = 1 - frame.loc[held, "label"]
    frame.loc[held, "amount"] = np.float32(-1e6)
    write_frame(frame, data)
    train(toy, copied, threads=1)
    assert bytes_of(data / "model") == before


def test_early_stopping_follows_the_validation_days(toy: UseCase, copied: Path) -> None:
    data = copied / "data/toy"
    before = read_json(data / "model" / "model.json")["best_iteration"]
    frame = read_frame(data)
    rows = frame["split"] == "validation"
    frame.loc[rows, "label"] = 1 - frame.loc[rows, "label"]
    write_frame(frame, data)
    train(toy, copied, threads=1)
    assert read_json(data / "model" / "model.json")["best_iteration"] < before


def test_the_saved_trees_end_where_the_validation_loss_is_least(toy: UseCase, first: Path) -> None:
    model = load_model(first / "model")
    rows, labels, _ = split_part(read_frame(first), "validation", toy.config)
    rounds = model.booster.num_boosted_rounds()
    losses = [
        BINARY["log_loss"](labels, replace(model, booster=model.booster[:count]).predict(rows))
        for count in range(1, rounds + 1)
    ]
    assert losses.index(min(losses)) == rounds - 1 == model.about["best_iteration"]
    assert rounds < toy.config.training.model.rounds


def test_a_loaded_model_scores_exactly_as_the_fitted_one(toy: UseCase, first: Path) -> None:
    frame = read_frame(first)
    parts = [split_part(frame, name, toy.config) for name in ("train", "validation", "holdout")]
    fitted = fit(*parts[:2], toy.config.training.model, objective=OBJECTIVES["binary"], threads=1)
    scores = load_model(first / "model").predict(parts[2][0])
    assert scores.dtype == np.float32
    assert np.array_equal(scores, fitted.predict(parts[2][0]))


def test_category_levels_come_from_the_train_days_alone(toy: UseCase, copied: Path) -> None:
    data = copied / "data/toy"
    frame = read_frame(data)
    frame.loc[frame["split"] == "validation", "shop"] = "pop-up"
    write_frame(frame, data)
    model = train(toy, copied, threads=1)
    assert Feature("shop", ("east", "north", "south")) in model.features


def test_an_unseen_level_scores_as_a_missing_one(toy: UseCase, first: Path) -> None:
    model = load_model(first / "model")
    rows, *_ = split_part(read_frame(first), "holdout", toy.config)
    unseen, missing = rows.assign(shop="pop-up"), rows.assign(shop=None)
    assert np.array_equal(model.predict(unseen), model.predict(missing))


def test_scores_follow_their_rows_whatever_the_order_of_rows_and_columns(
    toy: UseCase, first: Path
) -> None:
    model = load_model(first / "model")
    rows, *_ = split_part(read_frame(first), "holdout", toy.config)
    order = np.random.default_rng(0).permutation(len(rows))
    turned = rows.iloc[order][rows.columns[::-1]]
    assert np.array_equal(model.predict(turned), model.predict(rows)[order])
    assert len(model.predict(rows.iloc[:0])) == 0


def test_missing_and_changed_columns_are_refused(toy: UseCase, first: Path) -> None:
    model = load_model(first / "model")
    rows, *_ = split_part(read_frame(first), "holdout", toy.config)
    with pytest.raises(DataError, match="features of the model are missing") as caught:
        model.predict(rows.drop(columns="climate"))
    assert caught.value.expected == "climate"
    with pytest.raises(DataError, match="'amount' is not a number"):
        model.predict(rows.assign(amount="much"))


def test_a_model_says_what_it_learned_from(toy: UseCase, first: Path) -> None:
    about = read_json(first / "model" / "model.json")
    frame = read_frame(first)
    code = (first / "model" / "features.py").read_bytes()
    assert code == toy.features_file().read_bytes()
    assert about["feature_set"] == hashlib.sha256(code).hexdigest()
    assert about["as_of"] == "2024-02-12T00:00:00Z"
    assert about["days"]["train"] == ["2024-01-08", "2024-01-28"]
    assert about["rows"]["train"] == int((frame["split"] == "train").sum())
    assert (about["objective"], about["learner"]) == ("binary", "binary:logistic")


def test_no_time_of_day_of_this_machine_is_in_any_output(first: Path) -> None:
    this_year = str(pd.Timestamp.now(tz="UTC").year)
    texts = [path.read_text() for path in first.rglob("*.json")]
    assert len(texts) > 6
    assert not any(f"{this_year}-" in text for text in texts)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_parameters_that_would_break_reproduction_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="not the use case's to set") as caught:
        ModelConfig(params={name: 1})
    assert RESERVED[name] in str(caught.value)


def test_a_parameter_that_xgboost_refuses_is_a_configuration_error() -> None:
    part = Part(pd.DataFrame({"x": [0.0, 1.0]}), np.array([0, 1]))
    with pytest.raises(ConfigError, match="XGBoost refused"):
        fit(part, part, ModelConfig(params={"eta": "fast"}), objective=OBJECTIVES["binary"])


def test_days_with_one_outcome_only_are_refused(toy: UseCase, first: Path) -> None:
    frame = read_frame(first).assign(label=0)
    with pytest.raises(DataError, match="do not hold both outcomes"):
        split_part(frame, "validation", toy.config)


def test_a_damaged_model_is_named(first: Path, tmp_path: Path) -> None:
    shutil.copytree(first / "model", tmp_path / "model")
    file = tmp_path / "model" / "model.ubj"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(IntegrityError, match="not a whole model"):
        load_model(tmp_path / "model")
    file.unlink()
    with pytest.raises(NotFound):
        load_model(tmp_path / "model")


# --- evaluate and verdict


def test_the_first_challenger_is_promoted_by_the_absolute_thresholds(first: Path) -> None:
    said = read_json(first / "verdict.json")
    assert said["outcome"] == "promote"
    assert said["champion"] is None
    assert said["reasons"][0].startswith("there is no champion yet")


def test_a_verdict_names_what_it_rests_on(first: Path) -> None:
    said = read_json(first / "verdict.json")
    evidence = read_evidence(first / "evidence" / "evidence.json")
    assert said["evidence"] == evidence.digest()
    md5 = hashlib.md5((first / "model" / "model.ubj").read_bytes()).hexdigest()  # noqa: S324
    assert said["model"]["model.ubj"] == md5
    files = {"model.ubj", "model.json", "features.py", "profile.json", "sample.parquet"}
    assert set(said["model"]) == files


def test_both_models_are_scored_on_the_same_rows(second: Path) -> None:
    scores = read_table(second / "evidence" / "scores.parquet")
    evidence = read_evidence(second / "evidence" / "evidence.json")
    assert evidence.champion == "toy-champion"
    assert evidence.trimmed == 0
    assert scores["compared"].all()
    assert scores["champion"].notna().all()
    assert evidence.overall.compared_rows == evidence.overall.rows == len(scores)


def test_the_champion_is_scored_by_the_feature_code_of_its_own_version(
    toy: UseCase, second: Path, tmp_path: Path
) -> None:
    shutil.copytree(second.parents[1], tmp_path / "copy")
    champion = tmp_path / "copy/data/toy/inputs/champion/features.py"
    text = champion.read_text()
    champion.write_text(text.replace('rows["amount"].astype', '(-rows["amount"]).astype'))
    before = read_table(second / "evidence" / "scores.parquet")
    evaluate(toy, tmp_path / "copy")
    after = read_table(tmp_path / "copy/data/toy/evidence/scores.parquet")
    assert before["challenger"].equals(after["challenger"])
    assert not before["champion"].equals(after["champion"])


def test_a_champion_keeps_its_own_features_after_those_of_the_use_case_changed(
    toy: UseCase, second: Path, tmp_path: Path
) -> None:
    """One is renamed, so that its name is gone, and one is added: it does not notice."""
    shutil.copytree(second.parents[1], tmp_path / "copy")
    shutil.copytree(toy.folder, tmp_path / "toy")
    code = tmp_path / "toy" / "features.py"
    own = code.read_text()
    champion = tmp_path / "copy/data/toy/inputs/champion/features.py"
    assert champion.read_text() == own
    code.write_text(own.replace(AMOUNT, RENAMED))
    assert code.read_text() != own
    changed = replace(toy, folder=tmp_path / "toy")
    for stage in (featurize, train):
        stage(changed, tmp_path / "copy")
    found = evaluate(changed, tmp_path / "copy")
    learned = read_json(tmp_path / "copy/data/toy/model/model.json")["features"]
    names = {feature["name"] for feature in learned}
    assert {"paid", "spent"} < names
    assert "amount" not in names
    before = read_table(second / "evidence" / "scores.parquet")
    after = read_table(tmp_path / "copy/data/toy/evidence/scores.parquet")
    assert before["champion"].equals(after["champion"])
    assert not before["challenger"].equals(after["challenger"])
    assert (found.champion_fault, found.same_model) == (None, False)
    assert found.champion_as_of is not None


def test_a_champion_whose_features_fail_on_these_rows_is_judged_and_no_error(
    toy: UseCase, second: Path, tmp_path: Path
) -> None:
    shutil.copytree(second.parents[1], tmp_path / "copy")
    champion = tmp_path / "copy/data/toy/inputs/champion/features.py"
    champion.write_text(champion.read_text().replace('rows["amount"]', 'rows["price"]'))
    found = evaluate(toy, tmp_path / "copy")
    assert found.champion_fault == "KeyError: 'price'"
    assert found.overall.champion == {}
    assert (found.trimmed, found.overall.compared_rows) == (0, 0)
    judged = verdict(toy, tmp_path / "copy")
    assert judged.outcome == "reject"
    assert "cannot score these rows (KeyError: 'price')" in judged.reasons[0]
    gate = toy.config.gate.model_copy(update={"unscorable_champion": "replace"})
    config = toy.config.model_copy(update={"gate": gate})
    assert verdict(replace(toy, config=config), tmp_path / "copy").outcome == "promote"


def test_rows_the_champion_learned_from_are_trimmed(
    toy: UseCase, second: Path, tmp_path: Path
) -> None:
    shutil.copytree(second.parents[1], tmp_path / "copy")
    note = tmp_path / "copy/data/toy/inputs/champion/model.json"
    about = read_json(note)
    about["days"] = {
        "train": ["2024-01-20", "2024-02-11"],
        "validation": ["2024-02-12", "2024-02-13"],
    }
    write_json(about, note)
    evidence = evaluate(toy, tmp_path / "copy")
    scores = read_table(tmp_path / "copy/data/toy/evidence/scores.parquet")
    kept = scores.loc[scores["compared"], "partition"]
    assert sorted(kept.unique()) == ["2024-02-14", "2024-02-15", "2024-02-16", "2024-02-17"]
    assert evidence.trimmed == int((~scores["compared"]).sum())
    assert evidence.overall.rows == len(scores)
    assert evidence.overall.compared_rows == len(kept)


def test_a_champion_that_learned_from_nearly_all_of_the_hold_out_leaves_too_few_rows(
    toy: UseCase, second: Path, tmp_path: Path
) -> None:
    shutil.copytree(second.parents[1], tmp_path / "copy")
    note = tmp_path / "copy/data/toy/inputs/champion/model.json"
    about = read_json(note)
    about["days"]["validation"] = ["2024-02-11", "2024-02-16"]
    write_json(about, note)
    evaluate(toy, tmp_path / "copy")
    judged = verdict(toy, tmp_path / "copy")
    assert judged.outcome == "reject"
    (check,) = [c for c in judged.checks if c.kind == "not_worse" and c.slice is None]
    assert check.verdict == "underpowered"


def test_the_same_model_as_champion_ties(toy: UseCase, first: Path, tmp_path: Path) -> None:
    shutil.copytree(first.parents[1], tmp_path / "copy")
    reigning = tmp_path / "copy/data/toy/inputs/champion"
    shutil.copytree(first / "model", reigning, dirs_exist_ok=True)
    write_json({"model_version": "toy-same"}, reigning / "champion.json")
    evidence = evaluate(toy, tmp_path / "copy")
    assert evidence.overall.champion["auc"].gain == 0
    assert evidence.overall.champion["auc"].bounds["0.95"] == (0.0, 0.0)
    assert evidence.same_model
    judged = verdict(toy, tmp_path / "copy")
    assert judged.outcome == "reject"
    assert "is the champion toy-same itself" in judged.reasons[0]


@pytest.mark.parametrize("damage", ["no note", "no version", "no model", "other use case"])
def test_a_champion_that_cannot_be_read_is_an_error_and_never_no_champion(
    toy: UseCase, second: Path, tmp_path: Path, damage: str
) -> None:
    shutil.copytree(second.parents[1], tmp_path / "copy")
    folder = tmp_path / "copy/data/toy/inputs/champion"
    if damage == "no note":
        (folder / "champion.json").unlink()
    elif damage == "no version":
        write_json({}, folder / "champion.json")
    elif damage == "no model":
        (folder / "model.ubj").unlink()
    else:
        write_json({**read_json(folder / "model.json"), "usecase": "other"}, folder / "model.json")
    with pytest.raises((IntegrityError, NotFound)):
        evaluate(toy, tmp_path / "copy")


def test_a_model_that_scores_otherwise_than_when_trained_is_rejected(
    toy: UseCase, copied: Path
) -> None:
    about = copied / "data/toy/model/model.json"
    write_json({**read_json(about), "validation_scores": "0" * 64}, about)
    evaluate(toy, copied)
    assert verdict(toy, copied).outcome == "reject"


def test_another_policy_is_replayed_from_the_scores_without_training(
    toy: UseCase, second: Path
) -> None:
    from laurel.domain.evidence import measure
    from laurel.domain.gate import judge

    scores = read_table(second / "evidence" / "scores.parquet")
    kept = read_evidence(second / "evidence" / "evidence.json")
    facts = {
        name: getattr(kept, name)
        for name in (
            "usecase",
            "as_of",
            "holdout",
            "champion",
            "champion_as_of",
            "trimmed",
            "reload_identical",
        )
    }
    again = measure(
        scores,
        toy.config.gate,
        objective=kept.learned,
        seed=kept.seed,
        threshold=toy.config.scoring.threshold,
        facts=facts,
    )
    assert again == kept
    strict = toy.config.gate.model_validate(
        {"thresholds": [{"kind": "better", "metric": "auc", "margin": 0.05, "confidence": 0.9}]}
    )
    stricter = measure(scores, strict, objective=kept.learned, seed=kept.seed, facts=facts)
    assert judge(stricter, strict).outcome == "reject"


def test_metrics_json_holds_numbers_only(second: Path) -> None:
    found = json.loads((second / "metrics.json").read_text())

    def leaves(value: Any) -> Iterator[Any]:
        if isinstance(value, dict):
            for inner in value.values():
                yield from leaves(inner)
        else:
            yield value

    assert all(isinstance(value, (int, float)) for value in leaves(found))
    assert found["champion"]["auc"] > 0.6
