"""Columns of every shape that real files have, drawn from a seed, and what can happen to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from shared.data.cells import Cells
from shared.data.profile import ColumnProfile, Profile
from shared.data.rules import Kind

COLUMNS = 20
BATCH = 1 << 16
Random: TypeAlias = np.random.Generator
Values: TypeAlias = np.ndarray
Draw = Callable[[Random, int], Values]


def _zero_inflated(random: Random, rows: int) -> Values:
    return np.where(random.random(rows) < 0.7, 0.0, random.lognormal(size=rows))


def _categories(count: int) -> Draw:
    """Zipf's law over `count` categories."""
    shares = 1 / np.arange(1, count + 1)
    limits = np.cumsum(shares / shares.sum())[:-1]
    return lambda random, rows: np.searchsorted(limits, random.random(rows), side="right")


SHAPES: Mapping[str, tuple[Kind, Draw]] = {
    "normal": ("number", lambda random, rows: random.normal(50, 10, rows)),
    "heavy-tailed": ("number", lambda random, rows: random.standard_t(2, rows)),
    "discrete": ("integer", lambda random, rows: random.poisson(8, rows)),
    "zero-inflated": ("number", _zero_inflated),
    "constant": ("number", lambda random, rows: np.full(rows, 7.0)),
    "few categories": ("string", _categories(5)),
    "many categories": ("string", _categories(500)),
}
MISSING = 0.03


def drawn(shape: str, random: Random, rows: int) -> list[Values]:
    """A file's columns."""
    _, draw = SHAPES[shape]
    return [draw(random, rows) for _ in range(COLUMNS)]


def gaps(random: Random, rows: int, share: float = MISSING) -> list[Values]:
    """Which values of a file's columns are missing."""
    return [random.random(rows) < share for _ in range(COLUMNS)]


def profile_of(shape: str, columns: list[Values], missing: list[Values]) -> Profile:
    """The file's profile, in batches as a reader would give them."""
    kind, _ = SHAPES[shape]
    found = Profile(len(columns[0]), {f"c{number}": ColumnProfile(kind) for number in range(len(columns))})
    for column, values, absent in zip(found.columns.values(), columns, missing, strict=True):
        for first in range(0, len(values), BATCH):
            part = slice(first, first + BATCH)
            array = _array(kind, values[part], absent[part])
            column.add(Cells(array, array))
    return found


def _array(kind: Kind, values: Values, absent: Values) -> pa.Array:
    if kind != "string":
        return pa.array(values, mask=absent)
    names = pa.array([f"category {number}" for number in range(500)])
    return pa.DictionaryArray.from_arrays(pa.array(values, pa.int32(), mask=absent), names).dictionary_decode()
