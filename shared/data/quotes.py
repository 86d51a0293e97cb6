"""Quotes in CSV as RFC 4180 has them: a cell is quoted whole or not at all, and every quote that opens is closed.

The reader of Arrow glues `"Bad" Tölz` together and takes what follows an open quote for one cell up to the file's end; a
second reader would find other cells in such a file, or none. Bytes are looked at as they pass, by whole blocks; lines are
counted only once a quote is out of place.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Protocol, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shared.data.formats import UTF8_MARK, Unreadable
from shared.data.shown import shown

LINE_ENDS = b"\r\n"
AROUND = 30
BLOCK_BYTES, PART_BYTES = 1 << 20, 1 << 18
REMEDY = (
    'put a cell that holds a comma, a quote or a line break between quotes, and write a quote in it twice: "a ""b"" c"'
)

Places: TypeAlias = NDArray[np.int64]


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...
    def close(self) -> None: ...


class Quoted:
    """A stream that raises `Unreadable` at the first quote that is out of place.

    `again` opens the same bytes once more, to count the lines before that quote.
    """

    def __init__(self, again: Callable[[], _Readable], delimiter: str, quote: str = '"') -> None:
        self._again = again
        self._stream = again()
        self._quote = quote.encode()
        self._is_border = np.zeros(256, bool)  # by byte: may it stand outside a cell's own quotes
        self._is_border[[*delimiter.encode(), *LINE_ENDS, *self._quote]] = True
        self._is_open = False
        self._last = b"\n"  # the byte before the next block
        self._seen = 0  # bytes before the next block, without the mark at the file's start,
        self._mark = 0  # which takes so many
        self._opened = 0  # the place of the last quote that opened a cell
        self._is_first = True
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """The next bytes, once their quotes were looked at."""
        block = self._stream.read(size)
        if not block and self._is_open:
            what = f"line {self._line_of(self._opened)}: a quote is opened and never closed"
            raise Unreadable("quotes", what, REMEDY)
        if block:
            self._look(self._unmarked(block) if self._is_first else block)
        return block

    def close(self) -> None:
        """Close what is below."""
        self._stream.close()
        self.closed = True

    def _unmarked(self, block: bytes) -> bytes:
        self._is_first = False
        unmarked = block.removeprefix(UTF8_MARK)
        self._mark = len(block) - len(unmarked)
        return unmarked

    def _look(self, block: bytes) -> None:
        """By parts that stay in the processor's cache."""
        for first in range(0, len(block), PART_BYTES):
            part = block[first : first + PART_BYTES]
            if self._quote in part or self._last == self._quote:
                self._places(part)
            self._seen += len(part)
            self._last = part[-1:]

    def _places(self, block: bytes) -> None:
        """Quotes open and close by turns; before one that opens, and after one that closes, stands a border."""
        marks = np.frombuffer(self._last + block, np.uint8)
        places = np.flatnonzero(marks[1:] == self._quote[0]) + 1
        opening, closing = places[self._is_open :: 2], places[not self._is_open :: 2]
        if len(closing) and closing[-1] == len(block):
            closing = closing[:-1]  # what follows comes with the next block
        if self._last == self._quote and not self._is_open:
            closing = np.concatenate([[0], closing])
        follows, precedes = (self._is_border.take(marks.take(near)) for near in (closing + 1, opening - 1))
        if not (follows.all() and precedes.all()):
            raise self._misplaced(block, closing[~follows], opening[~precedes])
        self._is_open ^= bool(len(places) % 2)
        if self._is_open and len(places):
            self._opened = self._seen + int(places[-1])

    def _misplaced(self, block: bytes, closing: Places, opening: Places) -> Unreadable:
        """The first of the quotes that close before no border, or open after none."""
        place = int(min([*closing[:1], *opening[:1]]))
        closes = place in closing[:1]
        what = "text follows a closing quote" if closes else "a quote stands within a cell without quotes"
        around = block[max(0, place - AROUND) : place + AROUND].decode(errors="replace")
        told = f"line {self._line_of(self._seen + place)}: {what}"
        return Unreadable("quotes", told, REMEDY, (shown(around),))

    def _line_of(self, place: int) -> int:
        """The line of the byte at this place, counted from 1 on as is the byte; both without the mark at the start."""
        line, left = 1, self._mark + max(0, place - 1)
        with closing(self._again()) as stream:
            while left > 0 and (block := stream.read(min(BLOCK_BYTES, left))):
                line += block.count(b"\n")
                left -= len(block)
        return line


def quoted(again: Callable[[], pa.NativeFile], delimiter: str, quote: str = '"') -> pa.NativeFile:
    """The stream that `again` opens, with its quotes looked at."""
    return pa.PythonFile(Quoted(again, delimiter, quote), "r")
