"""A proposal as text: a block for ``usecase.yaml`` whose comments say what a person must decide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import yaml

from laurel.domain.schema.facts import ColumnFacts
from laurel.domain.schema.proposal import Proposal

WIDTH = 30
"""Values of a candidate set that a comment names."""


def proposal_yaml(proposal: Proposal) -> str:
    """The dataset as it may stand under ``datasets:``; it loads if a column is a timestamp."""
    keys = " or ".join(f"[{', '.join(map(_scalar, key))}]" for key in proposal.keys[:3])
    key = proposal.keys[0] if proposal.keys else (proposal.columns[0].name,)
    asked = f"no two rows of the sample share {keys}" if keys else "no candidate was found"
    time = proposal.time or proposal.columns[0].name
    why = "the first timestamp without nulls" if proposal.time else "there is no timestamp"
    head = [
        f"# Proposed by `laurel schema infer` from {proposal.rows} rows: curate it, then keep it.",
        "# What a person must decide is marked `decide`. A sample proves no rule: the suite beside",
        "# this holds wide bounds as warnings; what must always hold belongs here.",
        f"{_scalar(proposal.dataset)}:",
        "  role: context  # decide: rows, labels or context",
        f"  time: {_scalar(time)}  # decide: {why}; rows are partitioned by its UTC day",
        f"  key: [{', '.join(map(_scalar, key))}]  # decide: {asked}",
        f"  suite: {_scalar(proposal.suite)}",
        '  description: ""  # decide: what is one row?',
        "  columns:",
    ]
    lines = [line for facts in proposal.columns for line in _column(facts)]
    return "\n".join([*head, *lines]) + "\n"


def proposal_json(proposal: Proposal) -> str:
    """The suite as JSON, in the layout of the other suites."""
    return json.dumps(proposal.document, indent=2, sort_keys=True) + "\n"


def _column(facts: ColumnFacts) -> Iterator[str]:
    yield f"    {_scalar(facts.name)}:"
    said = facts.column.model_dump(mode="json")
    yield f"      type: {said.pop('type')}{_asks(facts.questions)}"
    if said.pop("nullable", False):
        share = facts.nulls / facts.rows
        yield f"      nullable: true  # {facts.nulls} of {facts.rows} rows ({share:.2%}) are null"
    yield '      description: ""  # decide: what does it mean?'
    if facts.column.type in ("int64", "float64"):
        yield "      # unit: none  # decide: what do its numbers count?"
    if facts.suspicion:
        why = f"suspected, {facts.suspicion.why}; decide: direct, indirect, sensitive or none"
        yield f"      personal: {facts.suspicion.personal}  # {why}"
    for key, value in said.items():
        yield f"      {key}: {_scalar(value)}"
    yield from _candidates(facts)


def _candidates(facts: ColumnFacts) -> Iterator[str]:
    """Rules that held in the sample, as comments."""
    if facts.levels and len(facts.levels) <= WIDTH:
        seen = f"{len(facts.levels)} values in {facts.rows - facts.nulls} rows"
        yield f"      # allowed: {_scalar(list(facts.levels))}  # decide: {seen}; are there others?"
    elif facts.least is not None and facts.least >= 0:
        yield "      # minimum: 0  # decide: no number of the sample is negative; must it be so?"


def _asks(questions: tuple[str, ...]) -> str:
    return f"  # decide: {'; '.join(questions)}" if questions else ""


def _scalar(value: Any) -> str:
    """A value as YAML on one line; quotes are needed where text has several."""
    text = _flow(value)
    return _flow(value, '"') if "\n" in text else text


def _flow(value: Any, quotes: Literal['"'] | None = None) -> str:
    text = yaml.safe_dump(
        value,
        default_flow_style=True,
        default_style=quotes,
        width=float("inf"),
        allow_unicode=True,
    )
    return str(text).removesuffix("\n").removesuffix("\n...")
