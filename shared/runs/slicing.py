"""Slices of the holdout: those that the spec declares, and the worst that is found.

What is found is searched on one half of the rows and judged on the other, so that having searched costs no error.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shared.data.sql import locked
from shared.errors import Permanent
from shared.gating.guard_gates import is_too_small
from shared.model_yaml.gate_spec import Slices
from shared.runs.comparison import NORMAL, Gain
from shared.runs.measuring import Measuring, chosen
from shared.runs.scoring import Predictions

Mask = NDArray[np.bool_]
MOST_VALUES = 20  # of a column, each a slice; the rarer ones together are one more
MOST_SLICES = 60
TOO_MANY = {"error": f"only {MOST_SLICES} slices are: name fewer columns in gates.slices"}
QUARTERS = (0.25, 0.5, 0.75)


def slices(
    measuring: Measuring, champion: Predictions, candidate: Predictions, columns: pa.Table
) -> list[dict[str, object]]:
    """Each slice with its rows, its gain, and the chance `p_worse` of such a loss if it were within the margin.

    Beyond `MOST_SLICES` a slice is told with an error in place of them, so that the gate holds and says which.
    """
    asked, told = measuring.gates.slices, list[dict[str, object]]()
    for place, (name, rows) in enumerate(declared(asked, columns)):
        is_compared = place < MOST_SLICES
        told.append({"slice": name, **(_judged(measuring, champion, candidate, rows) if is_compared else TOO_MANY)})
    if asked.depth:
        told += _found(measuring, champion, candidate, columns)
    return told


def declared(asked: Slices, columns: pa.Table) -> Iterator[tuple[str, Mask]]:
    """Every declared slice, and which rows are in it; a row without the column is in a slice of its own kind."""
    for name in asked.columns:
        texts = np.array(pc.fill_null(columns[name].cast(pa.string()), "").to_pylist(), dtype=object)
        values, counts = np.unique(texts.astype(str), return_counts=True)
        common = set(values[np.argsort(-counts, kind="stable")][:MOST_VALUES])
        for value in sorted(common):
            yield f"{name} = {value or 'nothing'}", texts == value
        if len(values) > MOST_VALUES:
            yield f"{name} = others", ~np.isin(texts.astype(str), sorted(common))
    for condition in asked.where:
        yield condition, _where(condition, columns)


def _where(condition: str, columns: pa.Table) -> Mask:
    import duckdb

    try:
        answered = locked("holdout", columns).execute(f"SELECT ({condition}) FROM holdout").fetchall()  # noqa: S608
    except duckdb.Error as error:
        what = f"the slice {condition!r} cannot be read: {' '.join(str(error).split())[:200]}"
        raise Permanent(what, next="mend gates.slices.where in model.yaml, publish, then retry the release") from error
    return np.array([bool(row[0]) for row in answered], dtype=bool)


def _judged(measuring: Measuring, champion: Predictions, candidate: Predictions, rows: Mask) -> dict[str, object]:
    count, truth = int(rows.sum()), measuring.truth[rows]
    is_binary = bool(np.isin(measuring.truth, (0.0, 1.0)).all())
    rarer = int(min((truth == 1).sum(), (truth == 0).sum())) if is_binary else None
    gates, part = measuring.gates, measuring.part(rows)
    told: dict[str, object] = {"rows": count, "positives": rarer}
    told |= {} if part.unit is None else {"units": part.units}
    if is_too_small(gates.slices, told):
        return told
    theirs, ours = chosen(champion, rows), chosen(candidate, rows)
    gain = part.gain(gates.metric, theirs, ours, confidence=gates.confidence)
    loss = part.gain(gates.metric, ours, theirs, confidence=gates.confidence, beyond=gates.slices.margin)
    return {**told, "gain": _finite(gain.mean), "lower": _finite(gain.lower), "p_worse": _chance(loss)}


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _chance(loss: Gain) -> float | None:
    return loss.p if math.isfinite(loss.mean) and math.isfinite(loss.p) else None


def _found(
    measuring: Measuring, champion: Predictions, candidate: Predictions, columns: pa.Table
) -> list[dict[str, object]]:
    """The slice of at most `depth` conditions that loses most surely on one half, judged on the other; if none loses, that."""
    half = _half(columns)
    gain = _row_gains(measuring, champion, candidate)
    worst, searched = (tuple[str, ...](), -math.inf), 0
    least = measuring.gates.slices.min_rows / 2
    masks: dict[str, Mask] = dict(_conditions(columns))
    for depth in range(1, measuring.gates.slices.depth + 1):
        for names in itertools.combinations(sorted(masks), depth):
            rows = np.logical_and.reduce([masks[name] for name in names])
            inside = gain[rows & half]
            if len(inside) < least or (spread := float(inside.std())) == 0:
                continue
            searched += 1
            surely = -float(inside.mean()) / spread * math.sqrt(len(inside))
            if surely > worst[1]:
                worst = (names, surely)
    if not searched:
        return [{"slice": "the worst slice", "found": True, "searched": 0, "rows": 0}]
    if worst[1] <= 0:
        return [{"slice": "the worst slice (none loses)", "found": True, "searched": searched, "p_worse": 1.0}]
    rows = np.logical_and.reduce([masks[name] for name in worst[0]])
    judged, name = _judged(measuring, champion, candidate, rows & ~half), " and ".join(worst[0])
    return [{"slice": name, "found": True, "searched": searched, "p_half": 1 - NORMAL.cdf(worst[1]), **judged}]


def _row_gains(measuring: Measuring, champion: Predictions, candidate: Predictions) -> NDArray[np.float64]:
    sign = 1.0 if measuring.direction(measuring.gates.metric) == "lower" else -1.0
    theirs, ours = (measuring.rows(measuring.gates.metric, each) for each in (champion, candidate))
    return sign * (theirs - ours)


def _half(columns: pa.Table) -> Mask:
    """One half of the rows, by what they hold: the order of the rows changes nothing."""
    hashes = (hashlib.sha256(repr(sorted(row.items())).encode()).digest()[0] for row in columns.to_pylist())
    return np.array([first < 128 for first in hashes], dtype=bool)


def _conditions(columns: pa.Table) -> Iterator[tuple[str, Mask]]:
    """Simple conditions: a column's quarters where it is a number with many values, else each of its common values."""
    for name in columns.column_names:
        column, kind = columns[name], columns[name].type
        is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        if is_number and pc.count_distinct(column).as_py() > MOST_VALUES:
            yield from _quarters(name, column)
        elif pc.count_distinct(column).as_py() <= MOST_VALUES:
            yield from declared(Slices(columns=(name,)), columns)


def _quarters(name: str, column: pa.ChunkedArray) -> Iterator[tuple[str, Mask]]:
    values = np.array([math.nan if each is None else float(each) for each in column.to_pylist()])
    edges = np.nanquantile(values, QUARTERS)
    yield f"{name} <= {edges[0]:g}", values <= edges[0]
    yield f"{name} > {edges[2]:g}", values > edges[2]
    yield f"{name} in {edges[0]:g} to {edges[2]:g}", (values > edges[0]) & (values <= edges[2])
