"""The code that each training stage depends on: modules of the package, by stage."""

from __future__ import annotations

TUNE = "tune"
"""The stage before ``train`` of a use case that searches for parameters."""

_TABLES = (
    "adapters/columns",
    "adapters/conform",
    "adapters/documents",
    "adapters/tables/__init__",
    "adapters/tables/arrow",
    "adapters/tables/content",
    "adapters/tables/matching",
    "adapters/tables/ordered",
    "adapters/tables/parts",
    "adapters/tables/reading",
    "adapters/tables/sorting",
    "adapters/tables/writing",
    "adapters/textual",
)
_ENGINE = (
    "adapters/engine/__init__",
    "adapters/engine/contract",
    "adapters/engine/dask",
    "adapters/engine/external",
    "adapters/engine/memory",
    "adapters/hands",
)
_FIT_WITH = (
    "adapters/engine/fitting",
    "adapters/xgboost/distributed",
    "adapters/xgboost/external",
    "adapters/xgboost/plan",
)
_GROUND = ("domain/canonical", "domain/partition")
_PAST = ("domain/history", "domain/window")
_FITTING = (
    "adapters/xgboost/encoding",
    "adapters/xgboost/fitting",
    "adapters/xgboost/forest",
    "adapters/xgboost/kernel",
    "adapters/xgboost/model",
    "adapters/xgboost/threads",
    "adapters/xgboost/trees",
)
_METRIC = (
    "domain/metric/__init__",
    "domain/metric/base",
    "domain/metric/binary",
    "domain/metric/cost",
    "domain/metric/count",
    "domain/metric/multiclass",
    "domain/metric/rate",
    "domain/metric/regression",
)
_OBJECTIVE = (
    *_METRIC,
    "domain/objective/__init__",
    "domain/objective/base",
    "domain/objective/champion",
    "domain/objective/registry",
    "domain/objective/rules",
)
_PART = ("domain/featureset", "domain/weights", *_OBJECTIVE)
_LEARNING = (*_FITTING, *_PART, "adapters/frames", "domain/part", "domain/calibration")
_MODEL = (
    "adapters/xgboost/__init__",
    "adapters/xgboost/losses",
    "domain/losses",
    *_LEARNING,
)
_FEATURIZE = ("stages/featurize", *_ENGINE, "domain/part", *_PART, *_PAST)
_PROFILE = (
    "domain/bins",
    "domain/chance",
    "domain/column",
    "domain/contrast",
    "domain/correlation",
    "domain/described",
    "domain/distance",
    "domain/drift",
    "domain/entry",
    "domain/profile",
    "domain/sampling",
    "domain/sketch",
)
_EVIDENCE = (
    "domain/bootstrap",
    "domain/evidence/__init__",
    "domain/evidence/gaps",
    "domain/evidence/gauge",
    "domain/evidence/measuring",
    "domain/evidence/record",
    "domain/reliability",
    *_OBJECTIVE,
)

CODE: dict[str, tuple[str, ...]] = {
    "assemble": (
        "stages/assemble",
        "stages/superseded",
        "adapters/overlap",
        "domain/lateness",
        *_ENGINE,
        *_TABLES,
        *_GROUND,
        *_PAST,
    ),
    "validate": (
        "stages/validate",
        "adapters/gx",
        "adapters/gx_import",
        "adapters/gx_page",
        "adapters/gx_result",
        "adapters/gx_run",
        "adapters/gx_suite",
        "adapters/gx_whole",
        "domain/check/finding",
        *_TABLES,
        *_GROUND,
    ),
    "featurize": (*_FEATURIZE, "adapters/frames", *_TABLES, *_GROUND),
    TUNE: (
        "stages/tune",
        "adapters/optuna",
        "adapters/store/contract",
        "adapters/store/local",
        "adapters/trials",
        "adapters/xgboost/folding",
        "domain/folds",
        "domain/part",
        "domain/search",
        "domain/trial",
        *_LEARNING,
        *_PAST,
        *_TABLES,
        *_GROUND,
    ),
    "train": (
        "stages/train",
        *_ENGINE,
        *_FIT_WITH,
        "domain/trial",
        *_MODEL,
        *_PROFILE,
        *_PAST,
        *_TABLES,
        *_GROUND,
    ),
    "evaluate": (
        "stages/champion",
        "stages/evaluate",
        "adapters/simple",
        "domain/decision_curves",
        "domain/explanation",
        "domain/plotfiles",
        "domain/plots",
        *_FEATURIZE,
        *_MODEL,
        *_EVIDENCE,
        *_TABLES,
        *_GROUND,
    ),
    "explain": (
        "stages/explain",
        "adapters/xgboost/contributions",
        "domain/explanation",
        "domain/plotfiles",
        "domain/plots",
        "domain/scorecurve",
        *_MODEL,
        *_PAST,
        *_TABLES,
        *_GROUND,
    ),
    "verdict": (
        "stages/verdict",
        "domain/gate",
        "domain/reign",
        "domain/sanity",
        "domain/threshold",
        "adapters/documents",
        "domain/canonical",
        *_EVIDENCE,
    ),
}
"""Modules of the package by stage: all that it imports, but for errors, settings and the shape of
the configuration (a test compares them with the imports)."""
