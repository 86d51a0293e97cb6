"""Rows as numbers, so that equal ones are found again however they were written."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MIX = np.uint64(0x9E3779B97F4A7C15)
Codes = NDArray[np.uint64]


def row_codes(columns: Sequence[pa.Array]) -> Codes:
    """One number for the values of each row together; equal rows have equal ones, others all but never.

    >>> one, again, other = row_codes([pa.array([0.1, 0.1 + 1e-12, 0.2]), pa.array(["a", "a", "a"])]).tolist()
    >>> one == again, one == other
    (True, False)
    """
    found = np.zeros(len(columns[0]), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            found = _mixed(found * MIX + _code(column))
    return found


def _mixed(number: Codes) -> Codes:
    """Spread the bits (splitmix64; G. Steele and others, OOPSLA 2014)."""
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


def _code(column: pa.Array) -> Codes:
    """Numbers by their seven leading digits, so that how they were written does not count; missing is a value of its own."""
    if pa.types.is_string(column.type):
        encoded = pc.dictionary_encode(column.fill_null("\0"))
        each = [int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) for text in _texts(encoded)]
        taken: Codes = np.array(each, dtype=np.uint64)[encoded.indices.to_numpy(zero_copy_only=False)]
        return taken
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        numbers = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float32)
        plain: NDArray[np.float32] = np.where(np.isnan(numbers), np.float32(math.nan), numbers + np.float32(0))
        return plain.view(np.uint32).astype(np.uint64)
    return _code(pc.cast(column, pa.string()))


def _texts(encoded: pa.DictionaryArray) -> list[str]:
    found: list[str] = encoded.dictionary.to_pylist()
    return found
