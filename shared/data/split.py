"""Train or holdout, for ever: a row's key decides, so that it never moves from one side to the other.

A row is held out where the first 8 bytes of the SHA-256 of its key, as a number, lie in the lowest `percent` of their
range. Rows that share a key stay together, and rows that come later move no earlier one. Key values are joined by the
unit separator; a missing one counts as the empty text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

SEPARATOR = "\x1f"
RANGE = 2**64
SECONDS_A_DAY = 86_400


def is_holdout(key_values: Sequence[str], percent: int) -> bool:
    """Whether the row with these key values is held out, which about `percent` (0 to 100) of all keys are.

    >>> [number for number in range(1, 21) if is_holdout([str(number)], 20)]
    [8, 9]
    """
    hashed = hashlib.sha256(SEPARATOR.join(key_values).encode()).digest()
    return int.from_bytes(hashed[:8], "big") * 100 < RANGE * percent


def split_by_time(table: pa.Table, column: str, block_days: float, percent: int) -> tuple[pa.Table, pa.Table]:
    """The rows as (train, holdout) by blocks of time: all rows of a block of `block_days` days stand on one side, for ever.

    Blocks are counted from 1970 in UTC, and a block's number is hashed as a key is. Rows without a time are a block.
    """
    times = pc.cast(pc.cast(table[column], pa.timestamp("s"), safe=False), pa.int64())
    blocks = pc.floor(pc.divide(pc.cast(times, pa.float64()), block_days * SECONDS_A_DAY))
    texts = ["" if block is None else str(int(block)) for block in blocks.to_pylist()]
    sides = {text: is_holdout([text], percent) for text in set(texts)}
    held = pa.array([sides[text] for text in texts], pa.bool_())
    return table.filter(pc.invert(held)), table.filter(held)


def split(table: pa.Table, key: Sequence[str], percent: int) -> tuple[pa.Table, pa.Table]:
    """The rows as (train, holdout), each in the table's order. `key` are columns; their text is what is hashed."""
    keys = zip(*(text.to_pylist() for text in _texts(table, key)), strict=True)
    held = pa.array([is_holdout(values, percent) for values in keys], pa.bool_())
    return table.filter(pc.invert(held)), table.filter(held)


def key_texts(table: pa.Table, key: Sequence[str]) -> pa.Array:
    """The key of each row as one text.

    >>> key_texts(pa.table({"A": [1, 1], "B": ["x", None]}), ["A", "B"]).to_pylist()
    ['1\\x1fx', '1\\x1f']
    """
    joined = pc.binary_join_element_wise(*_texts(table, key), SEPARATOR)
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _texts(table: pa.Table, key: Sequence[str]) -> list[pa.ChunkedArray]:
    return [pc.fill_null(pc.cast(table[name], pa.string()), "") for name in key]
