"""From a row's place among the rows that were read (from 0) to its number in the file (from 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class Places:
    """Row numbers where the rows `skipped`, by number, were left out of the reading."""

    def __init__(self, skipped: Sequence[int]) -> None:
        self._read_before = np.array(sorted(skipped), dtype=np.int64) - np.arange(1, len(skipped) + 1)

    def numbers(self, places: Sequence[int]) -> tuple[int, ...]:
        """The numbers in the file of these places."""
        read = np.array(places, dtype=np.int64) + 1
        return tuple((read + np.searchsorted(self._read_before, read, side="left")).tolist())
