"""Names of metrics as people write them."""

from __future__ import annotations

METRIC_NAMES = {
    "accuracy": "Accuracy",
    "auc": "AUC",
    "average_precision": "Average precision",
    "balanced_accuracy": "Balanced accuracy",
    "bias": "Bias of the sum",
    "brier": "Brier score",
    "calibration_error": "Calibration error",
    "champion": "Champion",
    "cost": "Cost per row",
    "deviance_explained": "Deviance explained",
    "log_loss": "Log loss",
    "macro_auc": "Macro AUC",
    "macro_f1": "Macro F1",
    "mae": "Mean absolute error",
    "mape": "Mean absolute percentage error",
    "median_absolute_error": "Median absolute error",
    "poisson_deviance": "Poisson deviance",
    "r2": "R²",
    "rmse": "Root mean squared error",
    "smape": "Symmetric percentage error",
    "false_positive_rate": "False positive rate",
    "positive_rate": "Positive rate",
    "true_positive_rate": "True positive rate",
    "mean_label": "Mean label",
    "mean_score": "Mean score",
    "scores": "Scores",
}
"""Metrics of all objectives, and what stands beside them (a test asks for every one)."""
