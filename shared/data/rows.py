"""A file's rows in batches: CSV, JSON lines and Parquet through one door, in memory that does not grow with the file."""

from __future__ import annotations

import csv as text_csv
import itertools
import json
import re
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

from shared.data.formats import INSTEAD, UTF8_MARK, Format, Unreadable, recognise, room, swollen
from shared.data.quotes import quoted
from shared.data.shown import shown

BLOCK_BYTES = 1 << 22  # no row is longer; the CSV reader reads up to 32 blocks ahead
BATCH_ROWS = 1 << 16  # of Parquet; a JSON row takes much more room until it is a row of columns
JSON_BATCH_ROWS = 1 << 13
DELIMITERS = (",", ";", "\t", "|")
SAMPLES = 5
CELL_BYTES = 8
NOT_UTF8_SHAPE = re.compile(r"CSV parse error: Row #(\d+): Expected .*\ufffd")


@dataclass
class Skipped:
    """Rows of another shape than the header: their numbers (1 is the first data row), and how the first of them look."""

    numbers: list[int] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)

    def add(self, number: int, sample: str) -> None:
        """Note a row that is left out of the batches."""
        self.numbers.append(number)
        if len(self.samples) < SAMPLES:
            self.samples.append(shown(sample))


@dataclass
class Rows:
    """An opened file. Once `batches` is exhausted, `header` and `skipped` are complete.

    Batches hold those of the wanted columns that the file has exactly once; CSV cells are bytes, JSON cells text.
    """

    header: list[str]
    batches: Iterator[pa.RecordBatch]
    skipped: Skipped = field(default_factory=Skipped)


def open_rows(file: Path, wanted: Collection[str]) -> Rows:
    """Open a file for reading its `wanted` columns. Opening and reading raise `Unreadable` for what the file is."""
    try:
        found = recognise(file)
        rows = {"csv": _open_csv, "jsonl": _open_json, "parquet": _open_parquet}[found.layout](file, found, wanted)
    except (pa.ArrowException, OSError) as error:
        raise _broken(error) from error
    return Rows(rows.header, _guarded(rows.batches), rows.skipped)


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
        return Unreadable("encoding", what, "save the file as UTF-8 (it looks like Latin-1)")
    return Unreadable("readable", f"the file cannot be read to its end: {why}", f"write it again; {INSTEAD}")


# CSV


def _open_csv(file: Path, found: Format, wanted: Collection[str]) -> Rows:
    header, delimiter = _header(file, found, wanted)
    once = [name for name in header if name in wanted and header.count(name) == 1]
    skipped = Skipped()

    def skip(row: csv.InvalidRow) -> str:
        skipped.add(row.number - 1, f"{row.actual_columns} cells: {row.text}")
        return "skip"

    batches = csv.open_csv(
        quoted(found.open(file), delimiter),
        read_options=csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
        parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip),
        convert_options=csv.ConvertOptions(
            include_columns=once,
            column_types=dict.fromkeys(once, pa.binary()),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
    return Rows(header, iter(batches), skipped)


def _header(file: Path, found: Format, wanted: Collection[str]) -> tuple[list[str], str]:
    """The columns' names, and the mark between them: the first that makes one of the wanted names."""
    with closing(found.open(file)) as stream:
        start = stream.read(BLOCK_BYTES).removeprefix(UTF8_MARK)
    first = next((line for line in start.splitlines() if line.strip()), b"")
    try:
        line = first.decode()
    except UnicodeDecodeError:
        sample = shown(first.decode("latin-1"))
        raise Unreadable(
            "encoding", "the header is not UTF-8; it looks like Latin-1", "save the file as UTF-8", (sample,)
        ) from None
    for delimiter in DELIMITERS:
        header = _names(line, delimiter)
        if any(name in wanted for name in header):
            return header, delimiter
    remedy = f"make the first line {','.join(wanted)}; {INSTEAD}"
    what = "the first line names no column of the contract"
    raise Unreadable("header", what, shown(remedy, 400), (shown(line),))


def _names(line: str, delimiter: str) -> list[str]:
    try:
        return next(text_csv.reader([line], delimiter=delimiter, strict=True), [])
    except text_csv.Error:  # another mark stands after a quoted name
        return []


# JSON lines


def _open_json(file: Path, found: Format, wanted: Collection[str]) -> Rows:
    header: dict[str, None] = {}
    rows = Rows([], iter(()))
    rows.batches = _json_batches(file, found, wanted, rows, header)
    return rows


def _json_batches(
    file: Path, found: Format, wanted: Collection[str], rows: Rows, header: dict[str, None]
) -> Iterator[pa.RecordBatch]:
    with closing(found.open(file)) as stream:
        lines = (line for line in _lines(stream) if line.strip())
        numbered = enumerate(lines, start=1)
        while block := list(itertools.islice(numbered, JSON_BATCH_ROWS)):
            objects = [value for number, line in block if (value := _object(number, line, rows.skipped)) is not None]
            header |= dict.fromkeys(name for value in objects for name in value)
            rows.header[:] = header
            columns = {name: [_json_text(value.get(name)) for value in objects] for name in wanted if name in header}
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


def _object(number: int, line: bytes, skipped: Skipped) -> dict[str, object] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    skipped.add(number, f"no JSON object: {line[:200].decode(errors='replace')}")
    return None


def _json_text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


# Parquet


def _open_parquet(file: Path, found: Format, wanted: Collection[str]) -> Rows:
    opened = parquet.ParquetFile(file, pre_buffer=False)
    header = list(opened.schema_arrow.names)
    once = [name for name in header if name in wanted and header.count(name) == 1]
    if opened.metadata.num_rows * max(1, len(once)) * CELL_BYTES > room(file):
        raise swollen(f"says that it holds {opened.metadata.num_rows} rows, and unpacks")
    return Rows(header, opened.iter_batches(BATCH_ROWS, columns=once))
