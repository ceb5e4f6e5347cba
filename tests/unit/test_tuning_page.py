"""The page of a search: whatever came of it, the page says so and needs nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laurel.domain.trial import Point, Trial, best_of
from laurel.pages.tuning import render_tuning

SPACE: dict[str, Any] = {
    "eta": {"kind": "float", "low": 0.01, "high": 0.5, "log": True, "step": None},
    "max_depth": {"kind": "int", "low": 2, "high": 8, "log": False, "step": 1},
    "<script>": {"kind": "choice", "of": ["<b>", True, 2]},
}
PARAMS: dict[str, Any] = {"eta": 0.1, "max_depth": 3, "<script>": "<b>"}


def page(trials: list[Trial], *, bigger: bool = False, shares: Any = ()) -> str:
    best = best_of(trials, bigger_is_better=bigger)
    search = {
        "usecase": "toy",
        "as_of": "2024-02-12T00:00:00Z",
        "metric": "auc" if bigger else "log_loss",
        "bigger_is_better": bigger,
        "seed": 7,
        "embargo_days": 1,
        "digest": "d" * 64,
        "folds": [{"train": ["2024-01-01", "2024-01-10"], "validation": ["2024-01-12"] * 2}],
        "model": {"early_stopping_rounds": 10},
        "tuning": {
            "space": SPACE,
            "folds": {"kind": "expanding"},
            "sampler": {"kind": "tpe"},
            "pruner": {"kind": "median"},
            "report_rounds": 5,
        },
    }
    found = {
        "trial": best.number,
        "params": dict(best.params),
        "value": best.value,
        "rounds": best.last.rounds,
        "first": {"params": dict(trials[0].params), "value": trials[0].value},
        "importances": shares,
    }
    return render_tuning(
        search=search, best=found, trials=trials, model_version="toy-1", run="a" * 16
    )


def trial(number: int, *values: float, ends: bool = True, **params: Any) -> Trial:
    last = len(values)
    reports = [
        Point(5 * place, 5 * place, (value,), ends=ends and place == last)
        for place, value in enumerate(values, 1)
    ]
    return Trial(number, {**PARAMS, **params}, tuple(reports))


def test_the_page_needs_nothing_else_and_escapes_what_it_shows() -> None:
    text = page([trial(1, 0.5), trial(2, 0.4, eta=0.3)], shares=[["eta", 0.75], ["<script>", 0.25]])
    assert not re.search(r"<script|<b>|https?://|@import|url\(", text)
    assert "&lt;script&gt;" in text
    assert "nan" not in text


def test_it_says_what_the_best_trial_gains_over_the_use_case_s_own_parameters() -> None:
    text = page([trial(1, 0.5), trial(2, 0.4), trial(3, 0.6, ends=False)])
    assert "Trial 2 of 3 is best: Log loss 0.4" in text
    assert "20.0% better than 0.5 with the parameters of the use case" in text
    assert "1 pruned" in text
    assert "pruned at 5" in text


def test_it_says_when_nothing_was_better() -> None:
    text = page([trial(1, 0.7), trial(2, 0.6)], bigger=True)
    assert "None of the other 1 is better than the parameters of the use case" in text
    assert "Undefined: it needs two whole trials" in text


@pytest.mark.parametrize("bigger", [False, True])
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
    pruned=st.sets(st.integers(2, 30)),
)
@settings(max_examples=15)
def test_any_values_can_be_drawn(bigger: bool, values: list[float], pruned: set[int]) -> None:
    trials = [trial(n, value, ends=n not in pruned) for n, value in enumerate(values, 1)]
    text = page(trials, bigger=bigger)
    assert text.count('class="halo"') >= 5
    drawn = re.findall(r'cy="([^"]+)"', text)
    assert all(0 <= float(place) <= 200 for place in drawn)
