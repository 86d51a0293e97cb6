"""Privacy: whether the answers to a row give away that the version was trained on it (membership inference).

The attacker knows a row with its true value and sees the answer, nothing of the model: who has a smaller loss than a threshold is
called a member (Yeom, Giacomelli, Fredrikson and Jha, "Privacy Risk in Machine Learning: Analyzing the Connection to
Overfitting", 2018, adversary 2). Members are training rows, the others holdout rows, at most 2,000 of each. The loss is the negative
logarithm of the chance that was given to the true class, and the absolute error of a number. No parameters. The measures:

- `advantage`, the share of members that are called so minus the share of the others (their definition 4): 0 is guessing, 1 is
  certainty. The threshold is the best one on every other row, and the rest are what is counted, so that choosing it flatters
  nobody; bounds by Newcombe's interval of a difference of shares
- `auc`, the chance that a member's loss is smaller than another's: 0.5 is guessing; bounds by Hanley and McNeil, "The Meaning and
  Use of the Area under a Receiver Operating Characteristic (ROC) Curve", 1982

What an attacker with more, such as models of the same kind to compare with, would find is not bounded by it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared.runs.checks.decisions import number_of
from shared.runs.checks.intervals import difference, z_of

if TYPE_CHECKING:
    from shared.runs.check_one import Row, Subject

FEWEST = 20
LEAST_CHANCE = 1e-12


def check(subject: Subject) -> dict[str, Any]:
    """How well members are told from others; `ValueError` where it is not known which rows it was trained on, or 20 of each lack."""
    trained = subject.trained_rows
    if min(len(trained), len(subject.rows)) < FEWEST:
        raise ValueError(f"{len(trained)} training and {len(subject.rows)} holdout rows, {FEWEST} of each are needed")
    inside, outside = _losses(subject, trained), _losses(subject, subject.rows)
    limit = threshold(inside[::2], outside[::2])
    called, wrongly = ([loss <= limit for loss in losses[1::2]] for losses in (inside, outside))
    hits, misses = (sum(called), len(called)), (sum(wrongly), len(wrongly))
    low, high = difference(hits, misses)
    area = auc(inside, outside)
    around = z_of(0.95) * auc_error(area, len(inside), len(outside))
    rows = len(called) + len(wrongly)
    return {
        "measures": {
            "advantage": {
                "value": hits[0] / hits[1] - misses[0] / misses[1],
                "lower": low,
                "upper": high,
                "rows": rows,
            },
            "auc": {"value": area, "lower": area - around, "upper": area + around, "rows": len(inside) + len(outside)},
        },
        "words": [
            f"of {hits[1]} training rows {hits[0]} are called members, of {misses[1]} others {misses[0]}, by a loss of {limit:.3g}"
        ],
    }


def _losses(subject: Subject, rows: Sequence[Row]) -> list[float]:
    truths = [number_of(row[subject.target], subject.classes) for row in rows]
    answers = subject.score(rows)
    are_chances = bool(subject.classes) or set(truths) <= {0.0, 1.0}
    if not are_chances:
        return [abs(number_of(answer, ()) - truth) for answer, truth in zip(answers, truths, strict=True)]
    return [
        -math.log(max(_chance(answer, int(truth)), LEAST_CHANCE)) for answer, truth in zip(answers, truths, strict=True)
    ]


def _chance(answer: Any, true: int) -> float:
    """The chance that was given to the true class; an answer that is no list is that of the second of two."""
    chance = float(answer[true]) if isinstance(answer, list) else float(answer) if true else 1 - float(answer)
    if not 0 <= chance <= 1:
        raise ValueError(f"{chance:g} is no probability")
    return chance


def threshold(inside: Sequence[float], outside: Sequence[float]) -> float:
    """The loss up to which calling rows members does best.

    >>> threshold([0.1, 0.2, 0.9], [0.3, 0.8, 1.0])
    0.2
    """
    marked = sorted([(loss, 1 / len(inside)) for loss in inside] + [(loss, -1 / len(outside)) for loss in outside])
    best, ahead, found = -math.inf, 0.0, marked[0][0]
    for place, (loss, step) in enumerate(marked):
        ahead += step
        if (place + 1 == len(marked) or marked[place + 1][0] > loss) and ahead > best:
            best, found = ahead, loss
    return found


def auc(inside: Sequence[float], outside: Sequence[float]) -> float:
    """The chance that a loss of `inside` is smaller than one of `outside`, equal ones counted half.

    >>> auc([0.1, 0.4], [0.3, 0.4, 0.9])
    0.75
    """
    marked = sorted([(loss, 0) for loss in inside] + [(loss, 1) for loss in outside])
    larger, total, place = len(outside), 0.0, 0
    while place < len(marked):
        end = place
        while end < len(marked) and marked[end][0] == marked[place][0]:
            end += 1
        others = sum(kind for _, kind in marked[place:end])
        total += (end - place - others) * (larger - others / 2)
        larger -= others
        place = end
    return total / (len(inside) * len(outside))


def auc_error(area: float, one: int, other: int) -> float:
    """The standard error of such an area, of so many rows on either side. At 0.5 it is that of the rank sum, (m + n + 1) / 12mn:

    >>> round(auc_error(0.5, 10, 20) ** 2, 10), round(31 / 12 / 200, 10)
    (0.0129166667, 0.0129166667)
    """
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (one - 1) * (first - area**2) + (other - 1) * (second - area**2)
    return math.sqrt(max(0.0, spread) / (one * other))
