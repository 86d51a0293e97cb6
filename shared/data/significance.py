"""How likely a difference between two sets of rows is if nothing changed, and how large one must be to count.

Each pair of functions gives the chance of a size without any change, and the size of a chance.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from statistics import NormalDist

ALPHA = 0.01
NORMAL = NormalDist()
TERMS = 20
FEW_TERMS = 6  # of a series whose terms fall faster than e to the minus 2, 8, 18, 32, 50
STEPS = 20
UNDERFLOWS = 700  # e to the minus this is less than any chance that matters


def distance_tail(distance: float, rows: float) -> float:
    """The chance of a Kolmogorov-Smirnov distance, where `rows` is n m / (n + m) (M. A. Stephens, JRSS B 32, 1970).

    >>> round(distance_tail(1.358 / 1000, 1_000_000), 3)
    0.05
    """
    scaled = (math.sqrt(rows) + 0.12 + 0.11 / math.sqrt(rows)) * distance
    if scaled < 0.2:
        return 1.0
    exponent, series, sign = -2 * scaled * scaled, 0.0, 1.0
    for term in range(1, TERMS if scaled < 1 else FEW_TERMS):
        series += sign * math.exp(exponent * term * term)
        sign = -sign
    return min(1.0, max(0.0, 2 * series))


def distance_limit(alpha: float, rows: float) -> float:
    """The distance that has the chance `alpha`, which is small: the series' first term is all of it.

    >>> round(distance_limit(0.05, 1_000_000), 6)
    0.001358
    """
    return math.sqrt(-math.log(alpha / 2) / 2) / (math.sqrt(rows) + 0.12 + 0.11 / math.sqrt(rows))


def shares_tail(apart: float, before: tuple[int, int], now: tuple[int, int]) -> float:
    """The chance that two shares, each (count, rows), lie `apart` or further: two-sided, with continuity correction.

    >>> round(shares_tail(0.005, (100, 10_000), (30, 2_000)), 3)
    0.064
    """
    spread, correction = _spread(before, now)
    beyond = apart - correction
    return 1.0 if beyond <= 0 or not spread else 2 * NORMAL.cdf(-beyond / spread)


def shares_limit(alpha: float, before: tuple[int, int], now: tuple[int, int]) -> float:
    """How far apart two such shares lie with the chance `alpha`."""
    spread, correction = _spread(before, now)
    return spread * -NORMAL.inv_cdf(alpha / 2) + correction


def _spread(before: tuple[int, int], now: tuple[int, int]) -> tuple[float, float]:
    (seen, n), (seen_now, m) = before, now
    pooled, each = (seen + seen_now) / (n + m), 1 / n + 1 / m
    return math.sqrt(pooled * (1 - pooled) * each), each / 2


def means_tail(apart: float, rows: float) -> float:
    """The chance that two means lie `apart` or further, in standard deviations, where `rows` is n m / (n + m)."""
    return 2 * NORMAL.cdf(-apart * math.sqrt(rows))


def unseen_tail(share: float, expected: float, rows: int) -> float:
    """At most the chance that `share` of `rows` or more have what `expected` of all have (the Chernoff-Hoeffding bound, 1963).

    >>> unseen_tail(0.01, 0.02, 100), round(unseen_tail(0.05, 0.01, 1_000), 15)
    (1.0, 0.0)
    """
    if share <= expected:
        return 1.0
    apart = share * math.log(share / expected)
    apart += (1 - share) * math.log((1 - share) / (1 - expected)) if share < 1 else 0.0
    return math.exp(-rows * apart)


def unseen_limit(alpha: float, expected: float, rows: int) -> float:
    """The share whose `unseen_tail` is `alpha`, by Newton's method from a share that is larger (Pinsker's inequality); 1 if none has.

    >>> limit = unseen_limit(0.001, 0.01, 1_000)
    >>> round(limit, 4), round(unseen_tail(limit, 0.01, 1_000), 9)
    (0.0238, 0.001)
    """
    wanted = -math.log(alpha) / rows
    if wanted >= -math.log(expected):
        return 1.0
    share = min(expected + math.sqrt(wanted / 2), 1 - 1e-9)
    for _ in range(STEPS):
        odds = math.log(share * (1 - expected) / (expected * (1 - share)))
        apart = share * math.log(share / expected) + (1 - share) * math.log((1 - share) / (1 - expected))
        share -= (apart - wanted) / odds
        if abs(apart - wanted) < 1e-12:
            break
    return share


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given: rejecting those <= alpha keeps the chance of any false one below it.

    >>> [round(p, 3) for p in holm([0.001, 0.01, 0.02, 0.04, 0.2])]
    [0.005, 0.04, 0.06, 0.08, 0.2]
    """
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = highest
    return adjusted


def chi_square_tail(value: float, degrees: int) -> float:
    """The chance that a chi-square variable exceeds `value`; closed form for whole degrees (Abramowitz and Stegun 26.4.4-5).

    >>> round(chi_square_tail(16.919, 9), 4)
    0.05
    """
    half = value / 2
    if half > UNDERFLOWS:
        return 0.0
    term, total = (math.exp(-half), 0.0)
    if degrees % 2:
        term, total = term * math.sqrt(half / math.pi) * 2, math.erfc(math.sqrt(half))
    for place in range(degrees // 2):
        total += term
        term *= half / (place + 1 + (degrees % 2) / 2)
    return min(1.0, total)


@functools.lru_cache(maxsize=1024)
def chi_square_limit(alpha: float, degrees: int) -> float:
    """The value that a chi-square variable exceeds with chance `alpha`, which is small: Newton's method from the approximation of
    E. B. Wilson and M. M. Hilferty (PNAS 17, 1931).

    >>> round(chi_square_limit(0.01, 9), 3)
    21.666
    """
    ninth = 2 / (9 * degrees)
    value = degrees * (1 - ninth + NORMAL.inv_cdf(1 - alpha) * math.sqrt(ninth)) ** 3
    for _ in range(STEPS):
        half = value / 2
        density = math.exp((degrees / 2 - 1) * math.log(half) - half - math.lgamma(degrees / 2)) / 2
        step = (chi_square_tail(value, degrees) - alpha) / density
        value += step
        if abs(step) < 1e-10 * value:
            break
    return value
