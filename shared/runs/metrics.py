"""The metrics: from truth and prediction to what each unit adds, and from the units' mean to the metric's value.

A unit is a row, or what `gates.compare.unit` makes one: a user's rows, a block of time. Units are what a resample draws,
so rows that belong together stay together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.errors import MetricMissing
from shared.gating.metric_facts import COUNTED, OF_TWO
from shared.gating.metric_facts import METRICS as KNOWN

Numbers = NDArray[np.float64]
Whole = Callable[[Numbers], Numbers]
Flags = NDArray[np.bool_]
BINS = 10
OF_CHANCES = ("log_loss", "brier", "calibration_error")
"""Metrics of probabilities: a score beyond 0 to 1, or shares that make no whole, would count as more than certain."""
ROUNDED, WHOLE_WITHIN = 1e-6, 0.01
"""How far a probability may lie beyond 0 to 1, and those of all classes from 1 together: what rounding does."""


def same(mean: Numbers) -> Numbers:
    """The metric is the mean itself."""
    return mean


@dataclass(frozen=True, slots=True)
class Metric:
    """`per_row` gives what a row adds, shape (rows,) or (columns, rows); `whole` makes the value of the rows' mean.

    With `per_group` a unit of several rows has one value of its own, from its truth, predictions and the number k.
    """

    per_row: Callable[[Numbers, Numbers], Numbers] = lambda truth, predicted: predicted
    whole: Whole = same
    per_group: Callable[[Numbers, Numbers, int], float] | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """What each unit adds, shape (units,) or (columns, units), and how their mean becomes the metric's value."""

    units: Numbers
    whole: Whole

    @property
    def value(self) -> float:
        """The metric over all units."""
        return float(self.whole(self.units.mean(axis=-1)))


def fitting(name: str, truth: Numbers, predicted: Numbers, *, threshold: float = 0.5) -> Numbers:
    """Predictions as the metric `name` wants them, where the truth is 0 or 1: one score a row, or an answer.

    Of two classes' probabilities the score is that of the second. Metrics that count right answers get one from a
    probability: 1 from `threshold` on. Everything else stays as it is.

    >>> fitting("accuracy", np.array([0.0, 1.0]), np.array([0.2, 0.4]), threshold=0.3)
    array([0., 1.])
    """
    two = predicted[:, 1] if predicted.ndim == 2 and predicted.shape[1] == 2 else predicted
    if name in OF_TWO:
        return two
    is_chance = two.ndim == 1 and bool(((two >= 0) & (two <= 1)).all() and np.isin(truth, (0.0, 1.0)).all())
    if name in COUNTED and is_chance:
        answers: Numbers = (two >= threshold).astype(np.float64)
        return answers
    return predicted


def unfit(name: str, truth: Numbers, predicted: Numbers, classes: int = 0) -> str:
    """Why the metric `name` cannot be told of these finite predictions; "" if it can: what is no probability is none.

    >>> zero, both = np.zeros(1), np.zeros(2)
    >>> unfit("log_loss", both, np.array([0.2, 3.0])), unfit("mse", both, np.array([0.2, 3.0]))
    ('1 of 2 predictions are no probability, as log_loss wants: prediction 1 is 3', '')
    >>> unfit("log_loss", zero, np.array([[0.9, 0.9]]))
    '1 of 1 predictions are no probability, as log_loss wants: those of prediction 0 are 1.8 together'
    >>> unfit("auc", np.array([1.0, 2.0]), both)
    'auc wants a target of 0 and 1, or gates.compare.classes, and 1 of 2 true values are 2'
    """
    if predicted.ndim == 2 and name not in (*COUNTED, "log_loss") and not (name in OF_TWO and predicted.shape[1] == 2):
        return f"{name} wants one number a row, and predictions are lists of {predicted.shape[1]}"
    if classes > 2 and predicted.ndim == 1 and name in OF_CHANCES:
        return f"{name} wants a probability for each of the {classes} classes, and predictions name one"
    if name in (*OF_TWO, "log_loss") and classes <= 2 and (other := truth[~np.isin(truth, (0.0, 1.0))]).size:
        told = (
            f"{other.size} of {truth.size} true values are {', '.join(f'{each:.6g}' for each in np.unique(other)[:3])}"
        )
        return f"{name} wants a target of 0 and 1, or gates.compare.classes, and {told}"
    return _no_chance(name, predicted) if name in OF_CHANCES else ""


def _no_chance(name: str, predicted: Numbers) -> str:
    rows = predicted.reshape(len(predicted), -1)
    beyond = np.maximum(-rows.min(axis=1), rows.max(axis=1) - 1) > ROUNDED
    whole = np.ones(len(rows)) if predicted.ndim == 1 else rows.sum(axis=1)
    wrong = np.flatnonzero(beyond | (np.abs(whole - 1) > WHOLE_WITHIN))
    if not len(wrong):
        return ""
    first = int(wrong[0])
    what = f"prediction {first} is {', '.join(f'{number:.6g}' for number in rows[first])}"
    told = what if beyond[first] else f"those of prediction {first} are {whole[first]:.6g} together"
    return f"{len(wrong)} of {len(rows)} predictions are no probability, as {name} wants: {told}"


def measure(metric: Metric, truth: Numbers, predicted: Numbers, *, unit: Numbers | None = None, k: int = 10) -> Measure:
    """What every unit adds; `unit` numbers the rows' units from 0, None where each row is one.

    A metric of rows over units is still that of all rows: a unit adds its rows' sum and their number.

    >>> rows = np.array([1.0, 1.0, 4.0])
    >>> measure(METRICS["mae"], np.zeros(3), rows, unit=np.array([0.0, 0.0, 1.0])).value
    2.0
    """
    if metric.per_group is not None:
        return Measure(_per_group(metric.per_group, truth, predicted, unit, k), metric.whole)
    rows = metric.per_row(truth, predicted)
    if unit is None:
        return Measure(rows, metric.whole)
    columns = np.atleast_2d(rows)
    numbers = unit.astype(int)
    sums: Numbers = np.stack(
        [np.bincount(numbers, weights=column).astype(np.float64) for column in (*columns, np.ones(len(truth)))]
    )
    flat = rows.ndim == 1
    return Measure(sums, lambda mean: metric.whole(mean[0] / mean[-1] if flat else mean[:-1] / mean[-1]))


def _per_group(
    each: Callable[[Numbers, Numbers, int], float], truth: Numbers, predicted: Numbers, unit: Numbers | None, k: int
) -> Numbers:
    if unit is None:
        return np.array([each(truth, predicted, k)])
    order = np.argsort(unit, kind="stable")
    ends = np.flatnonzero(np.diff(unit[order])) + 1
    parts = zip(np.split(truth[order], ends), np.split(predicted[order], ends), strict=True)
    return np.array([each(wanted, scored, k) for wanted, scored in parts])


def _squared(truth: Numbers, predicted: Numbers) -> Numbers:
    return (truth - predicted) ** 2


def _absolute(truth: Numbers, predicted: Numbers) -> Numbers:
    return np.abs(truth - predicted)


def _relative(truth: Numbers, predicted: Numbers) -> Numbers:
    both: Numbers = np.stack([np.abs(truth - predicted), np.abs(truth)])
    return both


def _right(truth: Numbers, predicted: Numbers) -> Numbers:
    right: Numbers = (truth == _labels(predicted)).astype(np.float64)
    return right


def _labels(predicted: Numbers) -> Numbers:
    """The class with the highest probability, where there are probabilities."""
    likeliest: Numbers = predicted.argmax(axis=1).astype(np.float64) if predicted.ndim == 2 else predicted
    return likeliest


def _log_loss(truth: Numbers, probability: Numbers) -> Numbers:
    sure = np.clip(probability, 1e-15, 1 - 1e-15)
    if sure.ndim == 2:
        chosen: Numbers = -np.log(sure[np.arange(len(truth)), truth.astype(int)])
        return chosen
    loss: Numbers = -(truth * np.log(sure) + (1 - truth) * np.log1p(-sure))
    return loss


def _recalls(truth: Numbers, predicted: Numbers) -> Numbers:
    """Two columns a class: it is the truth, and it is found. Classes are numbered from 0."""
    classes = np.arange(int(truth.max(initial=0)) + 1)
    there = (truth == classes[:, None]).astype(np.float64)
    return np.concatenate([there, there * (truth == _labels(predicted))])


def _mean_recall(mean: Numbers) -> Numbers:
    there, found = np.split(mean, 2)
    known = there > 0
    recall: Numbers = np.divide(found, there, out=np.zeros_like(there), where=known).sum(axis=0) / known.sum(axis=0)
    return recall


def _bins(truth: Numbers, probability: Numbers) -> Numbers:
    """A column a bin of equal width: probability minus truth, where the probability lies in it."""
    place = np.clip((probability * BINS).astype(int), 0, BINS - 1)
    off: Numbers = (place == np.arange(BINS)[:, None]) * (probability - truth)
    return off


def precision_at_k(truth: Numbers, scores: Numbers, k: int) -> float:
    """The share of the k items with the highest scores that are wanted (truth above 0); equal scores share their places."""
    return float((_expected(truth > 0, scores)[:k]).sum() / k)


def ndcg(truth: Numbers, scores: Numbers, k: int) -> float:
    """Gain truth / log2(place + 1) of the first k places, over the best there can be; 0 where nothing is wanted.

    Source: K. Järvelin and J. Kekäläinen, "Cumulated Gain-Based Evaluation of IR Techniques", ACM TOIS 20 (2002).

    >>> round(ndcg(np.array([3.0, 2, 3, 0, 1, 2]), np.array([6.0, 5, 4, 3, 2, 1]), 6), 3)
    0.961
    """
    discount = 1 / np.log2(np.arange(2, min(k, len(truth)) + 2))
    best = float((np.sort(truth)[::-1][:k] * discount).sum())
    return float((_expected(truth, scores)[:k] * discount).sum() / best) if best > 0 else 0.0


def _expected(worth: NDArray[np.generic], scores: Numbers) -> Numbers:
    """The worth in the order of falling scores; items of equal score are worth their mean, so no order is favoured."""
    order = np.argsort(-scores, kind="stable")
    _, group = np.unique(-scores[order], return_inverse=True)
    values = worth[order].astype(np.float64)
    means: Numbers = np.bincount(group, weights=values) / np.bincount(group)
    return means[group]


METRICS: Mapping[str, Metric] = {
    "mse": Metric(_squared),
    "rmse": Metric(_squared, whole=np.sqrt),
    "mae": Metric(_absolute),
    "wape": Metric(_relative, whole=lambda mean: mean[0] / mean[1]),
    "accuracy": Metric(_right),
    "macro_recall": Metric(_recalls, whole=_mean_recall),
    "log_loss": Metric(_log_loss),
    "brier": Metric(_squared),
    "calibration_error": Metric(_bins, whole=lambda mean: np.abs(mean).sum(axis=0)),
    "precision_at_k": Metric(per_group=precision_at_k),
    "ndcg": Metric(per_group=ndcg),
}


def metric_named(name: str) -> Metric:
    """The metric of that name; `MetricMissing` lists those there are."""
    if name not in METRICS:
        known = ", ".join(name for name in KNOWN)
        raise MetricMissing(
            f"there is no metric {name!r}",
            next=f"set gates.metric in model.yaml to one of {known}, or to a file of the folder, like profit.py",
        )
    return METRICS[name]
