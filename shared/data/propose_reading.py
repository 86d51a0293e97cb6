"""Files that have no contract yet, as columns: each with the narrowest kind that all its values are of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from shared.data.cells import cells
from shared.data.formats import Unreadable, recognise
from shared.data.opened import Rows
from shared.data.rows import open_rows
from shared.data.rules import Kind
from shared.errors import SpecRefused

LOOK_FIRST = 20  # cells that rule most kinds out
NARROW_FIRST: tuple[Kind, ...] = ("integer", "boolean", "date", "timestamp", "number")
NOT_ALL: dict[Kind, str] = {"integer": r"\.|^\s*[+-]?0[0-9]", "boolean": r"^\s*[01]\s*$", "number": r"^\s*[+-]?0[0-9]"}
"""What one reads as of a kind and does not mean: 1.0 is no whole number, 0 no truth, and 00123 a code."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A column of all files together: its values (null if missing) as its kind."""

    name: str
    kind: Kind
    values: pa.ChunkedArray

    @property
    def missing(self) -> int:
        """How many rows have no value."""
        return int(self.values.null_count)


class Anything(Collection[str]):
    """Holds every name, and lists none."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def seen(files: Sequence[Path]) -> list[Seen]:
    """The columns of files of the same shape; `SpecRefused` if one cannot be read whole or differs from the first."""
    tables = [_table(file) for file in files]
    names = list(tables[0])
    for file, table in zip(files, tables, strict=True):
        if set(table) != set(names):
            other = ", ".join(sorted({*table} ^ {*names}))
            raise _refused(file, f"its columns are not those of {files[0].name}: {other}")
    return [_column(name, [chunk for table in tables for chunk in table[name]]) for name in names]


def _table(file: Path) -> dict[str, list[pa.Array]]:
    try:
        rows = _opened(file)
        batches = list(rows.batches)
    except Unreadable as error:
        raise _refused(file, error.problem.what, error.problem.remedy) from error
    if len({*rows.header}) < len(rows.header):
        raise _refused(file, "two of its columns have the same name", "name each column once")
    if rows.skipped.numbers:
        why = f"row {rows.skipped.numbers[0]} has another shape than the header ({rows.skipped.samples[0]})"
        raise _refused(
            file, why, "mend the row, what is in an object or a list as columns of its own; or leave the file out"
        )
    if "" in rows.header:
        raise _refused(file, "one of its columns has no name", "name it, or leave it out")
    for name in rows.header:
        _check_texts(file, name, [batch[name] for batch in batches if name in batch.schema.names])
    if not any(batch.num_rows for batch in batches):
        raise _refused(file, "it has no rows", "give a file with rows")
    return {name: [_chunk(batch, name) for batch in batches] for name in rows.header}


def _check_texts(file: Path, name: str, chunks: Sequence[pa.Array]) -> None:
    if any(found.wrong is not None for found in (cells(chunk, "string") for chunk in chunks)):
        what = f"column {name} holds what is no text in UTF-8, or objects or lists"
        raise _refused(file, what, "save the file as UTF-8, and what is in an object or a list as columns of its own")


def _chunk(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A batch's column; a JSON field that comes late is missing in the batches before."""
    return batch[name] if name in batch.schema.names else pa.nulls(batch.num_rows, pa.string())


def _opened(file: Path) -> Rows:
    """JSON lines say their columns only at their end, so they are read twice."""
    rows = open_rows(file, Anything())
    if recognise(file).layout != "jsonl":
        return rows
    for _ in rows.batches:
        pass
    return open_rows(file, tuple(rows.header))


def _refused(file: Path, why: str, remedy: str = "mend the file, or leave it out") -> SpecRefused:
    return SpecRefused(f"No contract can be proposed from {file.name}: {why}.", next=remedy)


def _column(name: str, chunks: list[pa.Array]) -> Seen:
    for kind in NARROW_FIRST:
        if _read([chunk[:LOOK_FIRST] for chunk in chunks], kind) is not None:
            values = _read(chunks, kind)
            if values is not None and values.null_count < len(values) and _means(chunks, kind):
                return Seen(name, kind, values)
    return Seen(name, "string", pa.chunked_array([cells(chunk, "string").values for chunk in chunks]))


def _read(chunks: Sequence[pa.Array], kind: Kind) -> pa.ChunkedArray | None:
    """The cells as values of a kind; None if one cannot be."""
    read = [cells(chunk, kind) for chunk in chunks]
    if any(column.wrong is not None and column.wrong.true_count for column in read):
        return None
    return pa.chunked_array([column.values for column in read])


def _means(chunks: Sequence[pa.Array], kind: Kind) -> bool:
    """Whether cells that can be read as a kind are meant so; those of a typed file are what their type says."""
    found = chunks[0].type
    if not (pa.types.is_binary(found) or pa.types.is_string(found)):
        return bool({"integer": pa.types.is_integer(found), "boolean": pa.types.is_boolean(found)}.get(kind, True))
    pattern = NOT_ALL.get(kind)
    texts = (pc.cast(chunk, pa.string()) for chunk in chunks)
    return not pattern or not any(pc.any(pc.match_substring_regex(text, pattern)).as_py() for text in texts)
