"""Which rows a rule's test picks: by whole columns of a batch, and, for repeated keys, over all batches at their end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shared.data.casts import ARROW_TYPES
from shared.data.cells import Cells
from shared.data.rules import Beyond, Kind, Length, Missing, NoMultiple, NotIn, Outside, Scalar, Sign, Test, Unlike

RowNumbers = NDArray[np.int64]

ROUNDING = 2.0**-50  # of a number of 53 bits, with room for three roundings
EXACT = 2**53  # beyond, whole numbers are no longer exact as floats
COMPARE: Mapping[Sign, str] = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}


def picked(test: Test, cells: Cells, kind: Kind) -> pa.Array | None:
    """Where the test picks rows of a batch, as a mask without nulls; None if it picks none, or looks at no single column.

    A missing or wrong cell is picked by `Missing` alone: what has no value is not also out of range.
    """
    match test:
        case Missing(also):
            return _missing(cells, also, kind)
        case Beyond(sign, limit) if not _all_within(cells, kind, sign, limit):
            mask = pc.call_function(COMPARE[sign], [cells.values, pa.scalar(limit, ARROW_TYPES[kind])])
        case Outside(_, low, high) if not _all_within(cells, kind, "<", low) or not _all_within(cells, kind, ">", high):
            least, most = _whole_ends(low, high) if kind == "integer" else (low, high)
            mask = pc.or_(pc.less(cells.values, least), pc.greater(cells.values, most))
        case NoMultiple(of):
            mask = _no_multiple(cells.values, of, kind)
        case Length() | Unlike() | NotIn():
            return _picked_texts(test, cells) if kind == "string" else _values_picked(test, cells.values, kind)
        case _:
            return None
    return pc.fill_null(mask, False)


def _whole_ends(low: float, high: float) -> tuple[pa.Scalar, pa.Scalar]:
    """The ends of a range as whole numbers: Arrow would make floats of the numbers, and refuses those that are none."""
    least, most = (min(max(end, -(2**63)), 2**63 - 1) for end in (math.ceil(low), math.floor(high)))
    return pa.scalar(least, pa.int64()), pa.scalar(most, pa.int64())


def _missing(cells: Cells, also: Sequence[Scalar], kind: Kind) -> pa.Array | None:
    if not also:
        return cells.missing if cells.values.null_count else None
    return pc.or_(cells.missing, pc.is_in(cells.values, pa.array(also, ARROW_TYPES[kind])))


def _no_multiple(values: pa.Array, of: float, kind: Kind) -> pa.Array:
    """Whole numbers exactly; a fraction is a multiple if its quotient is whole but for the rounding of numbers and quotient."""
    if kind == "integer":
        return pc.not_equal(values, pc.multiply(pc.divide(values, int(of)), int(of)))
    quotient = pc.divide(values, of)
    off = pc.abs(pc.subtract(quotient, pc.round(quotient)))
    return pc.greater(off, pc.multiply(pc.max_element_wise(pc.abs(quotient), 1.0), ROUNDING))


def _all_within(cells: Cells, kind: Kind, sign: Sign, limit: object) -> bool:
    """Whether no number of a batch is `sign` the limit, by its ends; False if only a look at each of them tells."""
    if kind not in ("integer", "number") or not isinstance(limit, int | float):
        return False
    least, most = cells.ends
    if max(abs(least), abs(most), abs(limit)) >= EXACT:
        return False
    return {"<": least >= limit, "<=": least > limit, ">": most <= limit, ">=": most < limit}[sign]


def _picked_texts(test: Length | Unlike | NotIn, cells: Cells) -> pa.Array | None:
    """By the distinct texts of a batch, which are mostly few."""
    found = _values_picked(test, cells.encoded.dictionary, "string")
    if not found.true_count:
        return None
    return pc.fill_null(pc.take(found, cells.encoded.indices), False)


def _values_picked(test: Length | Unlike | NotIn, values: pa.Array, kind: Kind) -> pa.Array:
    match test:
        case Length(sign, limit):
            mask = pc.call_function(COMPARE[sign], [pc.utf8_length(values), pa.scalar(limit, pa.int32())])
        case Unlike(pattern):
            mask = pc.invert(pc.match_substring_regex(values, pattern))
        case NotIn(allowed):
            mask = pc.and_not(pc.is_valid(values), pc.is_in(values, pa.array(allowed, ARROW_TYPES[kind])))
    return pc.fill_null(mask, False)


def repeats(keys: Sequence[pa.ChunkedArray]) -> RowNumbers:
    """The rows (from 0, growing) whose key values an earlier row has already; one with a null in its key is left out."""
    row = pa.array(np.arange(len(keys[0]), dtype=np.int64))
    names = [f"key {number}" for number in range(len(keys))]
    table = pa.table([*keys, row], names=[*names, "row"]).drop_null()
    firsts = table.group_by(names).aggregate([("row", "min")])["row_min"]
    if len(firsts) == table.num_rows:
        return np.empty(0, dtype=np.int64)
    found: RowNumbers = np.setdiff1d(table["row"].to_numpy(), firsts.to_numpy(), assume_unique=True)
    return found
