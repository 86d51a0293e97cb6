"""Measuring two models on the same holdout rows, by any metric, on all of them or on a part."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shared.gating.metric_facts import facts, is_custom
from shared.runs.comparison import Gain, compare_units
from shared.runs.metrics import Measure, Metric, Numbers, fitting, measure, metric_named, unfit
from shared.runs.ranked import VALUES, compare_ranked
from shared.runs.scoring import Predictions
from shared.spec import Direction, Gates

PER_ROW = Metric()


@dataclass(frozen=True, slots=True)
class Measuring:
    """The holdout's true values, shape (rows,), finite; `unit` numbers each row's unit from 0, None where each row is one."""

    gates: Gates
    truth: Numbers
    unit: Numbers | None = None

    @property
    def units(self) -> int:
        """How many units there are: users, blocks of time, or rows."""
        return len(self.truth) if self.unit is None else len(np.unique(self.unit))

    def part(self, rows: NDArray[np.bool_]) -> Measuring:
        """The same for the rows that are chosen; a unit is what is chosen of it."""
        unit = None if self.unit is None else np.unique(self.unit[rows], return_inverse=True)[1].astype(np.float64)
        return replace(self, truth=self.truth[rows], unit=unit)

    def value(self, name: str, predictions: Predictions) -> float:
        """The metric's value; NaN where these rows have none."""
        if name in VALUES:
            return VALUES[name](self.truth, self._fitting(name, predictions))
        with np.errstate(all="ignore"):
            return self._measure(name, predictions).value

    def unfit(self, name: str, predictions: Predictions) -> str:
        """Why the metric cannot be told of these predictions, which are finite numbers; "" if it can."""
        classes = len(self.gates.compare.classes)
        return "" if is_custom(name) else unfit(name, self.truth, predictions.values, classes)

    def gain(
        self, name: str, champion: Predictions, candidate: Predictions, *, confidence: float, beyond: float = 0.0
    ) -> Gain:
        """How much better the candidate is; `beyond` is what its chance `p` is counted against."""
        if name in VALUES:
            both = (self._fitting(name, champion), self._fitting(name, candidate))
            return compare_ranked(name, self.truth, *both, confidence=confidence, beyond=beyond)
        theirs, ours = self._measure(name, champion), self._measure(name, candidate)
        with np.errstate(all="ignore"):
            return compare_units(
                theirs.units,
                ours.units,
                whole=ours.whole,
                direction=self.direction(name),
                confidence=confidence,
                beyond=beyond,
            )

    def direction(self, name: str) -> Direction:
        """Which way the metric is better."""
        return facts(name).better or self.gates.direction

    def rows(self, name: str, predictions: Predictions) -> Numbers:
        """What each row adds, whatever its unit; for metrics of rows only."""
        measured = replace(self, unit=None)._measure(name, predictions)
        return measured.units

    def _measure(self, name: str, predictions: Predictions) -> Measure:
        k = self.gates.compare.k
        if is_custom(name):
            own = predictions.own if predictions.own is not None else np.full(len(self.truth), math.nan)
            return measure(PER_ROW, self.truth, own, unit=self.unit)
        return measure(metric_named(name), self.truth, self._fitting(name, predictions), unit=self.unit, k=k)

    def _fitting(self, name: str, predictions: Predictions) -> Numbers:
        return fitting(name, self.truth, predictions.values, threshold=self.gates.compare.threshold)


def chosen(predictions: Predictions, rows: NDArray[np.bool_]) -> Predictions:
    """The predictions of some of the rows."""
    own = None if predictions.own is None else predictions.own[rows]
    return replace(predictions, values=predictions.values[rows], own=own)


def why_unknown(name: str, gain: Gain) -> str:
    """Why a gain has no finite mean or bounds: rows that have no such metric, all of them or some that were drawn."""
    return gain.method if name == "auc" else f"these rows, or some drawn from them, have no {name}"
