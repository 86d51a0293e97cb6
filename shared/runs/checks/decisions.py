"""What rows decide: true values and predictions as numbers, and as yes or no where the target is one of two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.runs.check_one import Row, Subject


def truth_of(subject: Subject) -> list[float]:
    """The target of each row; a class as its place among the declared ones."""
    return [number_of(row[subject.target], subject.classes) for row in subject.rows]


def chances_of(predictions: Sequence[Any], classes: Sequence[str]) -> list[float]:
    """Each prediction as a number: a class as its place, of two probabilities the second, of more the place of the largest.

    Of two classes the probability of the second may be answered alone; what is a class's name is that class.

    >>> chances_of([0.25, "bad", [0.9, 0.1]], ("good", "bad")), chances_of([0.25, 1], ("0", "1"))
    ([0.25, 1.0, 0.1], [0.25, 1.0])
    >>> chances_of([[0.2, 0.3, 0.5], "b"], ("a", "b", "c"))
    [2.0, 1.0]
    """
    return [_chance_of(each, classes) for each in predictions]


def _chance_of(prediction: Any, classes: Sequence[str]) -> float:
    if isinstance(prediction, list) and len(prediction) == 2:
        return float(prediction[1])
    if isinstance(prediction, list) and len(prediction) == len(classes):
        return float(prediction.index(max(prediction)))
    alone = len(classes) == 2 and isinstance(prediction, float) and 0 <= prediction <= 1
    return prediction if alone and f"{prediction:g}" not in classes else number_of(prediction, classes)


def answered(subject: Subject, rows: Sequence[Row]) -> list[float | None]:
    """A prediction for each row, None where it was not answered; asked one by one where the server refuses all together."""
    status, answer = subject.ask(rows)
    if status == 200 and isinstance(answer, dict) and len(answer.get("predictions", [])) == len(rows):
        return list(chances_of(answer["predictions"], subject.classes))
    if len(rows) == 1:
        return [None]
    return [answered(subject, [row])[0] for row in rows]


def refuse_many_classes(subject: Subject) -> None:
    """Raise `ValueError` where the target is one of more than two classes: their places are no numbers to count with."""
    if (many := len(subject.classes)) > 2:
        what = f"it is of numbers, or of two classes, and gates.compare.classes has {many}"
        raise ValueError(f"{what}: write a check of your own in tests/checks")


def is_binary(truth: Sequence[float]) -> bool:
    """Whether every true value is 0 or 1."""
    return set(truth) <= {0.0, 1.0}


def number_of(value: Any, classes: Sequence[str]) -> float:
    """A value as a number, a class as its place among the declared ones; `ValueError` for what is neither."""
    named = f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    if classes:
        if named not in classes:  # the check measures nothing then
            raise ValueError(f"{named[:80]} is none of the classes {', '.join(classes)}")
        return float(classes.index(named))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)
