"""Page headers of a Parquet file, read strictly: Arrow passes over some damage in them that other readers stop at.

A header is a struct in Thrift's compact protocol (apache/thrift, doc/specs/thrift-compact-protocol.md) with the fields of
apache/parquet-format, src/main/thrift/parquet.thrift. Only headers are read, so it takes no time beside the pages themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from pyarrow import parquet

from shared.data.unreadable import Unreadable

WINDOW = 1 << 9  # bytes; a header with statistics of long texts is read again with more
LONGEST = 1 << 24
DEPTH = 8
TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
BOOLEANS, INTEGERS = (TRUE, FALSE), (4, 5, 6)
DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = 0, 2, 3
ENCODINGS = frozenset({0, 2, 3, 4, 5, 6, 7, 8, 9})
AGAIN = "write it again with another tool; it may have been damaged on its way"

Value: TypeAlias = "int | bytes | bool | float | Fields | list[Value] | None"
Fields: TypeAlias = "dict[int, tuple[int, Value]]"


class Damaged(Exception):
    """Bytes that are no page header."""


@dataclass
class _Compact:
    """Thrift's compact protocol over bytes; `Damaged` where they end or make no sense. IndexError means that more are needed."""

    content: bytes
    place: int = 0

    def struct(self, depth: int = 0) -> Fields:
        """Fields by id, each with its type."""
        if depth > DEPTH:
            raise Damaged("structs lie too deep in each other")
        found: Fields = {}
        last = 0
        while kind := (head := self._byte()) & 0x0F:
            last = last + (head >> 4) if head >> 4 else self._zigzag()
            if kind > STRUCT or last in found:
                raise Damaged(f"field {last} has type {kind}, or stands twice")
            found[last] = (kind, kind == TRUE if kind in BOOLEANS else self._value(kind, depth))
        return found

    def _value(self, kind: int, depth: int) -> Value:
        if kind in BOOLEANS or kind == BYTE:
            return self._byte()
        if kind in INTEGERS:
            return self._zigzag()
        if kind == DOUBLE:
            return self._bytes(8)
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind in (LIST, SET):
            return list(self._items(depth))
        if kind == STRUCT:
            return self.struct(depth + 1)
        raise Damaged(f"a field has type {kind}")

    def _items(self, depth: int) -> Iterator[Value]:
        head = self._byte()
        count = head >> 4 if head >> 4 != 15 else self._varint()
        if count > LONGEST:
            raise Damaged(f"a list says that it has {count} items")
        for _ in range(count):
            yield self._value(head & 0x0F, depth + 1)

    def _byte(self) -> int:
        self.place += 1
        return self.content[self.place - 1]

    def _bytes(self, count: int) -> bytes:
        if count > LONGEST:
            raise Damaged(f"a value says that it has {count} bytes")
        self.place += count
        if self.place > len(self.content):
            raise IndexError
        return self.content[self.place - count : self.place]

    def _varint(self) -> int:
        found = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found
        raise Damaged("a number has no end")

    def _zigzag(self) -> int:
        found = self._varint()
        return (found >> 1) ^ -(found & 1)


@dataclass(frozen=True, slots=True)
class _Struct:
    """What a struct's fields must be: their types, which of them must be there, and which name an encoding."""

    types: Mapping[int, tuple[int, ...]]
    needed: tuple[int, ...]
    encodings: tuple[int, ...] = ()


NUMBER, FLAG, BYTES, INNER = INTEGERS, BOOLEANS, (BINARY,), (STRUCT,)
STATISTICS = _Struct({1: BYTES, 2: BYTES, 3: NUMBER, 4: NUMBER, 5: BYTES, 6: BYTES, 7: FLAG, 8: FLAG}, ())
HEADER = _Struct({1: NUMBER, 2: NUMBER, 3: NUMBER, 4: NUMBER, 5: INNER, 6: INNER, 7: INNER, 8: INNER}, (1, 2, 3))
PAGES: Mapping[int, tuple[int, _Struct, int]] = {
    DATA_PAGE: (5, _Struct({1: NUMBER, 2: NUMBER, 3: NUMBER, 4: NUMBER, 5: INNER}, (1, 2, 3, 4), (2, 3, 4)), 5),
    DICTIONARY_PAGE: (7, _Struct({1: NUMBER, 2: NUMBER, 3: FLAG}, (1, 2), (2,)), 0),
    DATA_PAGE_V2: (
        8,
        _Struct(
            {1: NUMBER, 2: NUMBER, 3: NUMBER, 4: NUMBER, 5: NUMBER, 6: NUMBER, 7: FLAG, 8: INNER},
            (1, 2, 3, 4, 5, 6),
            (4,),
        ),
        8,
    ),
}


def _fitting(fields: Value, wanted: _Struct) -> Fields:
    assert isinstance(fields, dict), fields
    for number, (kind, value) in fields.items():
        if kind not in wanted.types.get(number, (kind,)):
            raise Damaged(f"field {number} has type {kind}")
        if number in wanted.encodings and value not in ENCODINGS:
            raise Damaged(f"encoding {value!r} is none")
    lacking = [number for number in wanted.needed if number not in fields]
    if lacking:
        raise Damaged(f"field {lacking[0]} is missing")
    return fields


def _number(fields: Fields, number: int) -> int:
    value = fields[number][1]
    if not isinstance(value, int) or value < 0:
        raise Damaged(f"field {number} is {value!r}")
    return value


def _values(header: Fields) -> int:
    """How many values the page brings to its column; `Damaged` if its inner header is not one of its type."""
    kind = _number(header, 1)
    if kind not in PAGES:
        return 0
    place, wanted, statistics = PAGES[kind]
    if place not in header:
        raise Damaged(f"field {place} is missing")
    inner = _fitting(header[place][1], wanted)
    if statistics in inner:
        _fitting(inner[statistics][1], STATISTICS)
    return 0 if kind == DICTIONARY_PAGE else _number(inner, 1)


def check_pages(file: Path, metadata: parquet.FileMetaData, wanted: Collection[str]) -> None:
    """Read the header of every page of the wanted columns; `Unreadable` at the first that a strict reader would refuse."""
    with file.open("rb") as content:
        for group in range(metadata.num_row_groups):
            row_group = metadata.row_group(group)
            for number in range(row_group.num_columns):
                column = row_group.column(number)
                if column.path_in_schema.split(".")[0] in wanted:
                    _check_column(content, column)


def _check_column(content: BinaryIO, column: parquet.ColumnChunkMetaData) -> None:
    place = column.dictionary_page_offset or column.data_page_offset
    place = min(place, column.data_page_offset)
    left = column.num_values
    while left > 0:
        try:
            header, length = _header(content, place)
            left -= _values(header)
            place += length + _number(header, 3)
        except (Damaged, IndexError) as error:
            why = str(error) or "the file ends in it"
            what = f"the file cannot be read to its end: {column.path_in_schema}, page header at byte {place}: {why}"
            raise Unreadable("readable", what, AGAIN) from error


def _header(content: BinaryIO, place: int) -> tuple[Fields, int]:
    window = WINDOW
    while True:
        content.seek(place)
        reader = _Compact(content.read(window))
        try:
            return _fitting(reader.struct(), HEADER), reader.place
        except IndexError:
            if window >= LONGEST or len(reader.content) < window:
                raise
            window *= 16
