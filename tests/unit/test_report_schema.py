"""The documented schema of a report is generated from its types, and reports keep to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from laurel.domain.canonical import canonical_json
from laurel.domain.report_schema import report_schema, schema_text
from laurel.stages.monitor import MonitorInput, monitor
from support.monitoring import make_days, make_input, make_profile, make_rows, make_usecase

DOCS = Path(__file__).resolve().parents[2] / "docs"
PROFILE = make_profile(2_000)
REPORTS = {
    "calm": make_input(days=make_days(14, rows=300), profile=PROFILE),
    "first night": make_input(days={}, profile=PROFILE),
    "no rows": make_input(make_rows(0, seed=1), days={}, profile=PROFILE),
}


def test_the_schema_in_docs_is_the_one_of_the_types() -> None:
    said = (DOCS / "report.schema.json").read_text()
    assert said == schema_text(), "run: laurel schema report > docs/report.schema.json"
    Draft202012Validator.check_schema(report_schema())


@pytest.mark.parametrize("given", REPORTS.values(), ids=REPORTS)
def test_a_report_keeps_to_its_schema(given: MonitorInput) -> None:
    document = json.loads(canonical_json(monitor(make_usecase(), given).document()))
    assert list(Draft202012Validator(report_schema()).iter_errors(document)) == []


def test_a_field_that_is_missing_or_unknown_breaks_the_schema() -> None:
    document = json.loads(canonical_json(monitor(make_usecase(), REPORTS["calm"]).document()))
    document["more"] = document.pop("rows")
    found = {
        error.validator for error in Draft202012Validator(report_schema()).iter_errors(document)
    }
    assert found == {"required", "additionalProperties"}


def test_every_number_of_the_drift_says_what_it_is() -> None:
    drift = report_schema()["$defs"]["FeatureDrift"]["properties"]
    for name in ("psi", "js", "ks", "p_value", "ks_p_value", "wasserstein", "missing"):
        assert drift[name]["description"]
