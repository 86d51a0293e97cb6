"""How often a file in which nothing changed is called drifted, counted over seeded draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from shared.data.comparing import compare
from tests.drift.shapes import SHAPES, drawn, gaps, profile_of


@dataclass(frozen=True)
class Rate:
    """`alarms` of `draws` files, each against another of as many rows drawn from the same distribution."""

    shape: str
    rows: int
    draws: int
    alarms: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the true rate (E. B. Wilson, JASA 22, 1927)."""
        found = stats.binomtest(self.alarms, self.draws).proportion_ci(0.95, method="wilson")
        return float(found.low), float(found.high)


def false_alarms(shape: str, rows: int, draws: int, *, seed: int = 0, first: int = 0) -> Rate:
    """Draw pairs of files and count those that are called drifted. Each number from `first` on is a draw of its own."""
    alarms = 0
    for number in range(first, first + draws):
        random = np.random.default_rng([seed, list(SHAPES).index(shape), rows, number])
        pair = [profile_of(shape, drawn(shape, random, rows), gaps(random, rows)) for _ in range(2)]
        alarms += any(change.drifted for change in compare(*pair))
    return Rate(shape, rows, draws, alarms)
