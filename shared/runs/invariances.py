"""Invariances that the owner declares in the folder's tests/invariances.json: the same answer when something changes.

A list of {"name", "change": {column: value or [values]}} or {"name", "reorder": true}. A change is tried on every row
of every good case, and the predictions must stay within "tolerance" (0 if not given) of what they were. Reordered
rows must get the same predictions in the new order.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import SpecRefused
from shared.runs.cases import predictions_of
from shared.runs.server import Answer

TOLD = 20
MOST_REQUESTS = 200


@dataclass(frozen=True, slots=True)
class Invariance:
    """One declared invariance; `changes` is a value for each column that is to change, or nothing for a reordering."""

    name: str
    changes: tuple[Mapping[str, object], ...] = ()
    tolerance: float = 0.0


def read_invariances(folder: Path) -> list[Invariance]:
    """What a model folder declares, nothing if it has no such file; `SpecRefused` says what cannot be read."""
    file = folder / "tests" / "invariances.json"
    if not file.is_file():
        return []
    try:
        return [_invariance(number, entry) for number, entry in enumerate(json.loads(file.read_text()), start=1)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SpecRefused(
            f"tests/invariances.json cannot be read: {type(error).__name__}: {error}",
            next='make it a list of {"name": ..., "change": {"COLUMN": [values]}} or {"name": ..., "reorder": true}',
        ) from error


def _invariance(number: int, entry: Mapping[str, Any]) -> Invariance:
    name, tolerance = str(entry.get("name", f"invariance {number}")), float(entry.get("tolerance", 0))
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"{name}: the tolerance is {tolerance}, must be 0 or more")
    if entry.get("reorder") is True:
        return Invariance(name, (), tolerance)
    columns = {column: given if isinstance(given, list) else [given] for column, given in entry["change"].items()}
    changes = tuple({column: value} for column, values in columns.items() for value in values)
    if not changes:
        raise ValueError(f"{name}: it changes nothing")
    return Invariance(name, changes, tolerance)


def try_invariances(
    declared: Sequence[Invariance], good: Sequence[bytes], ask: Callable[[bytes], Answer]
) -> dict[str, object]:
    """{"declared", "tried" (requests), "broken": a sentence for each that does not hold, of very many the first 20}.

    Where a good case gets no predictions, its invariances are broken: what was not compared does not hold.
    """
    broken: list[str] = []
    tried = 0
    rows_of = [rows for body in good if (rows := _rows(body))]
    if declared and not rows_of:
        broken.append("there is no good case with rows to try the invariances on")
    for invariance in declared:
        pairs = [pair for rows in rows_of for pair in _pairs(invariance, rows)][:MOST_REQUESTS]
        tried += len(pairs)
        faults = [fault for pair in pairs if (fault := _fault(invariance, *pair, ask=ask))]
        if not pairs and rows_of:
            faults = ["no case has two rows to reorder"]
        broken += [f"{invariance.name}: {fault}" for fault in faults[:1]]
    return {"declared": len(declared), "tried": tried, "broken": broken[:TOLD]}


Rows = list[dict[str, object]]


def _rows(body: bytes) -> Rows:
    try:
        rows = json.loads(body).get("data")
    except (ValueError, AttributeError):
        return []
    return rows if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows) else []


def _pairs(invariance: Invariance, rows: Rows) -> Iterator[tuple[Rows, Rows, list[int], str]]:
    """The rows as they are, changed, in which order their predictions are to be compared, and what was changed."""
    if not invariance.changes:
        if len(rows) > 1:
            order = list(reversed(range(len(rows))))
            yield rows, [rows[place] for place in order], order, "the rows in reversed order"
        return
    for change in invariance.changes:
        shown = ", ".join(f"{column} is {json.dumps(value)}" for column, value in change.items())
        yield rows, [{**row, **change} for row in rows], list(range(len(rows))), shown


def _fault(
    invariance: Invariance, rows: Rows, changed: Rows, order: list[int], shown: str, *, ask: Callable[[bytes], Answer]
) -> str:
    before, after = (ask(json.dumps({"data": sent}).encode()) for sent in (rows, changed))
    if before.status != 200 or after.status != 200:
        return f"{shown}: status {after.status if before.status == 200 else before.status}, must be 200"
    one, other = predictions_of(before.text), predictions_of(after.text)
    if len(one) != len(rows) or len(other) != len(rows):
        return f"{shown}: {len(other)} predictions for {len(rows)} rows"
    for place, origin in enumerate(order):
        if not _same(one[origin], other[place], invariance.tolerance):
            within = f" within {invariance.tolerance:g}" if invariance.tolerance else ""
            return f"{shown}: prediction {place} is {other[place]}, must be {one[origin]}{within}"
    return ""


def _same(one: object, other: object, tolerance: float) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= tolerance
    return one == other
