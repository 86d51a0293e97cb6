"""Permutation importance: how much worse the version gets when one feature's values are shuffled between the rows.

Breiman, "Random Forests", 2001, section 10. The loss is the squared error of a number or a probability, and of more than
two classes the share of wrong ones. Parameters: `repeats` (5)
and `seed` (0). The measures:

- `importance.<feature>`, the mean rise of the loss, with the lowest and highest of the repeats, of the ten largest
- `top_share`, the largest one's part of all that is above 0
- `unlike_champion`, 1 minus the rank correlation (Spearman's) with the champion's importances on the same shuffled rows, each
  model through its own score.py: 0 the same order, 1 none, 2 the reverse; 0 where no version serves yet, and that is said

All importances, and the champion's, are attached.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from statistics import correlation, fmean
from typing import TYPE_CHECKING, Any

from shared.runs.checks.decisions import chances_of, truth_of

if TYPE_CHECKING:
    from shared.runs.check_one import Row, Subject

SHOWN = 10
Rises = dict[str, list[float]]


def check(subject: Subject) -> dict[str, Any]:
    """The importance of every feature, for the version and, where one serves, for the champion."""
    repeats, seed = int(subject.parameters.get("repeats", 5)), int(subject.parameters.get("seed", 0))
    truth = truth_of(subject)
    shuffled = _shuffled(subject, repeats, random.Random(seed))  # noqa: S311 - a shuffle, and the same each time
    rises = _rises(subject, truth, shuffled, subject.score)
    means = {feature: fmean(values) for feature, values in rises.items()}
    first = sorted(means, key=lambda feature: (-means[feature], feature))
    above = sum(max(0.0, value) for value in means.values())
    measures: dict[str, Any] = {
        f"importance.{feature}": {
            "value": means[feature],
            "lower": min(rises[feature]),
            "upper": max(rises[feature]),
            "rows": len(truth),
        }
        for feature in first[:SHOWN]
    }
    measures["top_share"] = max(0.0, means[first[0]]) / above if above else 1.0
    document: dict[str, Any] = {"version": rises}
    words = [f"most important: {', '.join(f'{feature} {means[feature]:.4g}' for feature in first[:5])}"]
    if subject.has_champion:
        document["champion"] = _rises(subject, truth, shuffled, subject.score_champion)
        theirs = {feature: fmean(values) for feature, values in document["champion"].items()}
        measures["unlike_champion"] = 1 - _rank_correlation(means, theirs)
        order = sorted(theirs, key=lambda feature: (-theirs[feature], feature))
        words.append(f"the champion's: {', '.join(f'{feature} {theirs[feature]:.4g}' for feature in order[:5])}")
    else:
        measures["unlike_champion"] = 0.0
        words.append("no version serves, so there is no champion to compare with")
    return {"measures": measures, "words": words, "attachments": {"importances": document}}


def _shuffled(subject: Subject, repeats: int, draw: random.Random) -> dict[str, list[list[Row]]]:
    """For each feature as many copies of the rows, in which its values are shuffled, as there are repeats."""
    found: dict[str, list[list[Row]]] = {}
    for feature in subject.features:
        found[feature] = []
        for _ in range(repeats):
            values = [row[feature] for row in subject.rows]
            draw.shuffle(values)
            found[feature].append([{**row, feature: value} for row, value in zip(subject.rows, values, strict=True)])
    return found


def _rises(
    subject: Subject,
    truth: Sequence[float],
    shuffled: dict[str, list[list[Row]]],
    score: Callable[[Sequence[Row]], list[Any]],
) -> Rises:
    """By how much the loss rises in each repeat; all rows are scored at once, since a process may have to start for it."""
    rows = [*subject.rows, *(row for copies in shuffled.values() for copy in copies for row in copy)]
    chances, count = chances_of(score(rows), subject.classes), len(truth)
    loss = _wrong if len(subject.classes) > 2 else _squared
    losses = [
        fmean(loss(chance, true) for chance, true in zip(chances[first : first + count], truth, strict=True))
        for first in range(0, len(chances), count)
    ]
    calm, rest = losses[0], iter(losses[1:])
    return {feature: [next(rest) - calm for _ in copies] for feature, copies in shuffled.items()}


def _squared(predicted: float, true: float) -> float:
    return (predicted - true) ** 2


def _wrong(predicted: float, true: float) -> float:
    return float(predicted != true)


def _rank_correlation(one: dict[str, float], other: dict[str, float]) -> float:
    """Spearman's, of the features that both have; two of them at least, whose ranks differ."""
    both = [feature for feature in one if feature in other]
    if len(both) < 2:
        raise ValueError("the champion's features are others, so importances cannot be compared")
    return correlation(_ranks([one[feature] for feature in both]), _ranks([other[feature] for feature in both]))


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1, equal values sharing their mean rank.

    >>> _ranks([0.3, 0.1, 0.3])
    [2.5, 1.0, 2.5]
    """
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2 for value in values
    ]
