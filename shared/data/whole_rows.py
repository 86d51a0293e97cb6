"""Where the last whole row of a block of CSV ends, and whether each quote before it is in its place: by bits, 64 bytes at once.

A quick yes or no; `quotes.py` tells which quote is out of place, and where. Bits as in "Parsing Gigabytes of JSON per Second"
(Langdale, Lemire 2019): the exclusive or of all quotes before a byte says whether the byte stands within quotes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PART_BYTES = 1 << 18  # stays in the processor's cache
SHIFTS = [np.uint64(1 << power) for power in range(6)]
HIGHEST, NONE, ALL = np.uint64(63), np.uint64(0), ~np.uint64(0)
LINE_FEED, RETURN = b"\n", b"\r"


class WholeRows:
    """Looks at blocks that begin with a row, one after the other. `delimiter` and `quote` are one byte each."""

    def __init__(self, delimiter: str, quote: str = '"') -> None:
        self._quote = quote.encode()
        self._borders = [*delimiter.encode(), *LINE_FEED]
        self._is_quote, self._is_border, self._is_one = (np.zeros(PART_BYTES + 2, bool) for _ in range(3))

    def end_of_rows(self, buffer: bytearray, begin: int, end: int, *, is_last: bool) -> int:
        """Behind the last row that ends before `end`, or `end` in the last block; `begin` if no row ends.

        -1 if a quote is out of place. A line feed stands before `begin` and at `end`.
        """
        cut = end if is_last else max(begin, buffer.rfind(LINE_FEED, begin, end) + 1)
        if buffer.find(self._quote, begin, cut) < 0:
            return cut
        in_place, is_open = self._look(np.frombuffer(buffer, np.uint8), begin, cut, self._near(buffer, begin, end))
        while in_place and is_open and not is_last:  # that line feed stands within a cell
            before = cut
            cut = max(begin, buffer.rfind(LINE_FEED, begin, buffer.rindex(self._quote, begin, cut)) + 1)
            is_open ^= bool(buffer.count(self._quote, cut, before) % 2)
        return cut if in_place and not is_open else -1

    def _near(self, buffer: bytearray, begin: int, end: int) -> list[int]:
        """What may stand beside a cell's own quotes; a return only if there is one, which is quickly known."""
        return self._borders if buffer.find(RETURN, begin, end) < 0 else [*self._borders, *RETURN]

    def _look(self, marks: NDArray[np.uint8], begin: int, end: int, borders: list[int]) -> tuple[bool, bool]:
        """Whether all quotes are in their places, and whether the last one opens a cell."""
        is_open = NONE
        for first in range(begin, end, PART_BYTES):
            last = min(end, first + PART_BYTES)
            quotes, before, after = self._bits(marks[first - 1 : last + 1], borders)
            inside = quotes.copy()
            for shift in SHIFTS:
                inside ^= inside << shift
            turned = np.bitwise_xor.accumulate(inside >> HIGHEST) ^ is_open
            inside[1:] ^= np.negative(turned[:-1])  # all bits, where the words before leave a quote open
            inside[0] ^= ALL if is_open else NONE
            beside = after ^ ((before ^ after) & inside)  # before a quote that opens, after one that closes
            if (quotes & ~beside).any():
                return False, False
            is_open = turned[-1]
        return True, bool(is_open)

    def _bits(self, near: NDArray[np.uint8], borders: list[int]) -> list[NDArray[np.uint64]]:
        """For each byte but the first and the last: is it a quote, does a border stand before it, does one after it."""
        length = len(near)
        self._is_quote[length:] = False
        is_quote, is_border, is_one = (kept[:length] for kept in (self._is_quote, self._is_border, self._is_one))
        np.equal(near, self._quote[0], out=is_quote)
        is_border[:] = is_quote
        for border in borders:
            np.equal(near, border, out=is_one)
            is_border |= is_one
        is_quote[-1] = False  # it is the next part's, or the next block's
        parts = (self._is_quote[1:-1], self._is_border[:-2], self._is_border[2:])
        return [np.packbits(part, bitorder="little").view("<u8") for part in parts]
