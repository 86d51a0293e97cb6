"""What each metric is, apart from how it is computed: which way is better, what it can be at all, what it needs. Pure.

`shared/runs/metrics.py` computes them. A metric of the owner's is a file of the folder, `gates.metric: profit.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from shared.spec import Direction, Gates


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """The direction in which a metric is better, None if the owner says it, and the least and most that it can be."""

    words: str
    better: Direction | None = "lower"
    least: float = 0.0
    most: float = math.inf


METRICS: Mapping[str, MetricFacts] = {
    "mse": MetricFacts("mean squared error"),
    "mae": MetricFacts("mean absolute error"),
    "rmse": MetricFacts("root of the mean squared error"),
    "wape": MetricFacts("sum of the absolute errors over that of the absolute true values"),
    "accuracy": MetricFacts("share of rows predicted right", "higher", most=1.0),
    "macro_recall": MetricFacts("mean over classes of the share found", "higher", most=1.0),
    "log_loss": MetricFacts("log loss of the probability of what came true"),
    "brier": MetricFacts("mean squared error of the probability of 1", most=1.0),
    "calibration_error": MetricFacts("mean difference of probability and frequency in ten bins", most=1.0),
    "auc": MetricFacts("area under the ROC curve of the score", "higher", most=1.0),
    "average_precision": MetricFacts("mean precision over the rows that are 1, by falling score", "higher", most=1.0),
    "precision_at_k": MetricFacts("share of wanted items among each unit's first k", "higher", most=1.0),
    "ndcg": MetricFacts("normalised discounted cumulated gain of each unit's first k", "higher", most=1.0),
}
OF_NUMBERS = ("mse", "mae", "rmse", "wape")
"""Metrics of how far a predicted number is off: what has another one predicts classes, or an order."""
PER_UNIT = ("precision_at_k", "ndcg")
RANKED = ("auc", "average_precision")
"""Metrics of the order of all rows: no row and no unit has a share of its own in them."""
OF_TWO = (*RANKED, "brier", "calibration_error")
"""Metrics of one score a row: of two classes that is the probability of the second, of more there is none."""
COUNTED = ("accuracy", "macro_recall")
"""Metrics that count right answers: a probability becomes an answer first, by `gates.compare.threshold`."""
CUSTOM = MetricFacts("own metric", None, least=-math.inf)


def is_custom(metric: str) -> bool:
    """Whether the metric is a file of the model's folder.

    >>> is_custom("profit.py"), is_custom("mse")
    (True, False)
    """
    return metric.endswith(".py")


def facts(metric: str) -> MetricFacts:
    """What is known of the metric; of one that nobody knows, nothing."""
    return METRICS.get(metric, CUSTOM)


def worst(gates: Gates) -> float:
    """The worst value that the metric can have: infinite if there is none."""
    known = facts(gates.metric)
    return known.most if gates.direction == "lower" else known.least


def best(gates: Gates) -> float:
    """The best value that the metric can have: infinite if there is none."""
    known = facts(gates.metric)
    return known.least if gates.direction == "lower" else known.most


def span(metric: str) -> float:
    """The most that a metric can lose; infinite for what no one bounds, as latency.

    >>> span("accuracy"), span("mse"), span("latency")
    (1.0, inf, inf)
    """
    return facts(metric).most - facts(metric).least


def least_chance(metric: str) -> float:
    """The smallest chance that a comparison in this metric can show: one in its resamples and one more, none for the formula of auc.

    >>> least_chance("mse"), least_chance("average_precision"), least_chance("auc")
    (0.0001, 0.0005, 0.0)
    """
    resamples = {"auc": math.inf, "average_precision": 1_999}.get(metric, 9_999)
    return 1 / (resamples + 1)
