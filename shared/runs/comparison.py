"""Candidate against champion on the same units: the paired gain and bounds that hold with a stated confidence.

Source: B. Efron, "Better Bootstrap Confidence Intervals", JASA 82 (1987) (BCa). A resample draws units, so what both
models find hard cancels out, and rows of one unit stay together. Units are put into an order that neither the rows'
order nor the models' roles change: the same rows give the same bounds however they are sorted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from shared.runs.discordant import discordant
from shared.runs.metrics import Metric, Numbers, Whole, same
from shared.spec import Direction

RESAMPLES = 9_999
SEED = 0
DRAWS_AT_ONCE = 4_000_000
WIDE = 4  # columns from which on counting a resample's units costs less than gathering them
ALIKE = 1e-12  # relative to the values compared: resamples that differ by less differ by rounding only
NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better the candidate is, in units of the metric; each bound holds one-sided with `confidence`.

    `p` is the chance of such a gain, or a larger one, if the true one were not beyond the limit asked for: the level at
    which the lower bound would reach that limit.
    """

    mean: float
    lower: float
    upper: float
    confidence: float
    method: str
    p: float = 1.0


def value(metric: Metric, losses: Numbers) -> float:
    """The metric's value over rows.

    >>> value(Metric(whole=np.sqrt), np.array([9.0, 16.0, 11.0]))
    3.4641016151377544
    """
    return float(metric.whole(losses.mean(axis=-1)))


def compare(
    champion: Numbers,
    candidate: Numbers,
    *,
    metric: Metric,
    direction: Direction,
    confidence: float,
    beyond: float = 0.0,
) -> Gain:
    """The candidate's gain from what each unit adds to both models' metric; see `compare_units`."""
    return compare_units(
        champion, candidate, whole=metric.whole, direction=direction, confidence=confidence, beyond=beyond
    )


def compare_units(
    champion: Numbers, candidate: Numbers, *, whole: Whole, direction: Direction, confidence: float, beyond: float = 0.0
) -> Gain:
    """The candidate's gain, from shape (units,) or (columns, units), at least one unit, in the same order for both.

    The bounds are BCa from 9,999 resamples with a fixed seed: the same units give the same bounds, and swapping the
    models mirrors them. A gain without any spread has no distribution to draw from: its bounds are itself. Where few units
    differ, and all by the same amount, no gain and no loss is surer than by the exact test of their number (`discordant.py`).
    """
    found = _bootstrapped(champion, candidate, whole, direction, confidence, beyond)
    if champion.ndim > 1 or whole is not same:
        return found
    few = discordant((champion - candidate) * (1.0 if direction == "lower" else -1.0))
    if few is None:
        return found
    lower, upper = few.bounds(confidence)
    method = f"{found.method}, no surer than McNemar's exact test of {few.count} that differ"
    bounds = min(found.lower, max(lower, 0.0)), max(found.upper, min(upper, 0.0))
    return Gain(found.mean, *bounds, confidence, method, max(found.p, few.chance(beyond)))


def _bootstrapped(
    champion: Numbers, candidate: Numbers, whole: Whole, direction: Direction, confidence: float, beyond: float
) -> Gain:
    sign, pair = (1.0 if direction == "lower" else -1.0), in_order(champion, candidate)

    def gain(means: Numbers) -> Numbers:
        return sign * (whole(means[0]) - whole(means[1]))

    mean = float(gain(pair.mean(axis=-1)))
    drawn = gain(_resampled(pair))
    alike = ALIKE * sum(abs(float(whole(model.mean(axis=-1)))) for model in pair)
    if not np.ptp(drawn) > alike:
        return Gain(mean, mean, mean, confidence, "no spread", 0.0 if mean > beyond else 1.0)
    skew = _skew(gain(_means_without_each(pair)))
    lower, upper = (_bca(level, drawn - mean, skew, alike=alike) for level in (1 - confidence, confidence))
    chance = _chance(beyond - mean, drawn - mean, skew, alike=alike)
    method = f"paired BCa bootstrap, {RESAMPLES} resamples"
    return Gain(mean, mean + lower, mean + upper, confidence, method, chance)


def in_order(champion: Numbers, candidate: Numbers) -> Numbers:
    """Both as shape (2, [columns,] units), the units sorted by how far their difference is from the mean one.

    >>> in_order(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0]))[0]
    array([2., 1., 3.])
    """
    pair = np.stack([champion, candidate])
    flat = pair.reshape(2, -1, pair.shape[-1])
    off = flat[0] - flat[1]
    away = np.abs(off - off.mean(axis=1, keepdims=True)).sum(axis=0)
    order = np.lexsort((*flat[0], *flat[1], flat.sum(axis=(0, 1)), away))
    return pair[..., order]


def _resampled(pair: Numbers) -> Numbers:
    columns = pair.reshape(-1, pair.shape[-1])
    drawn = resampled_means(columns) if len(columns) <= WIDE else _counted_means(columns)
    return drawn.reshape(*pair.shape[:-1], -1)


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


def _counted_means(columns: Numbers) -> Numbers:
    """Means over drawn rows by how often each was drawn: from shape (k, rows) to (k, resamples)."""
    draw, rows = np.random.default_rng(SEED), columns.shape[1]
    at_once = max(1, DRAWS_AT_ONCE // rows)
    parts = []
    for first in range(0, RESAMPLES, at_once):
        many = min(at_once, RESAMPLES - first)
        chosen = draw.integers(0, rows, (many, rows)) + rows * np.arange(many)[:, None]
        counts = np.bincount(chosen.ravel(), minlength=many * rows).reshape(many, rows)
        parts.append(columns @ counts.T / rows)
    return np.concatenate(parts, axis=1)


def _means_without_each(paired: Numbers) -> Numbers:
    means: Numbers = (paired.sum(axis=-1, keepdims=True) - paired) / max(paired.shape[-1] - 1, 1)
    return means


def _bca(level: float, off_mean: Numbers, skew: float, *, alike: float) -> float:
    below = float(((off_mean < -alike).mean() + (off_mean <= alike).mean()) / 2)
    if not 0 < below < 1:
        return float(np.quantile(off_mean, level))
    bias = NORMAL.inv_cdf(below)
    shifted = bias + NORMAL.inv_cdf(level)
    adjusted = NORMAL.cdf(bias + shifted / (1 - skew * shifted))
    return float(np.quantile(off_mean, adjusted if math.isfinite(adjusted) else level))


def _chance(limit: float, off_mean: Numbers, skew: float, *, alike: float) -> float:
    """The level whose BCa bound is `limit`: `_bca` the other way round. At least 1 in the number of resamples."""
    draws = len(off_mean)
    reached = (float((off_mean <= limit + alike).sum()) + 1) / (draws + 1)
    below = float(((off_mean < -alike).mean() + (off_mean <= alike).mean()) / 2)
    if not 0 < below < 1 or not 0 < reached < 1:
        return min(reached, 1.0)
    bias = NORMAL.inv_cdf(below)
    beyond = NORMAL.inv_cdf(reached) - bias
    if 1 + skew * beyond <= 0:
        return 1.0
    return max(NORMAL.cdf(beyond / (1 + skew * beyond) - bias), 1 / (draws + 1))


def _skew(left_out: Numbers) -> float:
    deviation = left_out.mean() - left_out
    largest = float(np.abs(deviation).max())
    if largest == 0:
        return 0.0
    scaled = deviation / largest
    return float((scaled**3).sum() / (6 * (scaled**2).sum() ** 1.5))
