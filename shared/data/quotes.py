"""Quotes in CSV as RFC 4180 has them: a cell is quoted whole or not at all, and every quote that opens is closed.

The reader of Arrow glues `"Bad" Tölz` together and takes what follows an open quote for one cell up to the file's end; a
second reader would find other cells in such a file, or none. Bytes are looked at as they pass, by whole blocks.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyarrow as pa

from shared.data.formats import UTF8_MARK, Unreadable
from shared.data.shown import shown

QUOTE, LINE_ENDS = ord('"'), b"\r\n"
AROUND = 30
REMEDY = (
    'put a cell that holds a comma, a quote or a line break between quotes, and write a quote in it twice: "a ""b"" c"'
)


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...
    def close(self) -> None: ...


class Quoted:
    """A stream that raises `Unreadable` at the first quote that is out of place. `borders` stand around a quoted cell."""

    def __init__(self, stream: _Readable, delimiter: str) -> None:
        self._stream = stream
        self._borders = np.frombuffer(bytes([*delimiter.encode(), *LINE_ENDS, QUOTE]), np.uint8)
        self._is_open = False
        self._last = b"\n"  # the byte before the next block
        self._line = self._opened = 1
        self._is_first = True
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """The next bytes, once their quotes were looked at."""
        block = self._stream.read(size)
        if not block and self._is_open:
            raise Unreadable("quotes", f"line {self._opened}: a quote is opened and never closed", REMEDY)
        if block:
            self._look(block.removeprefix(UTF8_MARK) if self._is_first else block)
            self._is_first = False
        return block

    def close(self) -> None:
        """Close what is below."""
        self._stream.close()
        self.closed = True

    def _look(self, block: bytes) -> None:
        if b'"' in block or self._last == b'"':
            self._places(block)
        self._line += block.count(b"\n")
        self._last = block[-1:] or self._last

    def _places(self, block: bytes) -> None:
        """Quotes open and close by turns; before one that opens, and after one that closes, stands a border."""
        marks = np.frombuffer(self._last + block, np.uint8)
        places = np.flatnonzero(marks[1:] == QUOTE) + 1
        opens = (np.arange(len(places)) + self._is_open) % 2 == 0
        opening, closing = places[opens], places[~opens]
        closing = closing[closing < len(block)]
        if self._last == b'"' and not self._is_open:
            closing = np.concatenate([[0], closing])
        after = closing[~np.isin(marks[closing + 1], self._borders)]
        before = opening[~np.isin(marks[opening - 1], self._borders)]
        wrong = min([*after[:1].tolist(), *before[:1].tolist()], default=None)
        if wrong is not None:
            what = (
                "text follows a closing quote" if wrong in after[:1] else "a quote stands within a cell without quotes"
            )
            raise self._misplaced(what, block, wrong)
        self._is_open ^= bool(len(places) % 2)
        if self._is_open and len(places):
            self._opened = self._line_of(block, places[-1])

    def _misplaced(self, what: str, block: bytes, place: int) -> Unreadable:
        around = block[max(0, place - AROUND) : place + AROUND].decode(errors="replace")
        return Unreadable("quotes", f"line {self._line_of(block, place)}: {what}", REMEDY, (shown(around),))

    def _line_of(self, block: bytes, place: int) -> int:
        """The line of the byte before which `place` bytes stand, counted from the byte before the block."""
        return self._line + block[: max(0, place - 1)].count(b"\n")


def quoted(stream: pa.NativeFile, delimiter: str) -> pa.NativeFile:
    """The stream with its quotes looked at."""
    return pa.PythonFile(Quoted(stream, delimiter), "r")
