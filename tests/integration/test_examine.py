"""The check of features over a store: the newest training, one bundle, a page, one answer."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from laurel.adapters.records import read_bundle
from laurel.domain.bundle import bundle_prefix
from laurel.domain.canonical import digest, instant, parse_instant
from laurel.errors import ConfigError, Pending, Refused
from laurel.runs.audit import audit_store
from laurel.runs.decide import decline
from laurel.runs.examine import Examination, examine, lay_training
from laurel.runs.newest import newest_training
from laurel.stages.cost import measure_cost
from support.runs import AS_OFS, NAME, Home

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_checkout")]

FEATURES = {"amount", "climate", "coupon", "hour", "items", "shop", "shop_rate"}


def run(home: Home, text: str) -> Examination:
    return examine(home.site, home.usecase, as_of=parse_instant(text), said=lambda _text: None)


def document(home: Home, made: Examination) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(home.site.store.read(made.page.replace(".html", ".json")))
    return found


@pytest.fixture
def quick(copied: Home) -> Home:
    """Few shuffles, resamples and fits: the use case says so, and no training depends on it."""
    file = copied.usecase.folder / "usecase.yaml"
    said = "examination: {repeats: 1, resamples: 100, ablate: 1, groups: {place: ['shop*']}}\n"
    file.write_text(file.read_text() + said)
    return copied


def test_the_newest_training_is_examined_and_found_again(quick: Home) -> None:
    made = run(quick, "2024-02-19")
    found = document(quick, made)

    assert made.training == quick.trained[1].run
    assert {each["facts"]["name"] for each in found["features"]} == FEATURES
    named = {each["facts"]["name"]: each for each in found["features"]}
    assert named["amount"]["verdict"] == "gain"
    assert named["coupon"]["facts"]["missing_train"] > 0.2
    assert found["suspects"] == []
    assert {each["name"] for each in found["rivals"]} >= {"constant", "linear", "stump", "half"}
    (group,) = found["groups"]
    assert group["features"] == ["shop", "shop_rate"]
    _check_bundle(quick, made, found)
    _check_page(quick, made)

    keys = quick.keys()
    again = run(quick, "2024-02-19")
    assert again.repeated
    assert (again.run, again.page) == (made.run, made.page)
    # a week without a new training says the same of the same one
    decline(
        quick.site,
        quick.usecase,
        as_of=parse_instant("2024-02-26"),
        by="a person",
        reason="no data",
    )
    assert run(quick, "2024-02-27").run == made.run
    assert {key for key in {*quick.keys()} - {*keys} if not key.startswith("ledger/")} == set()


def _check_bundle(home: Home, made: Examination, found: dict[str, Any]) -> None:
    bundle = read_bundle(home.site.store, NAME, "examine", run=made.run)
    training = read_bundle(home.site.store, NAME, "train", run=made.training)
    assert bundle.inputs["training"] == training.id
    assert bundle.inputs["bundle"] == training.digest
    assert bundle.inputs["examination"] == digest(found)
    assert bundle.model_version == training.model_version
    assert not re.search("seconds", json.dumps(found))
    prefix = bundle_prefix(NAME, "examine", made.run)
    (observed,) = [
        json.loads(home.site.store.read(key)) for key in home.keys(f"{prefix}/observed/")
    ]
    (whole,) = observed["cost"]["parts"]
    assert set(whole["features"]) == FEATURES
    assert observed["cost"]["partitions"] == 3
    assert observed["cost"]["seconds"] >= 0
    assert audit_store(home.site, hashed=1.0).damages == ()


def _check_page(home: Home, made: Examination) -> None:
    page = home.site.store.read(made.page).decode()
    for name in FEATURES:
        assert name in page
    assert "laurel examine toy --as-of 2024-02-19T00:00:00Z" in page
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="https?:', page)


PARTS = """

def _place(rows, context):
    return featurize(rows, context)[["shop", "shop_rate"]]


def _rest(rows, context):
    return featurize(rows, context).drop(columns=["shop", "shop_rate"])


PARTS = {"place": _place, "rest": _rest}
"""


def test_feature_code_that_names_its_parts_is_timed_part_by_part(
    prepared: Home, tmp_path: Path
) -> None:
    training = read_bundle(prepared.site.store, NAME, "train", run=prepared.trained[0].run)
    usecase, data = lay_training(
        prepared.site, prepared.usecase, training=training, folder=tmp_path
    )
    code = data / "model" / "features.py"
    plain = code.read_text()
    code.write_text(plain + PARTS)

    cost = measure_cost(usecase, data)

    place, rest = cost.parts
    assert (place.name, place.features) == ("place", ("shop", "shop_rate"))
    assert {*place.features, *rest.features} == FEATURES
    assert cost.features() == {"place": place.features, "rest": rest.features}
    assert (cost.partitions, cost.rows > 150) == (3, True)

    code.write_text(plain + PARTS.replace('[["shop", "shop_rate"]]', '[["shop"]]'))
    with pytest.raises(ConfigError, match="do not make the features") as raised:
        measure_cost(usecase, data)
    assert raised.value.found == "other columns: shop_rate"


def test_an_earlier_moment_means_an_earlier_training_also_afterwards(prepared: Home) -> None:
    for text, number in (("2024-02-12", 0), ("2024-02-18T23:59:59Z", 0), ("2024-02-19", 1)):
        entry = newest_training(prepared.site, prepared.usecase, as_of=parse_instant(text))
        assert entry.run == prepared.trained[number].run


def test_a_training_that_is_due_is_waited_for(prepared: Home) -> None:
    with pytest.raises(Pending, match="not decided yet") as raised:
        newest_training(prepared.site, prepared.usecase, as_of=parse_instant("2024-02-26"))
    assert raised.value.expected == "one with as_of 2024-02-26T00:00:00Z"

    with pytest.raises(Refused, match="no training to examine"):
        newest_training(prepared.site, prepared.usecase, as_of=AS_OFS[0] - timedelta(days=8))


def test_the_command_line_says_where_the_page_is(quick: Home) -> None:
    done = quick.laurel("examine", NAME, "--as-of", "2024-02-12")

    assert done.returncode == 0, done.stderr
    assert "features show a gain in log_loss" in done.stdout
    page = re.search(r"page: file://(\S+examination\.html)", done.stdout)
    assert page
    assert "shuffling 7 features" in done.stderr
    as_json = quick.laurel("examine", NAME, "--as-of", instant(AS_OFS[0]), "--json")
    assert json.loads(as_json.stdout)["run"] == quick.trained[0].run

    refused = quick.laurel("examine", NAME, "--as-of", "2024-02-26")
    assert refused.returncode == 1
    assert "a training is not decided yet" in refused.stderr


def test_a_wrong_metric_or_group_is_refused_before_anything_is_written(copied: Home) -> None:
    file = copied.usecase.folder / "usecase.yaml"
    plain = file.read_text()
    file.write_text(plain + "examination: {metric: log_los}\n")
    with pytest.raises(ConfigError, match="log_los"):
        run(copied, "2024-02-12")
    file.write_text(plain + "examination: {groups: {sky: ['wether_*']}}\n")
    with pytest.raises(ConfigError, match="no feature in it"):
        run(copied, "2024-02-12")
    assert copied.keys("runs/toy/examine/") == []
