"""Which rows of a file are refused, and each for what: a bit a row for each reason, so that memory stays small at any size.

A row is refused alone by what is wrong in the row itself: a cell of another kind, and a rule of severity `error` that allows no
row to break it. Rules with a share or a count, and rules about numbers of the whole file, are asked of the accepted rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shared.data.rules import NONE, AnyRow, Measured, Query, Rule

Bits = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def is_of_rows(rule: Rule) -> bool:
    """Whether breaking the rule refuses single rows."""
    picks = not isinstance(rule.test, Measured | Query | AnyRow)
    return picks and rule.limit == NONE and rule.severity == "error"


@dataclass
class Sieve:
    """Marks of refused rows, by their place (from 0) among the rows that were read.

    A reason is a rule, or the name of the column whose cell is of another kind.
    """

    marks: dict[Rule | str, dict[int, tuple[int, Bits]]] = field(default_factory=dict)
    places: dict[Rule | str, NDArray[np.int64]] = field(default_factory=dict)

    def add(self, what: Rule | str, mask: pa.Array, first: int) -> None:
        """Mark the rows of a batch, whose first row has the place `first`, where the mask is true."""
        if mask.true_count and (isinstance(what, str) or is_of_rows(what)):
            bits = np.packbits(mask.to_numpy(zero_copy_only=False))
            self.marks.setdefault(what, {})[first] = (len(mask), bits)

    def add_places(self, what: Rule, places: NDArray[np.int64]) -> None:
        """Mark rows by their places, which grow."""
        if len(places) and is_of_rows(what):
            self.places[what] = places

    def refused(self, first: int, rows: int) -> Mapping[Rule | str, Mask]:
        """For each reason which of `rows` rows from place `first` on are refused; reasons that none of them has are left out.

        The batch must be one of those that were added: the same file is read in the same batches again.
        """
        return dict(self._refused(first, rows))

    def _refused(self, first: int, rows: int) -> Iterator[tuple[Rule | str, Mask]]:
        for what, batches in self.marks.items():
            if first in batches:
                length, bits = batches[first]
                if length != rows:
                    raise ValueError(f"a batch of {length} rows from place {first} has {rows} rows the second time")
                yield what, np.unpackbits(bits, count=rows).astype(np.bool_)
        for what, places in self.places.items():
            found = places[np.searchsorted(places, first) : np.searchsorted(places, first + rows)]
            if len(found):
                mask = np.zeros(rows, np.bool_)
                mask[found - first] = True
                yield what, mask
