"""Holdout rows that training saw under another key: which of them repeat a training row, and which are copies of one.

A table of few coarse features repeats itself honestly, and there rows that share a half of a row's features without the other half
are common. A copy shares all with its original and a half with nothing else. So a repeat is a copy where no training row has one
half of its features and another rest. The halves are made by how many values a column has, so that both tell rows apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shared.data.row_codes import MIX, Codes, row_codes

AT_ONCE = 50_000
NONE, ALL = np.uint64(0), np.uint64(2**64 - 1)
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Repeats:
    """Of the holdout's rows: how many have all features of a training row, and how many of these are copies."""

    overlap: int
    copies: int


def repeats(train: pa.Table, holdout: pa.Table, features: Sequence[str], *, at_once: int = AT_ONCE) -> Repeats:
    """Count both. Memory grows with the holdout, not with training: so many rows are read `at_once`. Fractions count by seven digits."""
    halves = _halves(holdout, features)
    one, other = (_codes(holdout, half) for half in halves)
    whole, by_one, by_other = (_Seen.of(codes) for codes in (_together(one, other), one, other))
    for batch in train.to_batches(max_chunksize=at_once):
        first, second = (_codes(batch, half) for half in halves)
        whole.add(_together(first, second), second)
        by_one.add(first, second)
        by_other.add(second, first)
    known = whole.known(_together(one, other))
    if not all(halves):
        return Repeats(int(known.sum()), 0)
    copies = known & ~by_one.beside(one, other) & ~by_other.beside(other, one)
    return Repeats(int(known.sum()), int(copies.sum()))


def _halves(holdout: pa.Table, features: Sequence[str]) -> tuple[list[str], list[str]]:
    """The features dealt to two sides, those with most values first, so that each side has its share of them."""
    values = {name: len(np.unique(_codes(holdout, [name]))) for name in features}
    order = sorted(features, key=lambda name: (-values[name], name))
    sides = [place % 4 in (0, 3) for place in range(len(order))]
    return (
        [name for name, is_first in zip(order, sides, strict=True) if is_first],
        [name for name, is_first in zip(order, sides, strict=True) if not is_first],
    )


def _codes(rows: pa.Table | pa.RecordBatch, names: Sequence[str]) -> Codes:
    columns = [_column(rows[name]) for name in names]
    return row_codes(columns) if columns else np.zeros(rows.num_rows, dtype=np.uint64)


def _column(found: pa.Array | pa.ChunkedArray) -> pa.Array:
    """In one piece; whole numbers as texts, of which each digit counts."""
    column = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    return pc.cast(column, pa.string()) if pa.types.is_integer(column.type) else column


def _together(one: Codes, other: Codes) -> Codes:
    with np.errstate(over="ignore"):
        found: Codes = one * MIX ^ other
    return found


@dataclass(frozen=True, slots=True)
class _Seen:
    """For each code of the holdout the least and the largest rest that training rows with this code have."""

    codes: Codes
    least: Codes
    most: Codes

    @classmethod
    def of(cls, codes: Codes) -> _Seen:
        each = np.unique(codes)
        return cls(each, np.full(len(each), ALL), np.full(len(each), NONE))

    def add(self, codes: Codes, rest: Codes) -> None:
        if not len(self.codes):
            return
        places = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        hit = self.codes[places] == codes
        np.minimum.at(self.least, places[hit], rest[hit])
        np.maximum.at(self.most, places[hit], rest[hit])

    def known(self, codes: Codes) -> Flags:
        """Whether a training row has the code."""
        places = np.searchsorted(self.codes, codes)
        found: Flags = self.least[places] <= self.most[places]
        return found

    def beside(self, codes: Codes, rest: Codes) -> Flags:
        """Whether a training row has the code, and another rest."""
        places = np.searchsorted(self.codes, codes)
        found: Flags = self.known(codes) & ((self.least[places] != rest) | (self.most[places] != rest))
        return found
