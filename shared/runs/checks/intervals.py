"""Confidence intervals in closed form, by the standard library alone, since checks run in the model's environment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev

Interval = tuple[float, float]


def z_of(confidence: float) -> float:
    """The two-sided quantile of the normal distribution: 1.96 for 0.95."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(hits: float, of: int, confidence: float = 0.95) -> Interval:
    """The score interval of a share: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.

    >>> [round(bound, 10) for hits, of in ((8, 10), (0, 100), (3, 1000)) for bound in wilson(hits, of)]
    [0.4901624715, 0.9433178485, 0.0, 0.0369934982, 0.0010207839, 0.0087830141]
    """
    z, share = z_of(confidence), hits / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    below, above = ((middle + side * spread) / (1 + z * z / of) for side in (-1, 1))
    return (0.0 if hits <= 0 else max(0.0, below)), (1.0 if hits >= of else min(1.0, above))


def difference(one: tuple[int, int], other: tuple[int, int], confidence: float = 0.95) -> Interval:
    """The interval of the difference of two independent shares, each (hits, of): Newcombe, "Interval Estimation for the
    Difference Between Independent Proportions", 1998, method 10. His table II has 56/70 and 48/80:

    >>> [round(bound, 4) for bound in difference((56, 70), (48, 80))]
    [0.0524, 0.3339]
    """
    (hits, of), (hits_2, of_2) = one, other
    low, high = wilson(hits, of, confidence)
    low_2, high_2 = wilson(hits_2, of_2, confidence)
    share, share_2 = hits / of, hits_2 / of_2
    apart = share - share_2
    below = math.sqrt((share - low) ** 2 + (high_2 - share_2) ** 2)
    above = math.sqrt((high - share) ** 2 + (share_2 - low_2) ** 2)
    return apart - below, apart + above


def ratio(one: tuple[int, int], other: tuple[int, int], confidence: float = 0.95) -> Interval:
    """The interval of the ratio of two independent shares by its logarithm: Katz and others, "Obtaining Confidence Intervals
    for the Risk Ratio in Cohort Studies", 1978; with half a hit added to each where one has none. Where all of both are hits the
    logarithm has no spread: then by the score interval of each.

    >>> [round(bound, 4) for bound in ratio((12, 40), (48, 80))]
    [0.3014, 0.8294]
    >>> [round(bound, 4) for bound in ratio((40, 40), (80, 80))]
    [0.9124, 1.048]
    """
    (hits, of), (hits_2, of_2) = one, other
    if hits == of and hits_2 == of_2:
        return wilson(hits, of, confidence)[0], 1 / wilson(hits_2, of_2, confidence)[0]
    add = 0.0 if hits and hits_2 else 0.5
    hit, all_, hit_2, all_2 = hits + add, of + add, hits_2 + add, of_2 + add
    log, error = math.log(hit / all_ / (hit_2 / all_2)), math.sqrt(1 / hit - 1 / all_ + 1 / hit_2 - 1 / all_2)
    z = z_of(confidence)
    return math.exp(log - z * error), math.exp(log + z * error)


def mean(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The interval of a mean by its standard error and the normal distribution; of fewer than two values there is none.

    >>> [round(bound, 4) for bound in mean([1.0, 2.0, 3.0, 4.0])]
    [1.2348, 3.7652]
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} values have no interval of their mean")
    middle, error = fmean(values), stdev(values) / math.sqrt(len(values))
    return middle - z_of(confidence) * error, middle + z_of(confidence) * error


def apart(one: Sequence[float], other: Sequence[float], confidence: float = 0.95) -> Interval:
    """The interval of the difference of two independent means, each with its own spread.

    >>> [round(bound, 4) for bound in apart([3.0, 5.0], [1.0, 2.0])]
    [0.3087, 4.6913]
    """
    if min(len(one), len(other)) < 2:
        raise ValueError("a mean of fewer than two values has no interval")
    between = fmean(one) - fmean(other)
    error = math.sqrt(stdev(one) ** 2 / len(one) + stdev(other) ** 2 / len(other))
    return between - z_of(confidence) * error, between + z_of(confidence) * error
