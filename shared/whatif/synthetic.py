"""Made-up pasts with known changes: what is right is known at every moment, so that a policy's mistakes can be counted.

A file of `ROWS` rows comes every six hours, and a monitor reports each day the PSI of the day's rows against those that the
serving model was trained on (a month back), as an alert from 0.2 on. The target is `concept(t) * x + noise`, the feature is
shifted by `shift(t)`. A model has the mean concept of its training window; its loss is the squared distance to the concept
of now, so that a whole change costs 1. A candidate is judged as the gates do: its gain is measured on the newest holdout
rows, with noise, and its lower bound must be above 0. All randomness is seeded by the past and the moment: every policy
meets the same luck.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from shared.whatif.play import Signal, Trained

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 120
DAY = timedelta(days=1)
ROWS, FILE_EVERY = 200, timedelta(hours=6)
WINDOW_DAYS = 14.0
HOLDOUT_DAYS, HOLDOUT_SHARE = 7.0, 0.2
NOISE = 1.0
BINS = 10
NEEDED_GAIN = 0.02
ALERTS_FROM = 0.2
Curve = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Synthetic:
    """One made-up past. `concept` and `shift` are functions of the days since its begin."""

    name: str
    told: str
    concept: Curve
    shift: Curve
    change_days: tuple[float, ...] = ()
    seed: int = 1
    begin: datetime = BEGIN
    end: datetime = BEGIN + timedelta(days=DAYS)
    signals: tuple[Signal, ...] = field(default=())
    alerts_from: float = ALERTS_FROM

    @property
    def changes(self) -> tuple[datetime, ...]:
        """The known change points of the concept."""
        return tuple(self.begin + timedelta(days=day) for day in self.change_days)

    def day(self, at: datetime) -> float:
        """Days since the begin."""
        return (at - self.begin) / DAY

    def seen_by_monitor(self, signal: Signal, champion: Trained) -> float:
        """PSI over ten bins of equal probability of the reference, from drawn counts; empty bins count half a row."""
        reference = self._mean(self.shift, champion.at)
        now = self._mean(self.shift, signal.at, days=1.0)
        drawn = self._chance(signal.at, 1).normal(now - reference, 1.0, 4 * ROWS)
        edges = [_normal_quantile(place / BINS) for place in range(1, BINS)]
        counts = np.bincount(np.searchsorted(edges, drawn), minlength=BINS)
        shares = np.maximum(counts, 0.5) / counts.sum()
        return float(np.sum((shares - 1 / BINS) * np.log(shares * BINS)))

    def loss(self, model: Trained, at: datetime) -> float:
        """The squared distance of the model's concept to that of now."""
        return (self._mean(self.concept, model.at) - self.concept(self.day(at))) ** 2

    def gain(self, candidate: Trained, champion: Trained) -> float:
        """How much better the candidate is on the newest rows: the mean over the days of the holdout."""
        moments = [candidate.at - timedelta(days=day) for day in np.linspace(0.0, HOLDOUT_DAYS, 8)]
        return sum(self.loss(champion, at) - self.loss(candidate, at) for at in moments) / len(moments)

    def passes(self, candidate: Trained, champion: Trained) -> bool:
        """Whether the lower one-sided 95 % bound of the measured gain is above 0."""
        rows = HOLDOUT_SHARE * ROWS * HOLDOUT_DAYS * (DAY / FILE_EVERY)
        distance = abs(self._mean(self.concept, candidate.at) - self._mean(self.concept, champion.at))
        error = 2 * NOISE * max(distance, 0.02) / math.sqrt(rows)
        measured = self.gain(candidate, champion) + float(self._chance(candidate.at, 2).normal(0.0, error))
        return measured - 1.645 * error > 0

    def is_needed(self, candidate: Trained, champion: Trained) -> bool:
        """Whether the candidate is better by more than a fiftieth of a whole change, for the rows to come."""
        return self.loss(champion, candidate.at) - self.loss(candidate, candidate.at) > NEEDED_GAIN

    def _mean(self, curve: Curve, at: datetime, days: float = WINDOW_DAYS) -> float:
        return _mean(curve, self.day(at), days)

    def _chance(self, at: datetime, what: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, what, int(at.timestamp())])


@functools.lru_cache(maxsize=10_000)
def _mean(curve: Curve, day: float, days: float) -> float:
    """The mean over a window of days that ends on this one; before the begin everything was as at it."""
    return sum(curve(max(0.0, day - part / 28 * days)) for part in range(29)) / 29


def _normal_quantile(share: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)


def _signals() -> Iterator[Signal]:
    at = BEGIN + FILE_EVERY
    while at <= BEGIN + timedelta(days=DAYS):
        yield Signal(at, "file", rows=ROWS, name=f"file-{at:%m%d%H}")
        if at.hour == 0:
            yield Signal(at, "report", name=f"report-{at:%m%d}")
        at += FILE_EVERY


def _steps(*days: float) -> Curve:
    """A concept that changes by 1, back and forth, on these days."""
    return lambda day: float(sum(day >= one for one in days) % 2)


def _slowly(day: float) -> float:
    return min(1.0, max(0.0, (day - 30.0) / 40.0))


def _odd_days(day: float) -> float:
    return 1.0 if int(day) % 15 == 9 else 0.0


def _weekly(day: float) -> float:
    return 0.6 * math.sin(2 * math.pi * day / 7)


def _nothing(day: float) -> float:
    return 0.0


SUDDEN, HIDDEN, OFTEN = (30.0, 75.0), (40.0, 90.0), tuple(float(day) for day in range(10, DAYS, 10))
PASTS: tuple[tuple[str, str, Curve, Curve, tuple[float, ...]], ...] = (
    ("nothing", "Nothing changes", _nothing, _nothing, ()),
    ("sudden", "Two sudden changes, which the monitor sees", _steps(*SUDDEN), _steps(*SUDDEN), SUDDEN),
    ("hidden", "Two sudden changes of the target alone, which no monitor sees", _steps(*HIDDEN), _nothing, HIDDEN),
    ("gradual", "One change that takes 40 days", _slowly, _slowly, (30.0, 70.0)),
    ("harmless", "The features move for good, the target does not", _nothing, _steps(30.0), ()),
    ("noisy", "Single days of odd rows", _nothing, _odd_days, ()),
    ("weekly", "The features swing every week, the target does not", _nothing, _weekly, ()),
    ("often", "A change every ten days, which the monitor sees", _steps(*OFTEN), _steps(*OFTEN), OFTEN),
)


def pasts(seed: int = 1) -> tuple[Synthetic, ...]:
    """The pasts that policies are compared on: what changes, and whether the monitor can see it."""
    signals = tuple(_signals())
    return tuple(
        Synthetic(name, told, concept, shift, changes, seed, signals=signals)
        for name, told, concept, shift, changes in PASTS
    )
