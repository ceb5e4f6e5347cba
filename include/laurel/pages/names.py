"""Names of metrics as people write them."""

from __future__ import annotations

METRIC_NAMES = {
    "auc": "AUC",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "calibration_error": "Calibration error",
    "base_rate": "Base rate",
    "mean_score": "Mean score",
    "scores": "Scores",
}
