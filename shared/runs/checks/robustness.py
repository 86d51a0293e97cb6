"""Robustness: how much answers change under noise, and what happens when a value is missing.

Parameters: `noise`, the standard deviation of what is added to each number, in standard deviations of its column (0.1); `repeats` (5);
`seed` (0); `missing_rows`, how many rows are asked with each of their features missing in turn (30). The measures:

- `noise_change`, the mean change of a prediction, in standard deviations of the predictions without noise; for classes and
  probabilities `noise_flips`, the share of decisions (from `threshold`, 0.5; of more than two classes, which) that turn over, and of
  more than two classes that alone
- `noise_refused`, the share of noisy rows that got no prediction
- `missing_refused`, the share of requests with a missing value that got a refusal (400 to 499); `missing_failed`, the share that
  got neither a prediction nor a refusal; `missing_change`, as `noise_change` (of more than two classes as
  `noise_flips`), over those that got a prediction

Whole numbers stay whole. Bounds of shares are Wilson's over rows, those of changes the normal ones over rows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

from shared.runs.checks.decisions import answered, chances_of, is_binary, truth_of
from shared.runs.checks.intervals import mean, wilson

if TYPE_CHECKING:
    from shared.runs.check_one import Row, Subject


def check(subject: Subject) -> dict[str, Any]:
    """The changes under noise and of missing values; without two rows, or a number among the features, nothing."""
    told = subject.parameters
    calm = chances_of(subject.score(subject.rows), subject.classes)
    spread = pstdev(calm)
    if not spread:
        raise ValueError("all predictions are the same, so no change can be told in their standard deviations")
    noisy = _noisy(subject, float(told.get("noise", 0.1)), int(told.get("repeats", 5)), int(told.get("seed", 0)))
    measures: dict[str, Any] = {}
    refused, changes, flips = 0, [], []
    threshold, is_named = float(told.get("threshold", 0.5)), len(subject.classes) > 2
    for before, versions in zip(calm, noisy, strict=True):
        after = answered(subject, versions)
        refused += sum(each is None for each in after)
        given = [each for each in after if each is not None]
        if given:
            changes.append(fmean(abs(each - before) for each in given) / spread)
            decided = [each != before if is_named else (each >= threshold) != (before >= threshold) for each in given]
            flips.append(fmean(decided))
    if len(changes) < 2:
        raise ValueError(f"{len(changes)} of {len(calm)} noisy rows got a prediction, 2 are needed")
    asked = sum(len(versions) for versions in noisy)
    if not is_named:
        measures["noise_change"] = _with_bounds(fmean(changes), mean(changes), len(changes))
    measures["noise_refused"] = _share(refused, asked)
    if is_named or is_binary(truth_of(subject)):
        measures["noise_flips"] = _share(sum(flips), len(flips))
    missing, words = _missing(subject, calm, spread, int(told.get("missing_rows", 30)))
    return {"measures": measures | missing, "words": words}


def _noisy(subject: Subject, noise: float, repeats: int, seed: int) -> list[list[Row]]:
    """For each row as many noisy ones as there are repeats."""
    draw, spreads = random.Random(seed), {}  # noqa: S311 - noise, and the same each time
    for column in subject.features:
        values = [row[column] for row in subject.rows]
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values) and pstdev(values):
            spreads[column] = (pstdev(values), all(isinstance(value, int) for value in values))
    if not spreads:
        raise ValueError("no feature is a number that differs between rows, so there is nothing to add noise to")
    return [[_shaken(row, spreads, noise, draw) for _ in range(repeats)] for row in subject.rows]


def _shaken(row: Row, spreads: dict[str, tuple[float, bool]], noise: float, draw: random.Random) -> Row:
    shaken = dict(row)
    for column, (spread, is_whole) in spreads.items():
        value = row[column] + draw.gauss(0, noise * spread)
        shaken[column] = round(value) if is_whole else value
    return shaken


def _missing(subject: Subject, calm: Sequence[float], spread: float, most: int) -> tuple[dict[str, Any], list[str]]:
    asked, refused, failed = 0, 0, 0
    changes: list[float] = []
    refusing: set[str] = set()
    for row, before in list(zip(subject.rows, calm, strict=True))[:most]:
        for column in subject.features:
            status, answer = subject.ask([{**row, column: None}])
            asked += 1
            if 400 <= status < 500:
                refused += 1
                refusing.add(column)
            elif status == 200 and isinstance(answer, dict) and len(answer.get("predictions", [])) == 1:
                after = chances_of(answer["predictions"], subject.classes)[0]
                changes.append(float(after != before) if len(subject.classes) > 2 else abs(after - before) / spread)
            else:
                failed += 1
    measures = {"missing_refused": _share(refused, asked), "missing_failed": _share(failed, asked)}
    if len(changes) > 1:
        measures["missing_change"] = _with_bounds(fmean(changes), mean(changes), len(changes))
    words = [f"refused without: {', '.join(sorted(refusing))}"] if refusing else []
    return measures, [*words, f"{len(changes)} of {asked} requests with a missing value got a prediction"]


def _share(hits: float, of: int) -> dict[str, float]:
    return _with_bounds(hits / of, wilson(hits, of), of)


def _with_bounds(value: float, bounds: tuple[float, float], rows: int) -> dict[str, float]:
    return {"value": value, "lower": bounds[0], "upper": bounds[1], "rows": rows}
