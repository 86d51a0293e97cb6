"""The gain with its interval as a small drawing: where the zero line, the limit and the interval's ends stand. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from shared.web.words import number

WIDTH, MARGIN = 320.0, 16.0


@dataclass(frozen=True, slots=True)
class GainChart:
    """Horizontal places in a drawing `width` wide, and the sentence that says the same in words."""

    zero: float
    limit: float
    lower: float
    mean: float
    upper: float
    passes: bool
    says: str
    width: float = WIDTH


def gain_chart(gain: Mapping[str, float], *, limit: float, confidence: float) -> GainChart | None:
    """The drawing for a release's `gain`; None where there is no interval. `limit` is what the lower end must exceed.
    Each end holds one-sided with `confidence`, so both together with less.

    >>> chart = gain_chart({"gain": 5, "lower": 0, "upper": 10}, limit=0, confidence=0.95)
    >>> chart.zero, chart.mean, chart.upper, chart.passes
    (16.0, 160.0, 304.0, False)
    """
    ends = [gain.get(name) for name in ("lower", "gain", "upper")]
    known = [end for end in ends if end is not None and math.isfinite(end)]
    if len(known) < len(ends):
        return None
    lower, mean, upper = known
    zero, at_limit, low, middle, high = _places([0.0, limit, lower, mean, upper])
    says = (
        f"gain {number(mean)}, from {number(lower)} to {number(upper)}, each end with {number(100 * confidence)}% confidence; "
        f"its lower end must be above {number(limit)}"
    )
    return GainChart(zero, at_limit, low, middle, high, passes=lower > limit, says=says)


def _places(values: list[float]) -> list[float]:
    least, most = min(values), max(values)
    scale = (WIDTH - 2 * MARGIN) / ((most - least) or 1.0)
    return [round(MARGIN + (value - least) * scale, 1) for value in values]
