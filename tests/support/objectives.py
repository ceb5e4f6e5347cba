"""One small use case for each objective: the visits of ``toy``, of which another thing is learned.

Rows, climate and suites are those of :mod:`support.synthetic`. The returns tell four things at
once, so that all objectives read the same data; each use case learns one of them, and says other
words of training, so that all words are said somewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from laurel.usecase import UseCase, load_usecase
from support import synthetic

CLASSES = ("kept", "small", "worn")

RETURNED: Mapping[str, dict[str, Any]] = {
    "returned": {
        "type": "float64",
        "nullable": True,
        "unit": "none",
        "allowed": [0, 1],
        "description": "1 when something came back; null where a visit was cancelled",
    },
    "reason": {
        "type": "string",
        "nullable": True,
        "allowed": list(CLASSES),
        "description": "Why something came back; null where a visit was cancelled",
    },
    "hours": {
        "type": "float64",
        "nullable": True,
        "unit": "hours",
        "description": "How long it was thought over; null where a visit was cancelled",
    },
    "pieces": {
        "type": "float64",
        "nullable": True,
        "unit": "none",
        "minimum": 0,
        "description": "Things that came back; null where a visit was cancelled",
    },
}
"""What the returns tell."""
LABELS = {"binary": "returned", "multiclass": "reason", "regression": "hours", "count": "pieces"}
"""What is learned, by objective."""

CHANGES: Mapping[str, dict[str, Any]] = {
    "binary": {
        "label": {"objective": "binary"},
        "training": {"calibration": "sigmoid", "weights": {"half_life_days": 20}},
        "model": {"balance": "balanced"},
        "thresholds": [
            {"kind": "at_least", "metric": "auc", "value": 0.65},
            {"kind": "not_worse", "metric": "log_loss", "margin": 0.1},
        ],
        "scoring": {"threshold": 0.5},
        "performance": [{"kind": "at_least", "metric": "auc", "value": 0.55}],
    },
    "multiclass": {
        "label": {"objective": "multiclass", "classes": list(CLASSES)},
        "training": {"calibration": "temperature", "weights": {"column": "items"}},
        "model": {"balance": "balanced"},
        "thresholds": [
            {"kind": "at_most", "metric": "log_loss", "value": 1.05},
            {"kind": "not_worse", "metric": "macro_auc", "margin": 0.1},
        ],
        "scoring": {},
        "performance": [{"kind": "at_least", "metric": "accuracy", "value": 0.3}],
    },
    "regression": {
        "label": {"objective": "regression"},
        "training": {"weights": {"column": "items", "half_life_days": 30}},
        "model": {
            "monotone": {"amount": "increasing"},
            "interactions": [["amount", "shop"], ["climate", "items", "shop"]],
        },
        "thresholds": [
            {"kind": "at_least", "metric": "r2", "value": 0.2},
            {"kind": "not_worse", "metric": "mae", "margin": 1.0},
        ],
        "scoring": {},
        "performance": [{"kind": "at_most", "metric": "mae", "value": 20.0}],
    },
    "count": {
        "label": {"objective": "count", "exposure": "items"},
        "training": {},
        "model": {"monotone": {"amount": "increasing"}},
        "thresholds": [
            {"kind": "at_most", "metric": "bias", "value": 0.25},
            {"kind": "not_worse", "metric": "poisson_deviance", "margin": 0.2},
        ],
        "scoring": {},
        "performance": [{"kind": "at_most", "metric": "poisson_deviance", "value": 2.0}],
    },
}
"""What ``usecase.yaml`` says otherwise than that of ``toy``, by objective."""

OUTCOMES = """    frame = _visits_of(day, count)
    pull = 0.03 * (frame["amount"] - 40) + 0.8 * np.array(TILT)[frame.pop("place")]
    pull += 0.6 * frame.pop("felt")
    draw = np.random.default_rng(_seed(day) + 2)
    shares = np.exp(np.column_stack([np.zeros(count), pull - 0.3, -pull - 0.6]))
    shares /= shares.sum(axis=1, keepdims=True)
    place = (draw.random(count)[:, None] > shares.cumsum(axis=1)).sum(axis=1)
    reason = pd.Series(np.array(["kept", "small", "worn"])[place], dtype="str")
    hours = 30 + 8 * pull + draw.normal(0, 5, count)
    pieces = draw.poisson(frame["items"] * np.exp(0.7 * pull - 1.2)).astype("float64")
    gone = frame["returned"].isna()
    frame["reason"] = reason.mask(gone)
    frame["hours"] = hours.round(3).mask(gone)
    frame["pieces"] = pd.Series(pieces).mask(gone)
    return frame


def _visits_of(day: pd.Timestamp, count: int) -> pd.DataFrame:
"""


def write_objective(folder: Path, objective: str) -> tuple[Path, Path]:
    """Write ``toy`` with that objective and its suites; returns the folders of both."""
    usecases, suites = synthetic.write_toy(folder)
    usecase, label = usecases / synthetic.NAME, LABELS[objective]
    (usecase / "usecase.yaml").write_text(yaml.safe_dump(document(objective), sort_keys=False))
    (usecase / "source.py").write_text(source())
    features = (usecase / "features.py").read_text()
    rate = 'known.groupby("shop")["returned"].mean()'
    assert rate in features
    other = f'known.groupby("shop")["{label}"].agg(_middle)'
    (usecase / "features.py").write_text(features.replace(rate, other) + MIDDLE)
    synthetic.write_suites(load_usecase(usecase), suites / synthetic.NAME, expectations(objective))
    return usecases, suites


MIDDLE = '''

def _middle(values: pd.Series) -> float:
    """The mean of numbers, or how often a text is not the most usual one."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.mean()
    return (values != "kept").mean()
'''


def load_objective(folder: Path, objective: str) -> UseCase:
    """Write the use case into a folder and load it."""
    return load_usecase(write_objective(folder, objective)[0] / synthetic.NAME)


def document(objective: str) -> dict[str, Any]:
    """What ``usecase.yaml`` says."""
    said: dict[str, Any] = yaml.safe_load(synthetic.USECASE_YAML)
    changes = deepcopy(CHANGES[objective])
    said["datasets"]["returns"]["columns"] |= RETURNED
    said["label"] |= {"column": LABELS[objective], **changes["label"]}
    said["training"] |= changes["training"]
    said["training"]["model"] |= changes["model"]
    said["gate"]["thresholds"] = changes["thresholds"]
    said["scoring"].pop("threshold")
    said["scoring"] |= changes["scoring"]
    said["monitoring"]["performance"] = changes["performance"]
    return said


def source() -> str:
    """The source of ``toy``, whose returns tell all labels."""
    text = synthetic.SOURCE_PY
    head = "def _day(day: pd.Timestamp, count: int) -> pd.DataFrame:\n"
    frame = '            "visit_id": pd.Series([f"{day'
    told = '["visit_id", "arrived", "refund", "returned"]'
    for part in (head, frame, told):
        assert text.count(part) == 1, part
    extra = '            "place": shop,\n            "felt": before[shop],\n'
    text = text.replace(frame, extra + frame).replace(head, head + OUTCOMES)
    columns = ", ".join(f'"{name}"' for name in ("visit_id", "arrived", "refund", *RETURNED))
    return text.replace(told, f"[{columns}]")


def expectations(objective: str) -> dict[str, list[dict[str, Any]]]:
    """The suites: those of ``toy``, with what this objective's predictions hold."""
    expect = synthetic._expect
    changes = {name: list(suite) for name, suite in synthetic.SUITES.items()}
    scores = ["score"]
    if objective == "multiclass":
        scores = [f"score_{name}" for name in CLASSES]
    bounds = {
        "binary": {"min_value": 0, "max_value": 1},
        "multiclass": {"min_value": 0, "max_value": 1},
        "regression": {"min_value": -200, "max_value": 400},
        "count": {"min_value": 0, "max_value": 500},
    }[objective]
    changes["predictions"] = [
        expect("column_values_to_be_unique", column="visit_id"),
        *(expect("column_values_to_not_be_null", column=name) for name in scores),
        *(expect("column_values_to_be_between", column=name, **bounds) for name in scores),
    ]
    if objective == "multiclass":
        changes["predictions"].append(
            expect("column_values_to_be_in_set", column="decision", value_set=list(CLASSES))
        )
    return changes
