"""What the numbers of a nightly report mean: the words of its tooltips and of its glossary."""

from __future__ import annotations

from laurel.pages.names import METRIC_NAMES

TERMS = {
    "acted": "Rows decided positive whose labels are due; idle are the other decided rows.",
    "age": "Days between the champion's bound of knowledge and the end of this partition.",
    "allowed": "Days behind up to which a dataset counts as fresh.",
    "answered": "Rows whose key is in the canary's share: consumers got the challenger's answer.",
    "behind": "Days between the newest partition that was known and the one reported on.",
    "beside": "On rows of the trailing window that challenger and champion have both scored.",
    "bias": "Mean of estimate minus realised, over nights of which nine labels in ten have come.",
    "bound": "What the use case or the calibration asks for; beyond it there is an alarm.",
    "changed": "Share of this partition's rows that the challenger would decide otherwise.",
    "correlation": "Pearson's correlation of two numeric features, over rows that have both.",
    "decided": "Share of this partition's rows that were decided so.",
    "error": "Mean size of estimate minus realised, over nights of which nine labels in ten came.",
    "estimate": (
        "What to expect before any label has come: of calibrated probabilities what the scores "
        "themselves promise, of numbers what the model has learned of its own errors. Blind to a "
        "change of what the features mean for the label."
    ),
    "found": "What this night showed.",
    "gain": (
        "How much better the challenger does than the champion on the same labels, above zero "
        "where it is better; bounds of the paired bootstrap, one-sided at 95 % confidence."
    ),
    "gap": "The highest value of the slices of a column minus the lowest, over one week.",
    "importance": "The feature's share of what the model's trees gained, in training.",
    "js": "Jensen-Shannon distance with base 2: 0 of equal shares, 1 of shares that never meet.",
    "ks": "Kolmogorov-Smirnov distance: the largest gap between two cumulative shares.",
    "labelled": "Rows whose label has come.",
    "largest": "The largest size of estimate minus realised.",
    "levels": "How many different categories occur.",
    "matters": (
        "PSI times importance: how much the drift of a feature may matter to this model. A large "
        "drift of what the model hardly uses ranks low."
    ),
    "mean": "Mean of the values that are there.",
    "mean_label": "Mean of the matured labels: a share of positives, or a number.",
    "mean_score": "Mean score of the rows.",
    "missing": "Share of rows without a value, in percentage points more than in training.",
    "missing_share": "Share of rows without a value.",
    "nights": "How many nights were compared.",
    "observed": "Mean label of the rows in a bin of scores.",
    "outstanding": "Share of the rows whose labels have not come yet.",
    "p_value": "How likely chance alone would show as much, if nothing had changed.",
    "partitions": "Partitions of the trailing window that were known.",
    "promotion": "On the hold-out rows by which the champion was promoted.",
    "psi": (
        "Population stability index: how far the shares per bin lie from those of the reference, "
        "missing values being a bin. 0 of equal shares."
    ),
    "psi_trailing": "PSI of the trailing window against training.",
    "psi_window": "PSI of this partition against the trailing window.",
    "quantile": "The value below which that share of the values lies.",
    "rank_correlation": "Spearman's: 1 where both models put the rows in the same order.",
    "ratio": "The value over what is usual.",
    "realised": "Over the champion's rows of the trailing window whose labels have come.",
    "rows": "Rows of the partition or window.",
    "separation": (
        "Area under the ROC curve of a small classifier that tries to tell this window's rows from "
        "the reference's, out of fold: 0.5 when they are alike."
    ),
    "served": "Over all rows of the trailing window, whichever version scored them.",
    "share": "Share of what the classifier goes by.",
    "std": "Standard deviation of the values that are there.",
    "usual": "For drift, what nine of ten single days of training stay below; else the median of "
    "the trailing window.",
    "runs": "How many runs before it were observed.",
    "value": "What was measured.",
    "wasserstein": (
        "First Wasserstein distance: how far values must be moved to turn one window into the "
        "other, in the unit of the feature."
    ),
}
"""Key → definition, in a sentence or two."""

METRICS = {
    "accuracy": "Share of rows whose likeliest class came.",
    "auc": "Share of pairs of a positive and a negative row that the scores put in order.",
    "average_precision": "Mean precision over the recall that falling thresholds reach.",
    "balanced_accuracy": "Mean over the classes of the share that is recognised.",
    "bias": "Sum of the predictions over the sum of the labels, minus one.",
    "brier": "Mean squared difference between probability and outcome.",
    "calibration_error": "Mean gap between score and outcome over bins of equally many rows.",
    "cost": "Mean business cost of a row, by the matrix of the use case.",
    "deviance_explained": "Share of the deviance of a constant that the model explains.",
    "log_loss": "Mean negative logarithm of the probability given to what came.",
    "macro_auc": "Mean over the classes of the AUC of one against the rest.",
    "macro_f1": "Mean over the classes of the harmonic mean of precision and recall.",
    "mae": "Mean size of the error, in the unit of the label.",
    "mape": "Mean size of the error over the size of the label.",
    "median_absolute_error": "Median size of the error, in the unit of the label.",
    "poisson_deviance": "Mean Poisson deviance of the predicted counts.",
    "r2": "Share of the labels' variance that the model explains.",
    "rmse": "Square root of the mean squared error, in the unit of the label.",
    "smape": "Mean size of the error over the mean size of label and prediction.",
    "false_positive_rate": "Share of the negatives that were decided positive.",
    "positive_rate": "Share of the rows that were decided positive.",
    "true_positive_rate": "Share of the positives that were decided positive.",
    "mean_label": TERMS["mean_label"],
    "mean_score": TERMS["mean_score"],
}
"""Metric → definition, in a sentence."""


def metric_name(name: str) -> str:
    """A metric as people write it."""
    return METRIC_NAMES.get(name, name.replace("_", " "))


def metric_meaning(name: str) -> str:
    """What a metric means, or what kind of value it is.

    >>> metric_meaning("auc")
    'Share of pairs of a positive and a negative row that the scores put in order.'
    """
    return METRICS.get(name, TERMS["value"])
