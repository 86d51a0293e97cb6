"""Few rows on which two models differ, all by the same amount: right where the other is wrong. Exact bounds, for few show little.

Of the rows that differ, each is the candidate's with one chance, and their number is binomial (Q. McNemar, Psychometrika 12, 1947;
bounds as C. Clopper and E. Pearson, Biometrika 26, 1934). A resample of 400 rows is without all of 3 such rows with a chance of
0.0498, so the bootstrap alone would be sure of a gain that a coin shows in one of eight cases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEW = 25
"""Rows that differ up to which the exact test is asked, as is usual for McNemar's."""
STEPS = 60


@dataclass(frozen=True, slots=True)
class Discordant:
    """`ours` of `count` rows that differ are better by the candidate; `most` is the gain if all were."""

    ours: int
    count: int
    most: float

    def chance(self, beyond: float) -> float:
        """The chance of so many, or more, if the true gain were `beyond`.

        >>> round(Discordant(15, 20, 0.02).chance(0.0), 10)
        0.0206947327
        """
        return _at_least(self.ours, self.count, (beyond / self.most + 1) / 2)

    def bounds(self, confidence: float) -> tuple[float, float]:
        """What the gain is above, and below, each with `confidence`.

        >>> [round(bound, 4) for bound in Discordant(4, 4, 0.04).bounds(0.95)]
        [-0.0022, 0.04]
        """
        theirs = self.count - self.ours
        above, below = (_least_share(wins, self.count, 1 - confidence) for wins in (self.ours, theirs))
        return (2 * above - 1) * self.most, (1 - 2 * below) * self.most


def discordant(gains: NDArray[np.float64]) -> Discordant | None:
    """What the gains of the rows show; None where none differ, many do, or they differ by other amounts."""
    differ = gains[gains != 0]
    if not 0 < len(differ) <= FEW:
        return None
    size = float(np.abs(differ).max())
    if float(np.abs(differ).min()) < size * (1 - 1e-9):
        return None
    return Discordant(int((differ > 0).sum()), len(differ), size * len(differ) / len(gains))


def _at_least(wins: int, count: int, share: float) -> float:
    """The chance of `wins` or more of `count`, each with the chance `share`."""
    if share >= 1 or wins == 0:
        return 1.0
    if share <= 0:
        return 0.0
    return math.fsum(math.comb(count, n) * share**n * (1 - share) ** (count - n) for n in range(wins, count + 1))


def _least_share(wins: int, count: int, level: float) -> float:
    """The largest share under which so many wins have at most this chance; found by halving."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_least(wins, count, middle) <= level else (low, middle)
    return low
