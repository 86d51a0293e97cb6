"""Which rows a rule's test picks: by whole columns of a batch, and, for repeated keys, over all batches at their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shared.data.cells import ARROW_TYPES, Cells
from shared.data.rules import (
    AnyRow,
    Beyond,
    Foreign,
    Kind,
    Length,
    Measured,
    Missing,
    NotIn,
    Outside,
    Query,
    Repeated,
    Sign,
    Test,
    Unlike,
    Where,
)

RowNumbers = NDArray[np.int64]

COMPARE: Mapping[Sign, str] = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}


def picked(test: Test, cells: Cells, kind: Kind) -> pa.Array | None:
    """Where the test picks rows of a batch, as a mask without nulls; None for the tests that look at no single column.

    A missing or wrong cell is picked by `Missing` alone: what has no value is not also out of range.
    """
    match test:
        case Missing(also):
            absent = cells.missing
            return pc.or_(absent, pc.is_in(cells.values, pa.array(also, ARROW_TYPES[kind]))) if also else absent
        case Beyond(sign, limit):
            mask = pc.call_function(COMPARE[sign], [cells.values, pa.scalar(limit, ARROW_TYPES[kind])])
        case Outside(_, low, high):
            mask = pc.or_(pc.less(cells.values, low), pc.greater(cells.values, high))
        case Length(sign, limit):
            mask = pc.call_function(COMPARE[sign], [pc.utf8_length(cells.values), pa.scalar(limit, pa.int32())])
        case Unlike(pattern):
            mask = pc.invert(pc.match_substring_regex(cells.values, pattern))
        case NotIn(values):
            return pc.and_not(pc.is_valid(cells.values), pc.is_in(cells.values, pa.array(values, ARROW_TYPES[kind])))
        case Repeated() | AnyRow() | Where() | Measured() | Query() | Foreign():
            return None
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
