"""Metrics of the order of all rows, area under the ROC curve and average precision, compared on the same rows.

AUC: E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, "Comparing the Areas under Two or More Correlated Receiver
Operating Characteristic Curves", Biometrics 44 (1988), by midranks as X. Sun and W. Xu, "Fast Implementation of DeLong's
Algorithm", IEEE Signal Processing Letters 21 (2014). Rows must be independent of each other. Average precision: paired
bootstrap over rows, by percentiles, which holds for larger numbers of rows of both kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from shared.runs.comparison import ALIKE, NORMAL, SEED, Gain
from shared.runs.metrics import Numbers

RESAMPLES = 1_999
AT_ONCE = 2_000_000
FEWEST = 5
"""Rows of the rarer kind from which on DeLong's covariance holds: with two of them 13 % of equal models pass 5 %, with five 7 %."""


def midranks(values: Numbers) -> Numbers:
    """Ranks from 1, equal values sharing the mean of theirs.

    >>> midranks(np.array([0.3, 0.1, 0.3]))
    array([2.5, 1. , 2.5])
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Numbers = (ends - (counts - 1) / 2)[place]
    return ranks


def _placements(truth: Numbers, scores: Numbers) -> tuple[Numbers, Numbers]:
    """For each row that is 1 the share of the others it stands above; for each other that of the ones above it."""
    ones, others = scores[truth == 1], scores[truth != 1]
    ranks = midranks(np.concatenate([ones, others]))
    above = (ranks[: len(ones)] - midranks(ones)) / len(others)
    below = 1 - (ranks[len(ones) :] - midranks(others)) / len(ones)
    return above, below


def auc(truth: Numbers, scores: Numbers) -> float:
    """The chance that a row that is 1 scores above one that is not; NaN without rows of both kinds."""
    if len(np.unique(truth == 1)) < 2:
        return float("nan")
    return float(_placements(truth, scores)[0].mean())


def delong(truth: Numbers, *scores: Numbers) -> tuple[Numbers, Numbers]:
    """The areas of several scores of the same rows, and the covariance matrix of these."""
    placed = [_placements(truth, each) for each in scores]
    above, below = (np.stack([place[side] for place in placed]) for side in (0, 1))
    covariance = np.atleast_2d(np.cov(above)) / above.shape[1] + np.atleast_2d(np.cov(below)) / below.shape[1]
    return above.mean(axis=1), covariance


def average_precision(truth: Numbers, scores: Numbers) -> float:
    """Mean over the rows that are 1 of the precision down to their score; NaN without one."""
    weights = np.ones((1, len(truth)))
    return float(_average_precisions(truth == 1, scores, weights)[0])


def _average_precisions(is_one: Numbers, scores: Numbers, weights: Numbers) -> Numbers:
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    ordered = weights[:, order]
    ones = np.cumsum(ordered * is_one[order], axis=1)[:, ends]
    seen = np.cumsum(ordered, axis=1)[:, ends]
    gained = np.diff(ones, axis=1, prepend=0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Numbers = np.where(seen > 0, gained * ones / seen, 0.0).sum(axis=1) / ones[:, -1]
    return mean


VALUES: Mapping[str, Callable[[Numbers, Numbers], float]] = {"auc": auc, "average_precision": average_precision}


def compare_ranked(
    name: str, truth: Numbers, champion: Numbers, candidate: Numbers, *, confidence: float, beyond: float = 0.0
) -> Gain:
    """The candidate's gain in `name`, which is better when higher; NaN without rows of both kinds."""
    if name == "auc":
        return _by_delong(truth, champion, candidate, confidence, beyond)
    return _by_bootstrap(truth, champion, candidate, confidence, beyond)


def _by_delong(truth: Numbers, champion: Numbers, candidate: Numbers, confidence: float, beyond: float) -> Gain:
    ones = int((truth == 1).sum())
    if (rarer := min(ones, len(truth) - ones)) < FEWEST:
        nothing = float("nan")
        few = f"of {len(truth)} rows {rarer} are of the rarer kind, auc is compared from {FEWEST} on"
        return Gain(nothing, nothing, nothing, confidence, few, nothing)
    (theirs, ours), covariance = delong(truth, champion, candidate)
    mean = float(ours - theirs)
    deviation = float(np.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0)))
    if deviation <= ALIKE:
        return Gain(mean, mean, mean, confidence, "no spread", 0.0 if mean > beyond else 1.0)
    reach = NORMAL.inv_cdf(confidence) * deviation
    chance = NORMAL.cdf((beyond - mean) / deviation)
    return Gain(mean, mean - reach, mean + reach, confidence, "DeLong", chance)


def _by_bootstrap(truth: Numbers, champion: Numbers, candidate: Numbers, confidence: float, beyond: float) -> Gain:
    order = np.lexsort((np.minimum(champion, candidate), np.maximum(champion, candidate), truth))
    is_one, scores = truth[order] == 1, [each[order] for each in (champion, candidate)]
    mean = average_precision(truth, candidate) - average_precision(truth, champion)
    draw, rows, parts = np.random.default_rng(SEED), len(truth), []
    at_once = max(1, AT_ONCE // rows)
    for first in range(0, RESAMPLES, at_once):
        many = min(at_once, RESAMPLES - first)
        drawn = draw.integers(0, rows, (many, rows)) + rows * np.arange(many)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=many * rows).reshape(many, rows).astype(np.float64)
        theirs, ours = (_average_precisions(is_one, each, weights) for each in scores)
        parts.append(ours - theirs)
    gains = np.concatenate(parts)
    lower, upper = np.quantile(gains, [1 - confidence, confidence])
    chance = (float((gains <= beyond).sum()) + 1) / (RESAMPLES + 1)
    return Gain(mean, float(lower), float(upper), confidence, f"paired bootstrap, {RESAMPLES} resamples", chance)
