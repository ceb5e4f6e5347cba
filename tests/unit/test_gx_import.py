"""Great Expectations comes without what judging never touches, and whole for who asks for more."""

from __future__ import annotations

import subprocess
import sys

import pytest

JUDGE = """
import sys
import pandas as pd
from laurel.adapters.gx import Suite
from pathlib import Path

suite = Suite(Path(sys.argv[1]))
said = suite.judge([pd.DataFrame({"n": [1, 2, None]})])
assert [failure.column for failure in said.failures] == ["n"], said.document
assert "n" in said.html

def runs(name):
    return name in sys.modules and "Waiting" not in type(sys.modules[name]).__name__

heavy = ("altair", "boto3", "great_expectations", "scipy.stats")
print([name for name in heavy if runs(name)])
import great_expectations as gx
import scipy.stats
context = gx.get_context(mode="ephemeral")
print(type(context).__name__, gx.expectations.ExpectColumnValuesToBeUnique.__name__)
print(float(scipy.stats.norm.cdf(0)), runs("scipy.stats"), runs("great_expectations"))
"""
KINDS = """
from great_expectations.expectations.registry import list_registered_expectation_implementations
print(len(list_registered_expectation_implementations()))
"""
LAUREL_FIRST = """
import laurel.adapters.gx
import great_expectations as gx
gx.get_context
"""
UNKNOWN_FIRST = """
from laurel.adapters.gx_import import load_expectations
load_expectations(["expect_nothing_of_the_core", "expect_column_max_to_be_between"])
"""
SUITE = """{"name": "own.suite", "expectations": [
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "n"}}]}"""


def test_judging_brings_little_of_great_expectations_and_the_rest_is_there_when_asked_for(tmp_path):
    file = tmp_path / "own" / "suite.json"
    file.parent.mkdir()
    file.write_text(SUITE)

    ran = subprocess.run([sys.executable, "-c", JUDGE, str(file)], capture_output=True, text=True)

    assert ran.returncode == 0, ran.stderr
    brought, context, whole = ran.stdout.splitlines()
    assert brought == "[]"
    assert context == "EphemeralDataContext ExpectColumnValuesToBeUnique"
    assert whole == "0.5 True True"


@pytest.mark.parametrize("before", [LAUREL_FIRST, UNKNOWN_FIRST])
def test_every_kind_of_the_core_is_known_to_who_asks_great_expectations_itself(before):
    known, plain = (
        subprocess.run(
            [sys.executable, "-c", first + KINDS], capture_output=True, text=True, check=True
        ).stdout
        for first in (before, "import great_expectations")
    )

    assert int(known) >= int(plain) > 50
