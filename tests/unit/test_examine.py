"""The check of features: what is planted is found, and nothing else is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laurel.adapters.documents import write_json
from laurel.adapters.frames import write_frame
from laurel.domain.canonical import canonical_json
from laurel.domain.config.examination import Examination
from laurel.domain.examination import Effect, Examined, Finding, describe_columns, judge, stand
from laurel.domain.examination.finding import WITHOUT_GAIN
from laurel.domain.window import plan
from laurel.errors import ConfigError
from laurel.pages.examination import render_examination
from laurel.stages.examine import examine
from laurel.stages.train import train
from laurel.usecase import UseCase
from support.synthetic import AS_OF, load_toy

ROWS = {"train": 1000, "validation": 300, "holdout": 700}
IDENTITY = {"run": "1a2b3c4d5e6f7081", "model_version": "toy-20240212-1a2b3c4d"}


def planted(rows: int, seed: int) -> pd.DataFrame:
    """Labels that follow from ``strong`` and ``weak`` alone, and features of every bad kind."""
    draw = np.random.default_rng(seed)
    strong, weak = draw.normal(size=rows), draw.normal(size=rows)
    rate = 1 / (1 + np.exp(-(1.8 * strong + 0.8 * weak)))
    label = (draw.random(rows) < rate).astype("int64")
    features = {
        "strong": strong,
        "weak": weak,
        "twin": -3 * strong,
        "noise": draw.normal(size=rows),
        "constant": np.ones(rows),
        "rare": (np.arange(rows) == 7).astype(float),
        "gaps": np.where(draw.random(rows) < 0.4, np.nan, draw.normal(size=rows)),
        "shop": pd.Series(draw.choice(["east", "north"], size=rows), dtype="str"),
    }
    return pd.DataFrame({"label": label, **features})


def lay(usecase: UseCase, folder: Path, make: Callable[[int, int], pd.DataFrame]) -> Path:
    """The frame of these features and a model trained on it; the folder of the data."""
    data, window = folder / "data" / "toy", plan(usecase.config, AS_OF)
    write_json(window.document(), data / "window.json")
    write_json({}, data / "snapshot" / "counts.json")
    parts = []
    for number, (split, rows) in enumerate(ROWS.items()):
        part = make(rows, number + 1)
        days = [day.key for day in getattr(window, split)]
        part.insert(0, "split", split)
        part.insert(0, "partition", sorted(days[n % len(days)] for n in range(rows)))
        part.insert(0, "visit_id", [f"{split}-{n:05}" for n in range(rows)])
        parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    frame[["visit_id", "partition", "split"]] = frame[["visit_id", "partition", "split"]].astype(
        "str"
    )
    numbers = frame.select_dtypes("float64").columns
    write_frame(frame.astype(dict.fromkeys(numbers, "float32")), data)
    train(usecase, folder)
    return data


def examined(data: Path, usecase: UseCase, **wanted: object) -> Examined:
    said: list[str] = []
    settings = Examination.model_validate({"ablate": 2, "repeats": 2, "resamples": 100, **wanted})
    parts = {"real": ("strong", "weak"), "none": ("nothing",)}
    found = examine(
        data, usecase.config, settings, identity=IDENTITY, parts=parts, said=said.append
    )
    assert said
    return found


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    """With few rounds: it is fitted many times here."""
    made = load_toy(tmp_path_factory.mktemp("toy"))
    model = made.config.training.model.model_copy(update={"rounds": 16})
    training = made.config.training.model_copy(update={"model": model})
    return replace(made, config=made.config.model_copy(update={"training": training}))


@pytest.fixture(scope="module")
def data(toy: UseCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay(toy, tmp_path_factory.mktemp("run"), planted)


@pytest.fixture(scope="module")
def found(toy: UseCase, data: Path) -> Examined:
    return examined(data, toy)


def by_name(found: Examined) -> dict[str, Finding]:
    return {each.name: each for each in found.features}


def test_what_the_label_follows_from_gains_and_the_rest_does_not(found: Examined) -> None:
    verdicts = {name: each.verdict for name, each in by_name(found).items()}

    assert verdicts["weak"] == "gain"
    assert "gain" in (verdicts["strong"], verdicts["twin"])
    for name in ("noise", "constant", "rare", "gaps", "shop"):
        assert verdicts[name] in WITHOUT_GAIN, name
        assert name in found.without_gain
    assert verdicts["constant"] == "unused"
    assert [each.permuted.value for each in found.features] == sorted(
        (each.permuted.value for each in found.features), reverse=True
    )


def test_gains_lie_inside_their_bounds_and_noise_below_the_floor(found: Examined) -> None:
    for each in found.features:
        assert each.permuted.low <= each.permuted.value <= each.permuted.high
    assert len(found.noise) == 3
    assert found.floor == max(0.0, *(each.high for each in found.noise.values()))
    assert by_name(found)["weak"].permuted.value > 3 * found.floor


def test_a_category_with_a_level_for_every_row_is_a_key() -> None:
    rows = pd.DataFrame({"key": pd.Series([f"visit-{n}" for n in range(90)], dtype="str")})
    (facts,) = describe_columns(rows, rows)

    said = facts.remarks(constant_share=0.999, rows=90)
    assert said == ["90 levels in 90 rows: a key in disguise"]


def test_twins_constants_and_gaps_are_named(found: Examined) -> None:
    features = by_name(found)

    assert features["twin"].remarks == ("tells trees the same as strong",)
    assert features["strong"].facts.twin is None
    assert features["constant"].remarks == ("constant on the train days",)
    assert features["rare"].remarks[0].startswith("nearly constant: 99.90%")
    assert 0.35 < features["gaps"].facts.missing_train < 0.45
    assert features["gaps"].facts.missing_holdout > 0.35
    assert (features["shop"].facts.kind, features["shop"].facts.distinct) == ("category", 2)
    assert features["noise"].remarks == ()


def test_nothing_honest_is_suspected_and_a_planted_label_is(
    found: Examined, toy: UseCase, tmp_path: Path
) -> None:
    assert found.suspects == ()
    assert 0.1 < by_name(found)["strong"].alone < 0.6

    def leaking(rows: int, seed: int) -> pd.DataFrame:
        frame = planted(rows, seed)[["label", "strong", "weak"]]
        later = np.random.default_rng(seed).normal(0, 0.1, size=rows)
        return frame.assign(refund=frame["label"] * 40.0 + later)

    leak = examined(lay(toy, tmp_path, leaking), toy, ablate="none")

    assert leak.suspects == ("refund",)
    assert "is it known at the cutoff?" in by_name(leak)["refund"].remarks[0]
    assert "may hold the label: refund" in leak.sentence()


def test_the_weakest_are_trained_without_and_so_is_every_group(
    found: Examined, toy: UseCase, data: Path
) -> None:
    tried = [each.name for each in found.features if each.ablated is not None]
    assert tried == [each.name for each in found.features[-2:]]
    (group,) = found.groups
    assert (group.name, group.features) == ("real", ("strong", "weak"))
    assert group.ablated is not None
    assert group.permuted.value > by_name(found)["weak"].permuted.value

    every = examined(data, toy, ablate="all", groups={"one": ["stro*", "tw*"]}, repeats=1)
    assert all(each.ablated is not None for each in every.features)
    assert by_name(every)["weak"].ablated.above(every.floor)
    # either of two twins can be left out, both together cannot
    assert by_name(every)["strong"].verdict == "replaceable"
    assert every.groups[0].features == ("strong", "twin")
    assert every.groups[0].verdict == "gain"


def test_simpler_models_stand_beside_it_on_the_same_rows(found: Examined) -> None:
    rivals = {each.name: each for each in found.rivals}

    assert list(rivals) == ["constant", "linear", "short", "stump", "shallow", "half", "reseeded"]
    assert rivals["constant"].standing == "worse"
    assert rivals["constant"].behind.low > 0.05
    assert rivals["stump"].behind.value < rivals["constant"].behind.value
    # the truth is linear in log odds
    assert rivals["linear"].standing in ("as good", "better")
    assert rivals["linear"].title in found.as_good
    assert not rivals["reseeded"].simpler
    assert rivals["reseeded"].title not in found.as_good
    assert rivals["half"].features == 4
    assert rivals["short"].rounds < rivals["reseeded"].rounds
    for rival in rivals.values():
        difference = rival.metrics["log_loss"] - found.base["log_loss"]
        assert rival.behind.value == pytest.approx(difference, abs=1e-12)


def test_another_metric_may_be_asked_for_and_knows_its_direction(toy: UseCase, data: Path) -> None:
    found = examined(data, toy, metric="auc", ablate="none")

    assert (found.metric, found.bigger_is_better) == ("auc", True)
    assert by_name(found)["weak"].permuted.above(found.floor)
    constant = next(each for each in found.rivals if each.name == "constant")
    assert constant.behind.value == pytest.approx(found.base["auc"] - 0.5)
    with pytest.raises(ConfigError, match="no such metric"):
        examined(data, toy, metric="log_los")


def test_a_group_without_features_is_refused(toy: UseCase, data: Path) -> None:
    with pytest.raises(ConfigError, match="no feature in it") as raised:
        examined(data, toy, groups={"gone": ["wether_*"]})
    assert raised.value.found == "gone: wether_*"


def test_equal_bytes_give_equal_answers(found: Examined, toy: UseCase, data: Path) -> None:
    assert canonical_json(examined(data, toy).document()) == canonical_json(found.document())


def test_many_rows_are_thinned_evenly_and_compared_with_a_model_of_as_many(
    toy: UseCase, data: Path
) -> None:
    found = examined(data, toy, train_rows=600, holdout_rows=400, ablate="none")

    assert found.rows["train"] == 1000
    assert found.rows["train_looked_at"] == 500
    assert found.rows["holdout_looked_at"] == 350
    assert by_name(found)["weak"].verdict == "gain"


@given(
    value=st.floats(-1, 1), half=st.floats(0, 0.5), floor=st.floats(0, 0.5), margin=st.floats(0, 1)
)
def test_a_verdict_needs_the_interval_and_the_floor(
    value: float, half: float, floor: float, margin: float
) -> None:
    effect = Effect(value, value - half, value + half)
    said = judge(effect, None, floor=floor)

    assert (said == "gain") == (effect.low > 0 and value > floor)
    assert (said == "harmful") == (effect.high < 0 and value < -floor)
    assert (stand(effect, margin=margin) == "worse") == (effect.low > margin)
    assert judge(replace(effect, value=None), None, floor=floor) == "undefined"


@given(st.lists(st.integers(0, 4), min_size=2, max_size=30), st.integers(1, 9), st.booleans())
def test_trees_cannot_tell_a_monotone_function_from_its_argument(
    values: list[int], factor: int, falling: bool
) -> None:
    column = pd.Series(values, dtype="float32")
    other = column * (-factor if falling else factor) + 3
    facts = describe_columns(*[pd.DataFrame({"a": column, "b": other})] * 2)

    assert facts[1].twin == (None if column.nunique() == 1 else "a")
    folded = pd.DataFrame({"a": column, "b": (column - 2).abs()})
    same = describe_columns(folded, folded)[1].twin is not None
    assert not same or column.groupby(folded["b"]).nunique().max() == 1


def test_the_page_shows_gains_beside_costs_and_needs_nothing_else(found: Examined) -> None:
    names = [each.name for each in found.features]
    parts = [{"name": "own", "features": names[:2], "seconds": 0.9}]
    cost = {"parts": parts, "seconds": 1.2, "rows": 240, "partitions": 3}
    document = found.document()

    page = render_examination(
        document, observed={"cost": cost, "seconds": 9.0}, run="0123456789abcdef"
    )

    assert all(f"<th>{name}" in page for name in names)
    assert page.count("own, 2 feature(s)") == 2
    assert "0.300" in page
    assert "tells trees the same as strong" in page
    assert "a logistic regression" in page
    assert "-0.0%" not in page
    assert "<script" not in page
    assert not re.findall("(?:src|href)=.https?:", page)
    hostile = json.loads(json.dumps(document).replace("strong", "<b>strong</b>"))
    told = render_examination(hostile, observed={"cost": cost, "seconds": 9.0}, run="0123456789")
    assert "<b>strong" not in told
