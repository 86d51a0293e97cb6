"""A file's rows in batches: CSV, JSON lines and Parquet through one door, in memory that does not grow with the file."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import NoneType
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from shared.data.csv_rows import AS_UTF8, open_csv
from shared.data.formats import INSTEAD, UTF8_MARK, Format, Unreadable, recognise, room, swollen
from shared.data.opened import BLOCK_BYTES, Rows, Skipped
from shared.data.parquet_pages import check_pages
from shared.data.part_rows import open_parts
from shared.data.rules import PLAIN, Dialect, Kind

BATCH_ROWS = 1 << 16  # of Parquet; a JSON row takes much more room until it is a row of columns
JSON_BATCH_ROWS = 1 << 13
CELL_BYTES = 8
NOT_UTF8_SHAPE = re.compile(r"CSV parse error: Row #(\d+): Expected .*\ufffd")


def open_rows(
    file: Path,
    wanted: Collection[str],
    dialect: Dialect = PLAIN,
    *,
    kinds: Mapping[str, Kind] | None = None,
    skipped: Skipped | None = None,
) -> Rows:
    """Open a file, or a folder of parts, for reading its `wanted` columns. Opening and reading raise `Unreadable` for what the file is.

    A drop is read by its contract's `dialect`; an accepted file never needs one. Rows of another shape go to `skipped`.

    With `kinds`, which names all that is wanted, the reader itself converts what it can of a CSV; then a cell that does not fit
    raises `Unreadable` as well, and without kinds the same file may well be read.
    """
    skipped = skipped or Skipped()
    if file.is_dir():
        return open_parts(
            file, wanted, dialect, skipped, lambda part, own: open_rows(part, wanted, dialect, skipped=own)
        )
    try:
        found = recognise(file, dialect.encoding)
        match found.layout:
            case "csv":
                rows = open_csv(file, found, wanted, dialect, skipped, kinds)
            case "jsonl":
                rows = _open_json(file, found, wanted, skipped)
            case "parquet":
                rows = _open_parquet(file, wanted, skipped)
    except (pa.ArrowException, OSError) as error:
        raise _broken(error) from error
    rows.batches = _guarded(rows.batches)
    return rows


def _guarded(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except (pa.ArrowException, OSError) as error:
        raise _broken(error) from error


def _broken(error: Exception) -> Unreadable:
    why = " ".join(str(error).split())[:200]
    shape = NOT_UTF8_SHAPE.search(why)
    if shape:  # pyarrow tells rows of another shape to Python only if they are UTF-8
        what = f"row {int(shape[1]) - 1} is not UTF-8, and of another shape than the header"
        return Unreadable("encoding", what, f"it looks like Latin-1: {AS_UTF8}")
    if "Empty CSV" in why:  # nothing follows the header, not even its line end
        return Unreadable("rows", "the file has a header and no rows", "drop a file with rows")
    if "straddl" in why:
        what = f"a row is longer than {BLOCK_BYTES >> 20} MiB"
        return Unreadable(
            "readable", what, "look for a quote that is never closed, or send such content as a file of its own"
        )
    return Unreadable("readable", f"the file cannot be read to its end: {why}", f"write it again; {INSTEAD}")


# JSON lines


def _open_json(file: Path, found: Format, wanted: Collection[str], skipped: Skipped) -> Rows:
    header: dict[str, None] = {}
    rows = Rows([], iter(()), skipped, is_foreign=bool(found.encoding))
    rows.batches = _json_batches(file, found, wanted, rows, header)
    return rows


def _json_batches(
    file: Path, found: Format, wanted: Collection[str], rows: Rows, header: dict[str, None]
) -> Iterator[pa.RecordBatch]:
    with closing(found.open(file)) as stream:
        lines = (line for line in _lines(stream) if line.strip())
        numbered = enumerate(lines, start=1)
        while block := list(itertools.islice(numbered, JSON_BATCH_ROWS)):
            read = [_object(number, line, wanted, header, rows.skipped) for number, line in block]
            objects = [value for value in read if value is not None]
            rows.header[:] = header
            columns = {name: _json_texts([value.get(name) for value in objects]) for name in wanted if name in header}
            schema = pa.schema([(name, pa.string()) for name in columns])
            yield pa.RecordBatch.from_pydict(columns, schema) if columns else _columnless(len(objects))


def _columnless(rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))


def _lines(stream: pa.NativeFile) -> Iterator[bytes]:
    """Lines of a stream, without the byte order mark; `Unreadable` for one that is longer than any row."""
    rest = stream.read(len(UTF8_MARK)).removeprefix(UTF8_MARK)
    while block := stream.read(BLOCK_BYTES):
        *whole, rest = (rest + block).split(b"\n")
        if len(rest) > BLOCK_BYTES:
            raise Unreadable("format", f"a line is longer than {BLOCK_BYTES >> 20} MiB", "send one object a line")
        yield from whole
    yield rest


def _object(
    number: int, line: bytes, wanted: Collection[str], header: dict[str, None], skipped: Skipped
) -> dict[str, object] | None:
    """The object of a line, or None, and the line is noted. Its names go to the header in either case."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        skipped.add(number, "no JSON object", line.decode(errors="replace"))
        return None
    if not value.keys() <= header.keys():
        header |= dict.fromkeys(value)
    odd = [*_odd_values(value, line, wanted)]
    if not odd:
        return value
    skipped.add(number, ", ".join(odd), line.decode(errors="replace"))
    return None


def _odd_values(value: Mapping[str, object], line: bytes, wanted: Collection[str]) -> Iterator[str]:
    """The wanted values that are no cell. Looked for only in lines with bytes that such a value needs."""
    if b"[" in line or line.count(b"{") > 1:
        yield from (f"{name} holds an object or a list" for name in wanted if isinstance(value.get(name), dict | list))
    if b"\\u" in line:
        yield from (f"{name} holds half a character" for name in wanted if not _is_utf8(value.get(name)))


def _is_utf8(value: object) -> bool:
    """Whether UTF-8 can write it, if it is text: an escape in JSON may name one half of a surrogate pair."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_texts(values: list[Any]) -> list[str | None]:
    """A column's values as JSON writes them, texts as they are. Numbers, which are most of what comes, without the encoder."""
    kinds = {*map(type, values)}
    if kinds == {int} or (kinds == {float} and all(map(math.isfinite, values))):
        return [*map(repr, values)]
    return values if kinds <= {str, NoneType} else [*map(_json_text, values)]


def _json_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    is_number = type(value) is int or (type(value) is float and math.isfinite(value))
    return repr(value) if is_number else json.dumps(value)


# Parquet


def _open_parquet(file: Path, wanted: Collection[str], skipped: Skipped) -> Rows:
    opened = parquet.ParquetFile(file, pre_buffer=False, page_checksum_verification=True)
    header = list(opened.schema_arrow.names)
    once = [name for name in header if name in wanted and header.count(name) == 1]
    if opened.metadata.num_rows * max(1, len(once)) * CELL_BYTES > room(file):
        raise swollen(f"says that it holds {opened.metadata.num_rows} rows, and unpacks", file)
    check_pages(file, opened.metadata, once)
    return Rows(header, opened.iter_batches(BATCH_ROWS, columns=once), skipped)
