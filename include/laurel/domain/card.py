"""The model card of a version: what it is for, rests on, does well, does not do, and came from.

The parts and their order are those of Mitchell et al., Model cards for model reporting, FAT* 2019.
Everything in it follows from the bundle of the training and the outputs that it names, so the card
of a version never changes; what the ledger says of it later is told beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from laurel.domain.bundle import Bundle
from laurel.domain.canonical import digest, instant
from laurel.domain.config.card import Card
from laurel.domain.limits import derive_limits
from laurel.domain.objective import OBJECTIVES

SCHEMA = 1
PAPER = "Mitchell et al., Model cards for model reporting, FAT* 2019"
SPLITS = ("train", "validation", "holdout")
PERSONAL = {
    "direct": "names a person",
    "indirect": "leads to a person with the help of other data",
    "sensitive": "guarded by law",
}

Document = dict[str, Any]
Read = Mapping[str, Any]


@dataclass(frozen=True)
class Made:
    """The documents that a training left, as its bundle names them."""

    window: Read
    """``window.json``."""
    model: Read
    """``model/model.json``."""
    evidence: Read
    """``evidence/evidence.json``."""
    contributions: Read
    """``explanation/contributions.json``."""
    scores: Read
    """``explanation/scores.json``."""


def make_card(bundle: Bundle, made: Made) -> Document:
    """The card as plain JSON values."""
    config = bundle.parameters
    data = _data(config, made)
    slices = _slices(made.evidence, minimum=config["gate"]["minimum_rows"])
    card: Document = {
        "schema": SCHEMA,
        "after": PAPER,
        "usecase": bundle.usecase,
        "title": config["title"],
        "description": config["description"],
        "owner": config["owner"],
        "tags": list(config["tags"]),
        "written": {**Card().model_dump(mode="json"), **bundle.inputs.get("card", {})},
        "model_version": bundle.model_version,
        "as_of": instant(bundle.as_of) if bundle.as_of else None,
        "model": _model(config, made),
        "gate": {
            "outcome": (bundle.verdict or {}).get("outcome"),
            "reasons": list((bundle.verdict or {}).get("reasons", ())),
            "checks": list((bundle.verdict or {}).get("checks", ())),
            "minimum_rows": config["gate"]["minimum_rows"],
        },
        "metrics": list(_metrics(made.evidence)),
        "trivial": _trivial(made),
        "reliability": dict(made.evidence["reliability"]),
        "comparison": {
            name: made.evidence[name] for name in ("champion", "trimmed", "resamples", "holdout")
        },
        "compared_rows": made.evidence["overall"]["compared_rows"],
        "slices": slices,
        "scores": dict(made.scores),
        "explanation": dict(made.contributions),
        "data": data,
        "lineage": _lineage(bundle, made),
    }
    return {**card, "limits": derive_limits(card)}


def _model(config: Read, made: Made) -> Document:
    about = made.model
    return {
        "objective": config["label"]["objective"],
        "learner": about["learner"],
        "classes": list(about["classes"]),
        "exposure": about["exposure"],
        "label": about["label"],
        "label_delay_days": config["label"]["delay_days"],
        "threshold": config["scoring"]["threshold"],
        "calibration": (about["calibration"] or {"method": "none"})["method"],
        "features": len(about["features"]),
        "feature_set": about["feature_set"],
        "history_days": about["history_days"],
        "trees": made.contributions["trees"],
        "best_iteration": about["best_iteration"],
        "params": dict(about["params"]),
        "rounds": about["rounds"],
        "early_stopping_rounds": about["early_stopping_rounds"],
        "early_stopping_metric": about["early_stopping_metric"],
        "seed": about["seed"],
    }


def _metrics(evidence: Read) -> Iterator[Document]:
    """Each metric: of the challenger with bounds, against the champion, of the trivial models."""
    overall = evidence["overall"]
    for name, measured in overall["metrics"].items():
        compared = overall["champion"].get(name)
        yield {
            "metric": name,
            "value": measured["value"],
            "bounds": dict(measured["bounds"]),
            "champion": dict(compared) if compared else None,
            "trivial": {
                model: values.get(name) for model, values in evidence["trivial"]["metrics"].items()
            },
        }


def _trivial(made: Made) -> dict[str, str]:
    """The models that any challenger should beat, with what they are in words."""
    objective = OBJECTIVES[made.model["objective"]]
    titles = {"constant": f"a {objective.constant_title}", "simple": objective.simple_title}
    return {name: titles.get(name, name) for name in made.evidence["trivial"]["metrics"]}


def _slices(evidence: Read, *, minimum: int) -> list[Document]:
    return [
        {
            "slice": scope["slice"],
            "rows": scope["rows"],
            "labels": dict(scope["labels"]),
            "underpowered": scope["rows"] < minimum,
            "metrics": {
                name: {"value": measured["value"], "bounds": dict(measured["bounds"])}
                for name, measured in scope["metrics"].items()
            },
            "champion": {
                name: compared["reference"] for name, compared in scope["champion"].items()
            },
        }
        for scope in evidence["slices"]
    ]


def _data(config: Read, made: Made) -> Document:
    rows = next(name for name, each in config["datasets"].items() if each["role"] == "rows")
    return {
        "window": dict(made.window["days"]),
        "embargo_days": made.window["embargo_days"],
        "parts": {split: _part(made, split, rows=rows) for split in SPLITS},
        "snapshot": dict(made.model["rows"]["snapshot"]),
        "datasets": [
            _dataset(name, made.window, config["datasets"][name])
            for name in sorted(made.window["datasets"])
        ],
        "personal": list(_personal(config, made)),
        "features": [dict(feature) for feature in made.model["features"]],
    }


def _part(made: Made, split: str, *, rows: str) -> Document:
    first, last = made.window["days"][split]
    lines = made.window["datasets"][rows]
    there = sum(line["rows"] for line in lines if first <= line["partition"] <= last)
    said = made.model["rows"]
    overall = made.evidence["overall"]
    used = overall["rows"] if split == "holdout" else said[split]
    labels = overall["labels"] if split == "holdout" else said[f"{split}_labels"]
    return {
        "first": first,
        "last": last,
        "rows_there": there,
        "rows": used,
        "labels": dict(labels),
    }


def _dataset(name: str, window: Read, config: Read) -> Document:
    lines = window["datasets"][name]
    return {
        "name": name,
        "role": config["role"],
        "description": config["description"],
        "suite": config["suite"],
        "partitions": len(lines),
        "first": min((line["partition"] for line in lines), default=None),
        "last": max((line["partition"] for line in lines), default=None),
        "restated": sum(line["revision"] > 1 for line in lines),
        "superseded": len(window.get("superseded", {}).get(name, ())),
        "rows": sum(line["rows"] for line in lines),
        "digest": digest(lines),
    }


def _personal(config: Read, made: Made) -> Iterator[Document]:
    """Columns that tell of a person, and whether a feature has the name of one."""
    features = {feature["name"] for feature in made.model["features"]}
    for name, dataset in sorted(config["datasets"].items()):
        for column, said in dataset["columns"].items():
            if said.get("personal"):
                yield {
                    "dataset": name,
                    "column": column,
                    "personal": said["personal"],
                    "meaning": PERSONAL[said["personal"]],
                    "feature": column in features,
                }


def _lineage(bundle: Bundle, made: Made) -> Document:
    outputs = {path: str(output["md5"]) for path, output in sorted(bundle.outputs.items())}
    return {
        "run": bundle.id,
        "kind": bundle.kind,
        "bundle": bundle.digest,
        "code": bundle.code.model_dump(mode="json"),
        "environment": bundle.environment.model_dump(mode="json"),
        "window": digest(made.window),
        "evidence": digest(made.evidence),
        "policy": (bundle.verdict or {}).get("policy"),
        "outputs": outputs,
    }
