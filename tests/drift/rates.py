"""How often a file in which nothing changed is called drifted, and whether all its rows would decide as its profile does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from shared.data.comparing import compare
from shared.data.profile import Profile
from tests.drift.rows import could_drift, drifted, tests_of, touched
from tests.drift.shapes import COLUMNS, SHAPES, Drawn, Random, drawn, profile_of

MOST = 0.4


@dataclass(frozen=True)
class Rate:
    """`alarms` of `draws` files, each against another of as many rows; in `equal` of them all rows would have decided the same."""

    shape: str
    rows: int
    draws: int
    alarms: int
    equal: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the true rate of alarms."""
        return wilson(self.alarms, self.draws)


def wilson(found: int, draws: int) -> tuple[float, float]:
    """The 95 % interval of a share (E. B. Wilson, JASA 22, 1927)."""
    interval = stats.binomtest(found, draws).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class Pair:
    """Two files of one shape. In the second of a `changed` pair up to 40 % of the rows of two columns are of another kind, and up
    to 8 % of one column's are missing. No column is held longer than it is looked at; the same seed draws it again.
    """

    shape: str
    rows: int
    seed: tuple[int, ...]
    changed: bool = False

    def columns(self) -> Iterator[tuple[Drawn, Drawn]]:
        """One column after the other, of either file."""
        plan = self._random(COLUMNS)
        strength = plan.uniform(0, MOST) if self.changed else 0.0
        touches = plan.choice(COLUMNS, 2, replace=False)
        gap = plan.integers(COLUMNS)
        for number in range(COLUMNS):
            random = self._random(number)
            before, now = drawn(self.shape, random, self.rows), drawn(self.shape, random, self.rows)
            if self.changed and number in touches:
                now = touched(now, random, strength)
            if self.changed and number == gap:
                now = _thinned(now, random, strength / 5)
            yield before, now

    def _random(self, part: int) -> Random:
        words = [*self.seed, list(SHAPES).index(self.shape), self.rows, part]
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(words)))

    def by_profiles(self) -> tuple[bool, bool]:
        """Whether the files' profiles say drift, and whether all rows could."""
        both, could = (Profile(self.rows), Profile(self.rows)), False
        for number, pair in enumerate(self.columns()):
            for profile, column in zip(both, pair, strict=True):
                profile.columns[f"c{number}"] = profile_of(column)
            could = could or could_drift(*pair)
        return any(change.drifted for change in compare(*both)), could

    def by_rows(self) -> bool:
        """Whether all rows say drift."""
        return drifted([found for pair in self.columns() for found in tests_of(*pair)])


def _thinned(column: Drawn, random: Random, share: float) -> Drawn:
    batches = tuple(values[random.random(len(values)) >= share] for values in column.batches)
    return replace(column, batches=batches, missing=column.rows - sum(map(len, batches)))


def rate_of(shape: str, rows: int, draws: int, *, seed: int = 0, first: int = 0, changed: bool = False) -> Rate:
    """Draw pairs of files and count those that are called drifted. Each number from `first` on is a draw of its own."""
    alarms = equal = 0
    for number in range(first, first + draws):
        pair = Pair(shape, rows, (seed, int(changed), number), changed)
        alarm, could = pair.by_profiles()
        alarms += alarm
        equal += alarm == (could and pair.by_rows())
    return Rate(shape, rows, draws, alarms, equal)
