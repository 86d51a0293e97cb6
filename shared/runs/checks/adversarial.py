"""Adversarial search: by how little the numbers of a row must change for its decision to turn over, as an attack finds it.

The attack is HopSkipJump (Chen, Jordan and Wainwright, "HopSkipJumpAttack: A Query-Efficient Decision-Based Attack", 2020) of the
Adversarial Robustness Toolbox, which `tests/checks/requirements.txt` must name (adversarial-robustness-toolbox). It is a black
box: every query is a request to the started server, and all that is used of an answer is the decision. It begins at the
numbers of another row, a near one, that turn the decision over, and only numbers change, inside their range among the rows; whole ones
stay whole. Distances are Euclidean, in standard deviations of each column.

Parameters: `rows`, how many are attacked, evenly from first to last (20); `queries`, how many points a row at most (500);
`distance` (0.25); `threshold` of a decision, where the target is one of two (0.5); `change`, by how many standard deviations of
the predictions a number must move to count as turned over (1); `seed` (0). The measures:

- `flipped`, the share of attacked rows whose decision turns over within `distance`, with Wilson's bounds
- `reached`, the share of which the attack found any other decision: one that finds few is too weak to say much, so let it have a limit
- `median_distance` of those, bounded by order statistics where there are enough; `queries`, the mean a row

An attack shows what it found, never that there is nothing nearer. Where it finds nothing at all, nothing is measured.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from statistics import fmean, median, pstdev
from typing import TYPE_CHECKING, Any

from shared.runs.checks.decisions import answered, chances_of, is_binary, truth_of
from shared.runs.checks.intervals import wilson
from shared.runs.order_statistics import ranks

if TYPE_CHECKING:
    from shared.runs.check_one import Row, Subject

Decide = Callable[[float, float], bool]
FIRST_EVALUATIONS = 20
ROUNDS = 50
STARTS, AT_ONCE = 60, 20


class BudgetSpent(Exception):
    """The attack asked for one more point than it may."""


def check(subject: Subject) -> dict[str, Any]:
    """The nearest turned decision of each attacked row; `ValueError` where there is no number to change, or none was found."""
    told = subject.parameters
    scales = scales_of(subject)
    calm = chances_of(subject.score(subject.rows), subject.classes)
    turned = _decision(subject, calm, float(told.get("threshold", 0.5)), float(told.get("change", 1)))
    attacked, queries = int(told.get("rows", 20)), int(told.get("queries", 500))
    places = sorted({place * len(subject.rows) // attacked for place in range(attacked)})
    hunts = [Hunt(subject, subject.rows[place], scales, calm[place], turned, queries) for place in places]
    for number, hunt in enumerate(hunts):
        hunt.begin(subject.rows)
        if math.isfinite(hunt.nearest):
            attack(hunt, seed=int(told.get("seed", 0)) + number)
    return _told(hunts, float(told.get("distance", 0.25)), queries)


def _told(hunts: Sequence[Hunt], distance: float, queries: int) -> dict[str, Any]:
    found = sorted(hunt.nearest for hunt in hunts if math.isfinite(hunt.nearest))
    if not found:
        raise ValueError(f"no other decision was found for any of {len(hunts)} rows, by up to {queries} queries each")
    flipped, rows = sum(each <= distance for each in found), len(hunts)
    low, high = ranks(len(found), 0.5)
    bounds = {"lower": found[low - 1], "upper": found[high - 1]} if low and high else {}
    nearest = min(hunts, key=lambda hunt: hunt.nearest)
    return {
        "measures": {
            "flipped": {"value": flipped / rows, **_bounds(flipped, rows), "rows": rows},
            "reached": {"value": len(found) / rows, **_bounds(len(found), rows), "rows": rows},
            "median_distance": {"value": median(found), **bounds, "rows": len(found)},
            "queries": fmean(hunt.asked for hunt in hunts),
        },
        "words": [
            f"HopSkipJump, at most {queries} queries a row, turned {flipped} of {rows} decisions within {distance:g}",
            f"the nearest, {nearest.nearest:.3g} away: {nearest.what()}",
        ],
        "attachments": {"nearest": [{"distance": each.nearest, "row": each.best} for each in hunts if each.best]},
    }


def _bounds(hits: int, of: int) -> dict[str, float]:
    low, high = wilson(hits, of)
    return {"lower": low, "upper": high}


class Hunt:
    """What is asked about one row, at most `queries` points: the nearest with another decision is remembered as it was sent.

    Points are the row's numbers in standard deviations from their means. `asked` counts points, of which a request holds many.
    """

    def __init__(
        self,
        subject: Subject,
        row: Row,
        scales: dict[str, tuple[float, float, bool]],
        calm: float,
        turned: Decide,
        queries: int,
    ) -> None:
        self._subject, self._row, self._scales, self._calm, self._turned = subject, row, scales, calm, turned
        self._queries = queries
        self.asked, self.nearest = 0, math.inf
        self.best: Row | None = None
        self.origin = self.point(row)

    def point(self, row: Row) -> list[float]:
        return [(float(row[column]) - middle) / spread for column, (middle, spread, _) in self._scales.items()]

    def begin(self, rows: Sequence[Row]) -> None:
        """Ask with the numbers of other rows, from near to far, and this row's own words: where the attack begins."""
        points = sorted((self.point(row) for row in rows), key=lambda each: math.dist(each, self.origin))
        most = min(STARTS, self._queries, len(points))
        starts = [points[place * len(points) // most] for place in range(most)]
        for first in range(0, most, AT_ONCE):
            if any(self.turns(starts[first : first + AT_ONCE])):
                return

    def limits(self) -> tuple[list[float], list[float]]:
        """The lowest and the highest that each number may become: those of the rows."""
        points = [self.point(row) for row in self._subject.rows]
        return [min(side) for side in zip(*points, strict=True)], [max(side) for side in zip(*points, strict=True)]

    def turns(self, points: Sequence[Sequence[float]]) -> list[bool]:
        """Whether the decision at each point is another one; `BudgetSpent` once there were too many."""
        room = max(0, self._queries - self.asked)
        asked = [self._at(point) for point in points[:room]]
        self.asked += len(asked)
        answers = answered(self._subject, asked) if asked else []
        found = [answer is not None and self._turned(self._calm, answer) for answer in answers]
        for row, is_turned in zip(asked, found, strict=True):
            distance = math.dist(self.point(row), self.origin)
            if is_turned and distance < self.nearest:
                self.nearest, self.best = distance, row
        if len(points) > room:
            raise BudgetSpent
        return found

    def _at(self, point: Sequence[float]) -> Row:
        values = {
            column: middle + float(value) * spread
            for value, (column, (middle, spread, _)) in zip(point, self._scales.items(), strict=True)
        }
        return {
            **self._row,
            **{column: round(value) if self._scales[column][2] else value for column, value in values.items()},
        }

    def what(self) -> str:
        """Which numbers changed, from what to what."""
        best = self.best or self._row
        return ", ".join(
            f"{column} {self._row[column]:g} to {best[column]:.4g}"
            for column in self._scales
            if best[column] != self._row[column]
        )


def attack(hunt: Hunt, *, seed: int) -> None:
    """Let HopSkipJump come nearer, from the best point that is known, until its rounds or its budget end."""
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that no deep learning library is there
        from art.attacks.evasion import HopSkipJump
        from art.estimators.classification import BlackBoxClassifier
    assert hunt.best is not None
    np.random.seed(seed)  # the library draws from it
    limits = tuple(np.array(side, dtype=np.float32) for side in hunt.limits())
    model = BlackBoxClassifier(
        lambda points: np.eye(2)[np.array(hunt.turns(points.tolist()), dtype=int)],
        input_shape=(len(hunt.origin),),
        nb_classes=2,
        clip_values=limits,
    )
    jump = HopSkipJump(model, max_iter=ROUNDS, init_eval=FIRST_EVALUATIONS, verbose=False)
    start = np.array([hunt.origin], dtype=np.float32)
    try:
        jump.generate(start, x_adv_init=np.array([hunt.point(hunt.best)], dtype=np.float32))
    except BudgetSpent:
        return


def scales_of(subject: Subject) -> dict[str, tuple[float, float, bool]]:
    """Mean, standard deviation and wholeness of each feature that is a number in all rows and differs between them."""
    found = {}
    for column in subject.features:
        values = [row[column] for row in subject.rows]
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values) and pstdev(values):
            found[column] = (fmean(values), pstdev(values), all(isinstance(value, int) for value in values))
    if not found:
        raise ValueError("no feature is a number that differs between rows, so there is nothing to change")
    return found


def _decision(subject: Subject, calm: Sequence[float], threshold: float, change: float) -> Decide:
    """When a prediction decides otherwise than the one without an attack."""
    if is_binary(truth_of(subject)):
        return lambda before, after: (before >= threshold) != (after >= threshold)
    if len(subject.classes) > 2:
        return lambda before, after: before != after
    least = change * pstdev(calm)
    if not least:
        raise ValueError("all predictions are the same, so no change can be told in their standard deviations")
    return lambda before, after: abs(after - before) > least
