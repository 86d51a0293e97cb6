"""Limits that another file of the same kind keeps to: how much room chance needs, from the rows that were seen.

Observed extremes are bad rules: without any change, the next file of as many rows exceeds the old maximum with chance
1/2. Every function takes `chance`, how often its limit may be exceeded by a file of the same kind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
MEAN_ROOM = 0.25
"""Standard deviations by which a column's mean may move beyond chance: files come from other weeks and places."""
TAIL_SHARE, TAIL_ROWS = 0.1, 10
LIGHT = 0.75


def share_limit(count: int, rows: int, *, file_rows: int, chance: float) -> float:
    """The largest share (0 to 1) of a file of `file_rows` rows that have what `count` of `rows` had.

    Twice Chernoff's bound, P(share >= q) <= exp(-n KL(q || p)): for the true share behind what was seen, and for what a
    file of that share may show. None of 100 rows still leaves room:

    >>> round(share_limit(0, 100, file_rows=100, chance=0.001), 3)
    0.194
    """
    return _above(_above(count / rows, rows, chance / 2, true_share=True), file_rows, chance / 2, true_share=False)


def _above(share: float, rows: int, chance: float, *, true_share: bool) -> float:
    """Where rows * KL reaches ln(1 / chance) above `share`, by bisection."""
    low, high = share, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        distance = _divergence(share, middle) if true_share else _divergence(middle, share)
        low, high = (middle, high) if rows * distance < -math.log(chance) else (low, middle)
    return high


def _divergence(found: float, share: float) -> float:
    """Kullback and Leibler's divergence of two shares, in nats."""
    parts = ((found, share), (1 - found, 1 - share))
    return sum(p * math.log(p / q) if q else math.inf for p, q in parts if p)


def mean_limits(values: Numbers, *, file_rows: int, chance: float) -> tuple[float, float]:
    """Between what a file's mean stays: chance in both samples (normal approximation), and a quarter of a standard deviation."""
    times = NormalDist().inv_cdf(1 - chance / 2)
    deviation = float(np.std(values, ddof=1))
    room = deviation * (MEAN_ROOM + times * math.sqrt(1 / len(values) + 1 / file_rows))
    return float(np.mean(values)) - room, float(np.mean(values)) + room


def range_limits(values: Numbers, *, chance: float) -> tuple[float, float, bool]:
    """Between what single values stay, and whether all of them do.

    Beyond the extremes there is room as far as the tail on that side reaches if it falls exponentially. A tail that is
    heavier may send a value farther, and a few rows show little of that: so only of light tails on both sides all values
    stay within, of others nearly all. A column without values below 0 that has zeros, or whose smallest is as far above 0
    as it is below the median, stays at or above 0, and the other way round.
    """
    middle, least, most = float(np.median(values)), float(values.min()), float(values.max())
    (down, is_light_below), (up, is_light_above) = (
        _reach(distances, chance)
        for distances in (middle - values[values <= middle], values[values >= middle] - middle)
    )
    low, high = middle - down, middle + up
    if least >= 0 and (least == 0 or least >= middle - least):
        low = max(low, 0.0)
    if most <= 0 and (most == 0 or -most >= most - middle):
        high = min(high, 0.0)
    return low, high, is_light_below and is_light_above


def _reach(distances: Numbers, chance: float) -> tuple[float, bool]:
    """How far an exponential tail reaches from the median with `chance` for one value more, and whether this one is lighter.

    The mean excess over a tail's beginning is an exponential tail's scale, and its standard deviation too; that of a
    lighter tail is smaller, by more than chance makes it in a tail of so few rows.
    """
    ordered = np.sort(distances)
    tail = ordered[-max(TAIL_ROWS, int(TAIL_SHARE * len(ordered))) :]
    scale, spread, farthest = float((tail - tail[0]).mean()), float(tail.std()), float(ordered[-1])
    least = farthest / (2 * math.log(1 + len(ordered)))  # half of what an exponential tail so far out would have
    return farthest + max(scale, least) * -math.log(chance), spread <= (LIGHT - 1 / math.sqrt(len(tail))) * scale


def new_value_chance(counts: Sequence[int], *, file_rows: int) -> float:
    """How many values a file of `file_rows` rows is expected to have that were not seen, from how often each was.

    By symmetry that is how many of those seen it would lack; values seen once alone make Good and Turing's unseen mass.

    >>> new_value_chance([50, 50], file_rows=100) < 1e-20
    True
    """
    rows = sum(counts)
    return sum((1 - count / rows) ** file_rows for count in counts if count < rows)


def rounded(value: float, *, up: bool, like: float) -> float:
    """A limit as people write one: outwards, to two digits of `like`, the size that matters.

    >>> rounded(0.7834, up=True, like=3.2), rounded(-12345.6, up=False, like=900)
    (0.8, -12350.0)
    """
    if not like or not math.isfinite(value):
        return value
    digits = 1 - math.floor(math.log10(abs(like)))
    step = 10.0**-digits
    return round((math.ceil(value / step) if up else math.floor(value / step)) * step, max(0, digits))
