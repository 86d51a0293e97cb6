"""Candidate against champion on the same rows: the paired gain and bounds that hold with a stated confidence.

Source: B. Efron, "Better Bootstrap Confidence Intervals", JASA 82 (1987) (BCa). A resample draws rows, so a row's
two losses stay together and what both models find hard cancels out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from shared.errors import MetricMissing
from shared.spec import Direction

Numbers = NDArray[np.float64]

RESAMPLES = 9_999
SEED = 0
DRAWS_AT_ONCE = 4_000_000
ALIKE = 1e-12  # relative to the values compared: resamples that differ by less differ by rounding only
NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Metric:
    """`per_row` gives one number a row from truth and prediction; `whole` makes the metric's value of their mean."""

    per_row: Callable[[Numbers, Numbers], Numbers]
    whole: Callable[[Numbers], Numbers] = lambda mean: mean


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better the candidate is, in units of the metric; each bound holds one-sided with `confidence`."""

    mean: float
    lower: float
    upper: float
    confidence: float
    method: str


def _squared(truth: Numbers, predicted: Numbers) -> Numbers:
    return (truth - predicted) ** 2


def _log_loss(truth: Numbers, probability: Numbers) -> Numbers:
    sure = np.clip(probability, 1e-15, 1 - 1e-15)
    loss: Numbers = -(truth * np.log(sure) + (1 - truth) * np.log1p(-sure))
    return loss


METRICS: Mapping[str, Metric] = {
    "mse": Metric(_squared),
    "rmse": Metric(_squared, whole=np.sqrt),
    "mae": Metric(lambda truth, predicted: np.abs(truth - predicted)),
    "accuracy": Metric(lambda truth, predicted: (truth == predicted).astype(np.float64)),
    "log_loss": Metric(_log_loss),
}


def metric_named(name: str) -> Metric:
    """The metric of that name; `MetricMissing` lists those there are."""
    if name not in METRICS:
        raise MetricMissing(
            f"there is no metric {name!r}", next=f"set gates.metric in model.yaml to one of {', '.join(METRICS)}"
        )
    return METRICS[name]


def value(metric: Metric, losses: Numbers) -> float:
    """The metric's value over rows.

    >>> value(METRICS["rmse"], np.array([9.0, 16.0, 11.0]))
    3.4641016151377544
    """
    return float(metric.whole(losses.mean()))


def compare(champion: Numbers, candidate: Numbers, *, metric: Metric, direction: Direction, confidence: float) -> Gain:
    """The candidate's gain from both models' per-row losses, of shape (rows,), rows >= 1, in the same order.

    The bounds are BCa from 9,999 resamples with a fixed seed: the same rows give the same bounds, and swapping the
    models mirrors them. A gain without any spread has no distribution to draw from: its bounds are itself.
    """
    sign = 1.0 if direction == "lower" else -1.0

    def gain(champion_mean: Numbers, candidate_mean: Numbers) -> Numbers:
        return sign * (metric.whole(champion_mean) - metric.whole(candidate_mean))

    mean = float(gain(champion.mean(), candidate.mean()))
    drawn = gain(*resampled_means(np.stack([champion, candidate])))
    alike = ALIKE * (abs(value(metric, champion)) + abs(value(metric, candidate)))
    if np.ptp(drawn) <= alike:
        return Gain(mean, mean, mean, confidence, "no spread")
    left_out = gain(*_means_without_each(np.stack([champion, candidate])))
    lower, upper = (_bca(level, drawn - mean, left_out, alike=alike) for level in (1 - confidence, confidence))
    return Gain(mean, mean + lower, mean + upper, confidence, f"paired BCa bootstrap, {RESAMPLES} resamples")


def resampled_means(paired: Numbers, *, resamples: int = RESAMPLES, seed: int = SEED) -> Numbers:
    """Means over rows drawn with replacement: from shape (k, rows) to (k, resamples), the same rows for all k.

    >>> drawn = resampled_means(np.arange(-10, 15).reshape(1, 25) / 10, resamples=10_000)
    >>> [round(float(end), 2) for end in np.percentile(drawn[0], [2.5, 97.5])]
    [-0.08, 0.48]
    """
    draw, rows = np.random.default_rng(seed), paired.shape[1]
    at_once = max(1, DRAWS_AT_ONCE // rows)
    parts = []
    for first in range(0, resamples, at_once):
        chosen = draw.integers(0, rows, (min(at_once, resamples - first), rows))
        parts.append(np.stack([losses[chosen].mean(axis=1) for losses in paired]))
    return np.concatenate(parts, axis=1)


def _means_without_each(paired: Numbers) -> Numbers:
    means: Numbers = (paired.sum(axis=1, keepdims=True) - paired) / (paired.shape[1] - 1)
    return means


def _bca(level: float, off_mean: Numbers, left_out: Numbers, *, alike: float) -> float:
    below = float(((off_mean < -alike).mean() + (off_mean <= alike).mean()) / 2)
    if not 0 < below < 1:
        return float(np.quantile(off_mean, level))
    bias = NORMAL.inv_cdf(below)
    shifted = bias + NORMAL.inv_cdf(level)
    adjusted = NORMAL.cdf(bias + shifted / (1 - _skew(left_out) * shifted))
    return float(np.quantile(off_mean, adjusted if math.isfinite(adjusted) else level))


def _skew(left_out: Numbers) -> float:
    deviation = left_out.mean() - left_out
    largest = float(np.abs(deviation).max())
    if largest == 0:
        return 0.0
    scaled = deviation / largest
    return float((scaled**3).sum() / (6 * (scaled**2).sum() ** 1.5))
