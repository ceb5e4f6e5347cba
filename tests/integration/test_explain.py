"""``laurel explain`` and ``laurel card`` over whole runs: what is told is what was published."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from laurel.cli.explain import explain as command
from laurel.domain.config import PREDICTIONS
from laurel.domain.explained import Explained
from laurel.domain.partition import Partition
from laurel.errors import IntegrityError, NotFound, Refused, ValidationFailed
from laurel.pages.card import END, START
from laurel.pages.prediction import render_prediction
from laurel.runs import explain as explaining
from laurel.runs.card import show_card
from laurel.runs.explain import explain
from laurel.usecase import UseCase
from support.runs import AS_OFS, SCORED, Home, restate

pytestmark = pytest.mark.slow

DAY = SCORED[2]
"""Scored by the second champion."""


def told(home: Home, visit: str, day: str = DAY, **options: object) -> Explained:
    key = {"visit_id": visit}
    return explain(
        home.site,
        home.usecase,
        key=key,
        partition=Partition.of(day),
        **options,  # type: ignore[arg-type]
    )


def marked(usecase: UseCase, personal: str) -> UseCase:
    """The use case with its shop marked as personal."""
    rows = usecase.config.rows
    shop = rows.columns["shop"].model_copy(update={"personal": personal})
    changed = rows.model_copy(update={"columns": {**rows.columns, "shop": shop}})
    datasets = {**usecase.config.datasets, usecase.config.rows_name: changed}
    return replace(usecase, config=usecase.config.model_copy(update={"datasets": datasets}))


# --- explain


def test_every_row_of_a_partition_is_explained_by_its_published_score(prepared: Home) -> None:
    published = prepared.predictions(DAY).sample(8, random_state=5)
    for row in published.itertuples():
        found = told(prepared, row.visit_id)
        (output,) = found.outputs
        assert found.scores == {"score": row.score}
        assert found.prediction["decision"] == row.decision
        assert 1 / (1 + np.exp(-output.margin)) == pytest.approx(row.score, abs=1e-6)
        added = sum(each.contribution for each in output.contributions)
        assert output.base + added == pytest.approx(output.margin, abs=1e-6)
        sizes = [abs(each.contribution) for each in output.contributions]
        assert sizes == sorted(sizes, reverse=True)


def test_what_it_came_from_is_what_the_records_say(prepared: Home) -> None:
    found = told(prepared, prepared.predictions(DAY)["visit_id"].iloc[0])
    source, trained = found.source, prepared.trained[1]
    (revision,) = prepared.predictions_of(DAY)
    assert (source.model_version, source.training_bundle) == (trained.model_version, trained.bundle)
    assert (source.run, source.revision, source.revisions) == (revision.run, 1, 1)
    assert source.champion == source.reigns_now == trained.model_version
    rows = prepared.site.catalog(prepared.usecase, "visits").read().revisions[DAY][0]
    assert source.rows["content_hash"] == rows.content_hash
    assert [each.dataset for each in source.past] == ["climate", "returns", "visits"]


def test_the_raw_row_is_that_of_the_source(prepared: Home) -> None:
    row = prepared.source("visits", DAY).iloc[3]
    shown = {each["column"]: each["value"] for each in told(prepared, row["visit_id"]).row}
    assert shown["amount"] == row["amount"]
    assert shown["shop"] == row["shop"]
    assert shown["coupon"] == (None if pd.isna(row["coupon"]) else row["coupon"])


def test_values_that_name_a_person_are_in_no_answer_unless_asked_for(prepared: Home) -> None:
    case, visit = marked(prepared.usecase, "sensitive"), prepared.source("visits", DAY).iloc[3]
    asked = {"key": {"visit_id": visit["visit_id"]}, "partition": Partition.of(DAY)}
    hidden = explain(prepared.site, case, **asked)
    assert visit["shop"] not in json.dumps(hidden.document())
    assert "hidden: it names a person" in render_prediction(hidden, title="Toy")
    shown = explain(prepared.site, case, **asked, show_personal=True)
    assert {"column": "shop", "value": visit["shop"], "unit": None, "hidden": False} in shown.row


def test_an_unknown_key_is_told_with_its_near_matches(prepared: Home) -> None:
    with pytest.raises(NotFound, match="no row with this key") as caught:
        told(prepared, "20240220-0O07")
    assert "visit_id=20240220-0007" in str(caught.value.expected)


def test_near_matches_are_not_told_where_the_key_names_a_person(prepared: Home) -> None:
    rows = prepared.usecase.config.rows
    column = rows.columns["visit_id"].model_copy(update={"personal": "direct"})
    changed = rows.model_copy(update={"columns": {**rows.columns, "visit_id": column}})
    config = prepared.usecase.config
    datasets = {**config.datasets, config.rows_name: changed}
    case = replace(prepared.usecase, config=config.model_copy(update={"datasets": datasets}))
    with pytest.raises(NotFound) as caught:
        explain(prepared.site, case, key={"visit_id": "20240220-0O07"}, partition=Partition.of(DAY))
    assert "0007" not in str(caught.value)


def test_a_partition_that_is_not_scored_says_what_would_score_it(prepared: Home) -> None:
    with pytest.raises(NotFound, match="the partition is not scored") as caught:
        told(prepared, "20240222-0001", "2024-02-22")
    assert caught.value.hint == "score it: laurel score toy 2024-02-22"
    with pytest.raises(NotFound, match="the partition is not scored") as caught:
        told(prepared, "20240322-0001", "2024-03-22")
    assert caught.value.hint == "backfill toy_ingest first"


def test_a_partition_in_quarantine_says_so(copied: Home) -> None:
    day = "2024-02-29"
    bad = copied.source("visits", "2024-02-28")
    bad["at"] += pd.Timedelta(days=2)
    bad["amount"] = -1.0
    bad.to_parquet(copied.override("visits", "2024-03-01"))
    with pytest.raises(ValidationFailed):
        copied.ingest("visits", "2024-03-01", "2024-03-01")
    with pytest.raises(NotFound, match="in quarantine: it was never scored") as caught:
        told(copied, "20240301-0001", "2024-03-01")
    assert "laurel quarantine show toy" in str(caught.value.hint)
    with pytest.raises(NotFound, match="is not scored"):
        told(copied, "20240229-0001", day)


def test_one_revision_is_chosen_in_one_way(prepared: Home) -> None:
    visit = prepared.predictions(DAY)["visit_id"].iloc[0]
    assert told(prepared, visit, revision=1).source.revision == 1
    with pytest.raises(NotFound, match="no such revision"):
        told(prepared, visit, revision=2)
    with pytest.raises(NotFound, match="no such revision"):
        told(prepared, visit, as_of=AS_OFS[0])
    with pytest.raises(Refused, match="choose one revision"):
        told(prepared, visit, revision=1, as_corrected=True)


def test_another_score_than_the_published_one_is_not_explained(
    prepared: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = explaining.predictions

    def bent(*given: object, **named: object) -> pd.DataFrame:
        table = honest(*given, **named)  # type: ignore[arg-type]
        table["score"] = np.nextafter(table["score"].astype("float32"), np.float32(1))
        return table

    monkeypatch.setattr(explaining, "predictions", bent)
    with pytest.raises(IntegrityError, match="another answer than was published"):
        told(prepared, prepared.predictions(DAY)["visit_id"].iloc[0])


def test_a_corrected_past_is_explained_as_known_and_as_corrected(copied: Home) -> None:
    from laurel.runs.restate import plan_restatement
    from laurel.runs.restate import restate as restate_run

    before = copied.predictions(DAY).set_index("visit_id")["score"]
    frame = copied.source("climate", "2024-02-19")
    frame["level"] += 2.0
    restate(copied, "climate", "2024-02-19", frame)
    days = [Partition.of("2024-02-19")]
    plan = plan_restatement(copied.site, copied.usecase, dataset="climate", partitions=days)
    restate_run(copied.site, copied.usecase, plan=plan)
    visit = str(before.index[0])
    known, corrected = told(copied, visit), told(copied, visit, as_corrected=True)
    assert known.scores["score"] == before[visit] != corrected.scores["score"]
    assert (known.source.restated, corrected.source.restated) == (False, True)
    past = {each.dataset: each.corrected for each in corrected.source.past}
    assert past["climate"] == 1
    climate = {e.feature: e.value for e in corrected.outputs[0].contributions}["climate"]
    was = {e.feature: e.value for e in known.outputs[0].contributions}["climate"]
    assert climate == pytest.approx(was + 2.0, abs=1e-5)


def test_the_command_line_tells_it_as_table_json_and_page(
    prepared: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, page = prepared.predictions(DAY)["visit_id"].iloc[0], tmp_path / "why.html"
    for name, value in prepared.environ.items():
        if name.startswith("LAUREL_"):
            monkeypatch.setenv(name, value)
    door = typer.Typer()
    door.command()(command)
    done = CliRunner().invoke(door, ["toy", f"visit_id={visit}", DAY])
    assert done.exit_code == 0, done.output
    assert "equal, bit for bit" in done.stdout
    assert all(name in done.stdout for name in ("base", "amount", "margin", "read visits"))
    done = CliRunner().invoke(door, ["toy", visit, DAY, "--json", "--html", str(page)])
    document = json.loads(done.stdout)
    assert document["prediction"]["score"] == prepared.predictions(DAY)["score"].iloc[0]
    assert "<script" not in page.read_text()


# --- card


def test_the_stored_card_is_the_one_made_again_from_the_records(prepared: Home) -> None:
    version, run = prepared.trained[0].model_version, prepared.trained[0].run
    shown = show_card(prepared.site, prepared.usecase, version=version).html()
    stored = prepared.site.store.read(f"runs/toy/train/{run}/card.html").decode()
    assert "Promoted by the gate" in shown
    for mark, side in ((START, 0), (END, 2)):
        assert stored.partition(mark)[side] == shown.partition(mark)[side]


def test_the_champion_s_card_is_asked_for_by_moment_and_by_version(prepared: Home) -> None:
    first, second = (trained.model_version for trained in prepared.trained)
    newest = show_card(prepared.site, prepared.usecase)
    assert newest.card["model_version"] == second
    then = show_card(prepared.site, prepared.usecase, as_of=Partition.of(SCORED[0]).start)
    assert then.card["model_version"] == first
    assert then.standing["reigns"][0][1] == newest.standing["reigns"][0][0]
    assert newest.card["comparison"]["champion"] == first
    with pytest.raises(NotFound, match="no champion"):
        show_card(prepared.site, prepared.usecase, as_of=AS_OFS[0])
    with pytest.raises(NotFound, match="no such model version") as caught:
        show_card(prepared.site, prepared.usecase, version="toy-1")
    assert second in str(caught.value.expected)


def test_the_metrics_of_a_card_are_those_of_the_run(prepared: Home) -> None:
    shown = show_card(prepared.site, prepared.usecase)
    card = json.loads(json.dumps(shown.document()))
    bundle = json.loads(
        prepared.site.store.read(f"runs/toy/train/{card['lineage']['run']}/bundle.json")
    )
    assert {m["metric"]: m["value"] for m in card["metrics"]} == bundle["verdict"]["metrics"]
    done = prepared.laurel("card", "toy")
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert card["model_version"] in text
    assert "known limits" in text
    assert f"{card['metrics'][0]['value']:.4f}" in text
    assert PREDICTIONS not in {each["name"] for each in card["data"]["datasets"]}
