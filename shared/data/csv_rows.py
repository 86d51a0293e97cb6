"""CSV in batches: as bytes, or with columns that Arrow's reader converts, which takes half the time.

Whether a column can be converted is asked of the first rows. A cell that does not convert later ends the reading, so that the
file is read again as bytes: only these can be told as they came.
"""

from __future__ import annotations

import csv as text_csv
import re
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from shared.data.casts import ARROW_TYPES
from shared.data.csv_blocks import convert
from shared.data.formats import INSTEAD, UTF8_MARK, Format, Unreadable
from shared.data.opened import BLOCK_BYTES, Rows, Skipped
from shared.data.quotes import quoted
from shared.data.rules import Dialect, Kind
from shared.data.shown import shown

DELIMITERS = (",", ";", "\t", "|")
AS_UTF8 = "save the file as UTF-8, or name its encoding in the contract: docs/contracts.md#how-text-is-written"
FIRST_BYTES = 1 << 16
FIRST_LINE = re.compile(rb"[^\r\n]*[^\s][^\r\n]*")
HEADER = re.compile(rb"(?:[ \t\r]*\n)*[^\r\n]+\r?\n")
READ_AS: Mapping[Kind, tuple[pa.DataType, ...]] = {
    "integer": (ARROW_TYPES["integer"],),
    "number": (ARROW_TYPES["number"],),
    "boolean": (ARROW_TYPES["boolean"],),
    "date": (ARROW_TYPES["date"],),
    "timestamp": (ARROW_TYPES["timestamp"], pa.timestamp("us")),
}
"""What a column of a kind may be converted to."""


def open_csv(
    file: Path,
    found: Format,
    wanted: Collection[str],
    dialect: Dialect,
    skipped: Skipped,
    kinds: Mapping[str, Kind] | None,
) -> Rows:
    """The rows; with `kinds`, converted to them where the first rows allow it. See `open_rows`.

    The mark between cells is the dialect's, or one of those that are always recognised.
    """
    quote = dialect.quote or '"'
    start = _start(file, found)
    header, delimiter = _header(start, wanted, dialect)
    once = [name for name in header if name in wanted and header.count(name) == 1]
    is_foreign = bool(found.encoding) or quote != '"' or delimiter not in DELIMITERS
    head = _end_of_header(start)
    types = _types(start, once, delimiter, kinds) if kinds and head and not is_foreign else {}
    if types:
        converted = frozenset(name for name, kind in types.items() if kind != pa.string())
        rows = Rows(header, iter(()), skipped, converted)
        without_whole = {name: kind for name, kind in types.items() if kind != ARROW_TYPES["integer"]}
        convert(rows, file, found, head, delimiter, (_conversion(once, types), _conversion(once, without_whole)))
        return rows

    def skip(row: csv.InvalidRow) -> str:
        skipped.add(row.number - 1, f"{row.actual_columns} cells", row.text)
        return "skip"

    batches = csv.open_csv(
        quoted(lambda: found.open(file), delimiter, quote),
        read_options=csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
        parse_options=csv.ParseOptions(
            delimiter=delimiter, quote_char=quote, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=_conversion(once, {}),
    )
    return Rows(header, iter(batches), skipped, is_foreign=is_foreign)


def _conversion(names: Collection[str], types: Mapping[str, pa.DataType]) -> csv.ConvertOptions:
    return csv.ConvertOptions(
        include_columns=names,
        column_types={name: types.get(name, pa.binary()) for name in names},
        null_values=[""],
        strings_can_be_null=True,
    )


def _types(
    start: bytes, names: Collection[str], delimiter: str, kinds: Mapping[str, Kind]
) -> Mapping[str, pa.DataType]:
    """The types to which the first rows convert, of the columns where that is all of their reading."""
    whole = start[: start.rfind(b"\n", 0, FIRST_BYTES) + 1]
    parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=lambda _: "skip")
    try:
        rows = csv.read_csv(pa.BufferReader(whole), parse_options=parse, convert_options=_conversion(names, {}))
    except pa.ArrowInvalid:
        return {}
    found = {name: _type(rows[name], kinds[name]) for name in names}
    return {name: kind for name, kind in found.items() if kind}


def _type(cells: pa.ChunkedArray, kind: Kind) -> pa.DataType | None:
    if kind == "string":
        return pa.string()
    for candidate in READ_AS.get(kind, ()):
        try:
            values = pc.cast(pc.cast(cells, pa.string()), candidate)
        except pa.ArrowInvalid:
            continue
        if kind != "number" or pc.all(pc.is_finite(values)).as_py() is not False:
            return candidate
    return None


def _start(file: Path, found: Format) -> bytes:
    with closing(found.open(file)) as stream:
        content: bytes = stream.read(BLOCK_BYTES)
    return content.removeprefix(UTF8_MARK)


def _header(start: bytes, wanted: Collection[str], dialect: Dialect) -> tuple[list[str], str]:
    """The columns' names, and the mark between them: the first of those that make the most of the wanted names."""
    found = FIRST_LINE.search(start)
    first = found[0] if found else b""
    try:
        line = first.decode()
    except UnicodeDecodeError:
        sample = shown(first.decode("latin-1"))
        raise Unreadable("encoding", "the header is not UTF-8; it looks like Latin-1", AS_UTF8, (sample,)) from None
    marks = (dialect.delimiter, *DELIMITERS) if dialect.delimiter else DELIMITERS
    read = [(_names(line, mark, dialect.quote or '"'), mark) for mark in marks]
    if dialect.delimiter and any(name in wanted for name in read[0][0]):
        return read[0]
    header, delimiter = max(read, key=lambda each: sum(name in wanted for name in each[0]))
    if any(name in wanted for name in header):
        return header, delimiter
    remedy = f"make the first line {','.join(wanted)}; {INSTEAD}"
    what = "the first line names no column of the contract"
    raise Unreadable("header", what, shown(remedy, 400), (shown(line),))


def _end_of_header(start: bytes) -> int:
    """Where the header's line ends; 0 if no line feed ends it."""
    found = HEADER.match(start)
    return found.end() if found else 0


def _names(line: str, delimiter: str, quote: str) -> list[str]:
    try:
        return next(text_csv.reader([line], delimiter=delimiter, quotechar=quote, strict=True), [])
    except text_csv.Error:  # another mark stands after a quoted name
        return []
