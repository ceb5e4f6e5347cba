"""Expectation suites: found by name, read, and refused for what could not be judged."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

from laurel.adapters.gx_import import (
    ExpectationConfiguration,
    ExpectationSuite,
    load_expectations,
)
from laurel.errors import ConfigError
from laurel.settings import Settings

_ORDER = "it compares a row with the one before; rows of a partition are sorted by time, then key"
_SHAPE = "it needs all values at once; use a check of kind distribution, in datasets.<name>.checks"
_SQL = "it is a query of a database; use a check of kind reference, in datasets.<name>.checks"
_PARTS = "it cannot be judged from parts of a large partition"
REFUSED = {
    "expect_column_values_to_be_increasing": _ORDER,
    "expect_column_values_to_be_decreasing": _ORDER,
    "expect_column_kl_divergence_to_be_less_than": _SHAPE,
    "expect_column_chisquare_test_p_value_to_be_greater_than": _SHAPE,
    "expect_column_bootstrapped_ks_test_p_value_to_be_greater_than": _SHAPE,
    "expect_column_parameterized_distribution_ks_test_p_value_to_be_greater_than": _SHAPE,
    "expect_column_pair_cramers_phi_value_to_be_less_than": _SHAPE,
    "expect_column_value_z_scores_to_be_less_than": _SHAPE,
    "expect_column_values_to_not_be_outliers": _SHAPE,
    "expect_query_results_to_match_comparison": _SQL,
    "expect_table_row_count_to_equal_other_table": _SQL,
    "unexpected_rows_expectation": _SQL,
    "expect_column_values_to_match_like_pattern": _SQL,
    "expect_column_values_to_match_like_pattern_list": _SQL,
    "expect_column_values_to_not_match_like_pattern": _SQL,
    "expect_column_values_to_not_match_like_pattern_list": _SQL,
}
"""Kinds of expectations that are refused, and why."""
ALLOWED = frozenset(
    {
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_contain_set",
        "expect_column_distinct_values_to_equal_set",
        "expect_column_max_to_be_between",
        "expect_column_mean_to_be_between",
        "expect_column_median_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_most_common_value_to_be_in_set",
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_to_be_equal",
        "expect_column_pair_values_to_be_in_set",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "expect_column_proportion_of_unique_values_to_be_between",
        "expect_column_quantile_values_to_be_between",
        "expect_column_stdev_to_be_between",
        "expect_column_sum_to_be_between",
        "expect_column_to_exist",
        "expect_column_unique_value_count_to_be_between",
        "expect_column_value_lengths_to_be_between",
        "expect_column_value_lengths_to_equal",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_dateutil_parseable",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_in_type_list",
        "expect_column_values_to_be_json_parseable",
        "expect_column_values_to_be_null",
        "expect_column_values_to_be_of_type",
        "expect_column_values_to_be_unique",
        "expect_column_values_to_match_json_schema",
        "expect_column_values_to_match_regex",
        "expect_column_values_to_match_regex_list",
        "expect_column_values_to_match_strftime_format",
        "expect_column_values_to_not_be_in_set",
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_not_match_regex",
        "expect_column_values_to_not_match_regex_list",
        "expect_compound_columns_to_be_unique",
        "expect_multicolumn_sum_to_equal",
        "expect_multicolumn_values_to_be_equal",
        "expect_select_column_values_to_be_unique_within_record",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
    }
)
"""Kinds that give the same verdict on a whole table and on its parts; a test compares each."""


def find_suite(name: str, settings: Settings) -> Path:
    """The file of the suite ``<use case>.<suite>``.

    Raises :class:`ConfigError`, which names the nearest suite that there is.
    """
    suites = {
        f"{file.parent.name}.{file.stem}": file
        for folder in reversed(settings.suite_folders)
        for file in sorted(folder.glob("*/*.json"))
    }
    if name not in suites:
        near = difflib.get_close_matches(name, suites, n=1)
        raise ConfigError(
            f"there is no expectation suite {name!r}",
            found=", ".join(sorted(suites)) or "no suite at all",
            expected=" or ".join(
                f"{folder}/{name.replace('.', '/')}.json" for folder in settings.suite_folders
            ),
            hint=f"did you mean {near[0]!r}?" if near else "look at LAUREL_EXPECTATIONS",
        )
    return suites[name]


def read_suite(file: Path) -> dict[str, Any]:
    """The JSON of a suite; raises :class:`ConfigError` for one that is none, or is empty."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            "an expectation suite cannot be read", found=error, detail=str(file)
        ) from error
    name = f"{file.parent.name}.{file.stem}"
    if not isinstance(document, dict) or document.get("name") != name:
        raise ConfigError(
            "an expectation suite is named by its folder and file",
            found=document.get("name") if isinstance(document, dict) else type(document).__name__,
            expected=name,
            detail=str(file),
        )
    if not document.get("expectations"):
        raise ConfigError("an expectation suite expects nothing", found=name, detail=str(file))
    return document


def build_suite(document: dict[str, Any], file: Path) -> ExpectationSuite:
    """GX's own suite of a document.

    Each expectation is checked first, since GX logs and drops those that it does not know. Raises
    :class:`ConfigError` for these, and for kinds that are not judged the same from parts.
    """
    load_expectations(sorted({str(said.get("type")) for said in document["expectations"]}))
    expectations = []
    for place, said in enumerate(document["expectations"]):
        expectation = {"id": f"{place:04d}", **said}
        try:
            ExpectationConfiguration(**expectation).to_domain_obj()
        except Exception as error:
            raise ConfigError(
                f"expectation {place + 1} of the suite is not one",
                found=f"{said.get('type')}: {_first_lines(error)}",
                expected="type, kwargs, severity (critical, warning, info), meta as GX has them",
                detail=str(file),
            ) from error
        _check_kind(said["type"], place, file)
        expectations.append(expectation)
    suite = ExpectationSuite(
        name=document["name"], id=document.get("id"), expectations=expectations, meta={}
    )
    if len({expectation.id for expectation in suite.expectations}) != len(expectations):
        raise ConfigError("two expectations have the same id", found=file.name, detail=str(file))
    return suite


def _check_kind(kind: str, place: int, file: Path) -> None:
    if kind in ALLOWED:
        return
    raise ConfigError(
        f"expectation {place + 1} of the suite is of a kind that is not judged here",
        found=f"{kind}: {REFUSED.get(kind, _PARTS)}",
        hint="use another expectation; kinds of your own would be judged wrongly in parts",
        detail=str(file),
    )


def _first_lines(error: Exception) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines()[:4])
