"""Calibration: whether predicted chances come true as often as they say, and intervals and values as they promise.

Where the target is 0 or 1 and predictions are probabilities: `brier`, their mean squared error (Brier, "Verification of Forecasts
Expressed in Terms of Probability", 1950), and `ece`, the mean difference of predicted chance and frequency over ten bins of equal
width, weighted by rows (Naeini and others, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", 2015).

Otherwise `mean_error` (prediction minus truth) and `slope`, of truth on prediction: 1 where a prediction that is higher by one is
right to be so (Cox, "Two Further Applications of a Model for Binary Regression", 1958, for other models). If score.py answers
"intervals", [lowest, highest] a row, beside "predictions": `coverage`, the share of true values inside, and `interval_width`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from shared.runs.checks.decisions import chances_of, is_binary, refuse_many_classes, truth_of
from shared.runs.checks.intervals import mean, wilson, z_of

if TYPE_CHECKING:
    from shared.runs.check_one import Subject

BINS = 10
CONFIDENCE = 0.95


def check(subject: Subject) -> dict[str, Any]:
    """The calibration on the holdout rows; class labels instead of probabilities raise, since they promise nothing."""
    refuse_many_classes(subject)
    truth, predicted = truth_of(subject), chances_of(subject.score(subject.rows), subject.classes)
    if is_binary(truth):
        if set(predicted) <= {0.0, 1.0}:
            raise ValueError("every prediction is 0 or 1: let score.py answer probabilities")
        return _of_chances(truth, predicted)
    measures: dict[str, Any] = {
        "mean_error": _with_bounds([each - true for each, true in zip(predicted, truth, strict=True)]),
        "slope": slope(predicted, truth),
    }
    status, answer = subject.ask(subject.rows[:1])
    if status == 200 and isinstance(answer, dict) and "intervals" in answer:
        intervals = subject.score(subject.rows, "intervals")
        inside = sum(low <= true <= high for (low, high), true in zip(intervals, truth, strict=True))
        low, high = wilson(inside, len(truth))
        measures["coverage"] = {"value": inside / len(truth), "lower": low, "upper": high, "rows": len(truth)}
        measures["interval_width"] = _with_bounds([high - low for low, high in intervals])
    return {"measures": measures}


def _of_chances(truth: Sequence[float], predicted: Sequence[float]) -> dict[str, Any]:
    if not all(0 <= chance <= 1 for chance in predicted):
        raise ValueError("a prediction is no probability: it lies outside 0 to 1")
    bins = binned(truth, predicted)
    table = [
        {"from": place / BINS, "rows": rows, "predicted": said, "came_true": was} for place, rows, said, was in bins
    ]
    squares = [(chance - true) ** 2 for chance, true in zip(predicted, truth, strict=True)]
    return {
        "measures": {"brier": _with_bounds(squares), "ece": {"value": ece(truth, predicted), "rows": len(truth)}},
        "words": [
            f"chances around {said:.2f} came true in {was:.2f} of {rows} rows"
            for _, rows, said, was in sorted(bins, key=lambda each: -abs(each[2] - each[3]) * each[1])[:3]
        ],
        "attachments": {"reliability": table},
    }


def ece(truth: Sequence[float], predicted: Sequence[float]) -> float:
    """The expected calibration error.

    >>> round(ece([0, 1, 1, 1], [0.05, 0.05, 0.95, 0.95]), 10)  # two bins: 0.45 and 0.05, of two rows each
    0.25
    """
    return sum(rows * abs(said - was) for _, rows, said, was in binned(truth, predicted)) / len(truth)


def binned(truth: Sequence[float], predicted: Sequence[float]) -> list[tuple[int, int, float, float]]:
    """Of each bin that has rows: its number, rows, mean prediction and share that came true. 1 is in the last one."""
    bins: dict[int, list[int]] = {}
    for place, chance in enumerate(predicted):
        bins.setdefault(min(int(chance * BINS), BINS - 1), []).append(place)
    return [
        (number, len(places), fmean(predicted[place] for place in places), fmean(truth[place] for place in places))
        for number, places in sorted(bins.items())
    ]


def slope(predicted: Sequence[float], truth: Sequence[float]) -> dict[str, float]:
    """The least-squares slope of truth on prediction, with bounds by its standard error.

    >>> found = slope([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0])
    >>> {name: round(found[name], 4) for name in ("value", "lower", "upper")}
    {'value': 0.8, 'lower': -0.0315, 'upper': 1.6315}
    """
    rows, middle, centre = len(truth), fmean(predicted), fmean(truth)
    around = sum((each - middle) ** 2 for each in predicted)
    if rows < 3 or not around:
        raise ValueError("a slope needs three rows or more, and predictions that differ")
    found = sum((each - middle) * (true - centre) for each, true in zip(predicted, truth, strict=True)) / around
    left = sum((true - centre - found * (each - middle)) ** 2 for each, true in zip(predicted, truth, strict=True))
    error = z_of(CONFIDENCE) * math.sqrt(left / (rows - 2) / around)
    return {"value": found, "lower": found - error, "upper": found + error, "rows": rows}


def _with_bounds(values: Sequence[float]) -> dict[str, float]:
    low, high = mean(values)
    return {"value": fmean(values), "lower": low, "upper": high, "rows": len(values)}
