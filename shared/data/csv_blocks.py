"""CSV whose columns Arrow's reader converts, block by block: one buffer is filled again and again, and hashed as it is filled.

Arrow's own reader in batches has read up to 32 blocks ahead, each into memory of its own. Here a block ends with the last row
that ends in it, so that the memory is that of two blocks at any size; its quotes are looked at before Arrow sees them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
from pyarrow import csv

from shared.data.formats import UTF8_MARK, Format, Unreadable
from shared.data.opened import BLOCK_BYTES, Rows, Skipped
from shared.data.whole_rows import PART_BYTES, WholeRows

LINE_END = b"\n"
XS = (b"x", b"X")
AGAIN = "it is read again, cell by cell"
Options: TypeAlias = tuple[csv.ConvertOptions, csv.ConvertOptions]


def convert(rows: Rows, file: Path, found: Format, head: int, delimiter: str, options: Options) -> None:
    """Have `rows` give the file's rows, whose header ends after `head` bytes, its mark not among them; converted by the first of
    the `options`, and by the second in a block with an x, where a whole number may be a hexadecimal one.

    Where a cell does not convert or a quote is out of place, the batches end with `Unreadable` or Arrow's error: who reads the
    file as bytes can tell. Of a file that is not packed, `rows.sha256` stands once they are exhausted.
    """
    skip = _Skip(rows.skipped)
    parse = csv.ParseOptions(delimiter=delimiter, invalid_row_handler=skip)
    digest = None if found.packing else hashlib.sha256()

    def batches() -> Iterator[pa.RecordBatch]:
        with closing(found.open(file)) as stream:
            for block, has_x in _blocks(stream, head, WholeRows(delimiter), digest.update if digest else _unheard):
                read = csv.ReadOptions(use_threads=False, block_size=len(block) + 1)
                table = csv.read_csv(pa.BufferReader(block), read, parse, options[has_x])
                skip.ended(table.num_rows)
                yield from table.to_batches()
        rows.sha256 = digest.hexdigest() if digest else ""

    rows.batches = batches()


class _Skip:
    """Notes the rows of another shape, which Arrow counts from each block's header on."""

    def __init__(self, skipped: Skipped) -> None:
        self._skipped = skipped
        self._before = 0
        self._here = 0

    def __call__(self, row: csv.InvalidRow) -> str:
        self._here += 1
        self._skipped.add(self._before + row.number - 1, f"{row.actual_columns} cells", row.text)
        return "skip"

    def ended(self, rows: int) -> None:
        """A block has ended, with so many rows beside those left out."""
        self._before += rows + self._here
        self._here = 0


def _unheard(_: memoryview) -> None:
    pass


def _blocks(
    stream: pa.NativeFile, head: int, quotes: WholeRows, hear: Callable[[memoryview], None]
) -> Iterator[tuple[pa.Buffer, bool]]:
    """The header and the rows that end in each block of the file, until the next is asked for, and whether an x is among
    them. `hear` is told each byte.
    """
    buffer = bytearray(len(LINE_END) + len(UTF8_MARK) + head + 2 * BLOCK_BYTES + len(LINE_END))
    view = memoryview(buffer)
    buffer[:1] = LINE_END  # before the first byte, as after the last one, so that every quote has neighbours
    first = begin = end = 1
    is_last = False
    while not is_last:
        filled = _fill(stream, view[end : end + BLOCK_BYTES], hear)
        is_last, end = filled < BLOCK_BYTES, end + filled
        buffer[end : end + 1] = LINE_END
        if begin == first and buffer.startswith(UTF8_MARK, first):
            first = begin = first + len(UTF8_MARK)
            buffer[first - 1 : first] = LINE_END
        cut = quotes.end_of_rows(buffer, begin, end, is_last=is_last)
        if cut < 0 or end - cut > BLOCK_BYTES:
            raise Unreadable("readable", "a quote is out of place, or a row is longer than a block", AGAIN)
        yield pa.py_buffer(view[first:cut]), any(buffer.find(x, begin, cut) >= 0 for x in XS)
        begin = first + head
        view[begin : begin + end - cut] = view[cut:end]
        end = begin + end - cut


def _fill(stream: pa.NativeFile, room: memoryview, hear: Callable[[memoryview], None]) -> int:
    """Read until the room is full or the stream ends; how many bytes came."""
    filled = 0
    while filled < len(room) and (came := stream.readinto(room[filled : filled + PART_BYTES])):
        hear(room[filled : filled + came])
        filled += came
    return filled
