"""Count, mean, spread and range of numbers, from one batch or merged from several."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

GREATEST = 1e140


@dataclass(frozen=True, slots=True)
class Moments:
    """`squares` is the sum of squared distances from the mean. Without any number, all are 0.

    Numbers beyond 1e140 count as that for mean and spread, whose squares would be no number.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    least: float = 0.0
    most: float = 0.0

    @staticmethod
    def of(
        numbers: NDArray[Any], counts: NDArray[np.int64] | None = None, *, ends: tuple[float, float] | None = None
    ) -> Moments:
        """Of finite numbers, each there once, or as often as `counts` says; `ends` are the least and the greatest, if known."""
        if not len(numbers):
            return Moments()
        least, most = ends or (float(numbers.min()), float(numbers.max()))
        if max(-least, most) > GREATEST:
            numbers = np.clip(numbers, -GREATEST, GREATEST)
        total = len(numbers) if counts is None else int(counts.sum())
        mean = float((np.add.reduce(numbers, dtype=np.float64) if counts is None else np.dot(numbers, counts)) / total)
        away = numbers - mean
        squares = float(np.dot(away, away if counts is None else away * counts))
        return Moments(total, mean, squares, least, most)

    @property
    def deviation(self) -> float:
        """The standard deviation, of all that was counted."""
        return math.sqrt(self.squares / self.count) if self.count else 0.0

    def merge(self, other: Moments) -> Moments:
        """Of both together ("Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", Chan et al. 1979)."""
        if not (self.count and other.count):
            return self if self.count else other
        count, apart = self.count + other.count, other.mean - self.mean
        return Moments(
            count,
            self.mean + apart * other.count / count,
            self.squares + other.squares + apart * apart * self.count * other.count / count,
            min(self.least, other.least),
            max(self.most, other.most),
        )

    def to_dict(self) -> dict[str, Any]:
        """The stored form."""
        return asdict(self)

    @staticmethod
    def from_dict(stored: Mapping[str, Any]) -> Moments:
        """What `to_dict` gave."""
        return Moments(**stored)
