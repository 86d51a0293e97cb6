"""Rows drawn from many files, every row with the same chance, in memory for the drawn ones and a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shared.data.reading import read_batches, schema_of
from shared.data.rules import Contract

Places = NDArray[np.int64]


def drawn_places(rows: Sequence[int], most: int, draw: np.random.Generator) -> list[Places]:
    """Which rows (from 0) are taken of each of the files that have so many: `most` of all, or every one where there are fewer.

    >>> [places.tolist() for places in drawn_places([2, 0, 3], 9, np.random.default_rng(0))]
    [[0, 1], [], [0, 1, 2]]
    """
    total = sum(rows)
    drawn = np.sort(draw.choice(total, most, replace=False)) if total > most else np.arange(total)
    ends = np.cumsum([0, *rows])
    between = np.searchsorted(drawn, ends)
    return [drawn[first:last] - begin for first, last, begin in zip(between, between[1:], ends, strict=False)]


def rows_at(file: Path, contract: Contract, places: Places) -> pa.Table:
    """The rows of an accepted file at these places, which grow, with the contract's columns. `Permanent` as `read_table`."""
    return pa.Table.from_batches(_taken(file, contract, places), schema_of(contract))


def _taken(file: Path, contract: Contract, places: Places) -> Iterator[pa.RecordBatch]:
    first = 0
    for batch in read_batches(file, contract):
        last = first + batch.num_rows
        here = places[np.searchsorted(places, first) : np.searchsorted(places, last)]
        if len(here):
            yield batch.take(pa.array(here - first))
        first = last
