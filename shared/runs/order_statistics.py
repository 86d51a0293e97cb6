"""What a sample says of a percentile: its order statistics, with confidence, whatever the distribution.

Of n independent values the number that do not exceed the true p-quantile is binomial (n, p), so ranks of the sorted
sample bound the quantile: David and Nagaraja, "Order Statistics", 3rd edition, section 7.1. Percentiles of several
samples are never averaged; the samples are merged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

CONFIDENCE = 0.95


def ranks(count: int, share: float, confidence: float = CONFIDENCE) -> tuple[int | None, int | None]:
    """The ranks, counted from 1, between which the `share`-quantile lies with at least this confidence.

    None where the sample is too small to bound that side.

    >>> ranks(1000, 0.99), ranks(10_000, 0.99)
    ((983, 997), (9880, 9920))
    >>> ranks(58, 0.99)
    (56, None)
    """
    tail = (1 - confidence) / 2
    below = _cumulative(count, share)
    low = max((rank for rank in range(1, count + 1) if below[rank - 1] <= tail), default=None)
    return low, _first_reaching(below, 1 - tail)


def upper_rank(count: int, share: float, confidence: float = CONFIDENCE) -> int | None:
    """The smallest rank that the `share`-quantile does not exceed with this confidence; None if the sample is too small.

    >>> upper_rank(299, 0.99), upper_rank(298, 0.99), upper_rank(59, 0.95), upper_rank(58, 0.95)
    (299, None, 59, None)
    """
    return _first_reaching(_cumulative(count, share), confidence)


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `percent` of all do not exceed.

    >>> percentile([15, 20, 35, 40, 50], 30)
    20
    """
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def _first_reaching(below: Sequence[float], wanted: float) -> int | None:
    """The smallest rank u with P(X <= u - 1) >= wanted; none of the sample's ranks if that needs u above n."""
    return next((rank for rank in range(1, len(below)) if below[rank - 1] >= wanted), None)


def _cumulative(count: int, share: float) -> list[float]:
    """P(X <= k) for k = 0..count, X binomial (count, share)."""
    logs = math.log(share), math.log1p(-share)
    total, found = 0.0, []
    for k in range(count + 1):
        ways = math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        total += math.exp(ways + k * logs[0] + (count - k) * logs[1])
        found.append(min(total, 1.0))
    return found
