"""Columns of every shape that real files have, drawn from a seed in batches, each in order, as cheaply as numpy gives them.

A profile looks at a batch's values in order and nowhere at their places, so that counts of a batch's values are drawn where
the values are few, and how many are missing instead of which: the same distribution of profiles as row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from shared.data.cells import Cells
from shared.data.profile import ColumnProfile
from shared.data.rules import Kind
from shared.data.sketches import Distinct, Hashes

COLUMNS = 20
BATCH = 1 << 16
MISSING = 0.03
ZEROS = 0.7
Random: TypeAlias = np.random.Generator
Values: TypeAlias = np.ndarray
Draw = Callable[[Random, int], Values]  # one batch, in order; of texts their numbers


@dataclass(frozen=True)
class Drawn:
    """A column: its values in batches, each in order, and how many rows have none."""

    kind: Kind
    batches: tuple[Values, ...]
    missing: int

    @property
    def present(self) -> int:
        """How many rows have a value."""
        return sum(map(len, self.batches))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.present + self.missing


def _normal(random: Random, rows: int) -> Values:
    values = random.standard_normal(rows)
    values *= 10
    values += 50
    values.sort()
    return values


def _heavy_tailed(random: Random, rows: int) -> Values:
    """Student's t with two degrees of freedom, by its quantiles."""
    even = np.maximum(random.random(rows), 2.0**-54)
    even.sort()
    return (2 * even - 1) / np.sqrt(2 * even * (1 - even))


def _zero_inflated(random: Random, rows: int) -> Values:
    """Zeros, and else lognormal values."""
    values = np.zeros(rows)
    zeros = random.binomial(rows, ZEROS)
    values[zeros:] = np.exp(np.sort(random.standard_normal(rows - zeros)))
    return values


def _constant(random: Random, rows: int) -> Values:
    return np.full(rows, 7.0)


def _shares(weights: Values) -> Draw:
    """The numbers from 0 on, each with this share."""
    shares, numbers = weights / weights.sum(), np.arange(len(weights))
    return lambda random, rows: np.repeat(numbers, random.multinomial(rows, shares))


def _poisson(mean: float) -> Draw:
    numbers = np.arange(1, 60)
    return _shares(np.exp(np.cumsum(np.log(mean / np.concatenate(([mean], numbers))))))


def _zipf(count: int) -> Draw:
    return _shares(1 / np.arange(1, count + 1))


SHAPES: Mapping[str, tuple[Kind, Draw]] = {
    "normal": ("number", _normal),
    "heavy-tailed": ("number", _heavy_tailed),
    "discrete": ("integer", _poisson(8)),
    "zero-inflated": ("number", _zero_inflated),
    "constant": ("number", _constant),
    "few categories": ("string", _zipf(5)),
    "many categories": ("string", _zipf(500)),
}
NAMES = pa.array([f"category {number}" for number in range(500)])


def drawn(shape: str, random: Random, rows: int, *, missing: float = MISSING) -> Drawn:
    """A column of this shape."""
    kind, draw = SHAPES[shape]
    absent = int(random.binomial(rows, missing))
    present = rows - absent
    return Drawn(kind, tuple(draw(random, min(BATCH, present - first)) for first in range(0, present, BATCH)), absent)


def profile_of(column: Drawn) -> ColumnProfile:
    """The column's profile, from batches as a reader would give them; the missing ones come in a batch of their own.

    How many values are distinct is not counted: no comparison asks for it.
    """
    found = ColumnProfile(column.kind, distinct=_Uncounted())
    absent = pa.nulls(column.missing, pa.string() if column.kind == "string" else pa.float64())
    arrays: Sequence[pa.Array] = [*(_array(column.kind, values) for values in column.batches), absent]
    for array in arrays:
        found.add(Cells(array, array))
    return found


class _Uncounted(Distinct):
    def add(self, hashes: Hashes) -> None:
        """Nothing."""


def _array(kind: Kind, values: Values) -> pa.Array:
    if kind != "string":
        return pa.array(values)
    counts = np.bincount(values)
    there = np.flatnonzero(counts)
    places = np.repeat(np.arange(len(there), dtype=np.int32), counts[there])
    return pa.DictionaryArray.from_arrays(pa.array(places), NAMES.take(pa.array(there)))
