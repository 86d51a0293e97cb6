"""The accepted rows of a drop written anew as a file of their own, and the refused ones with their reasons beside it.

The accepted file is CSV in UTF-8 with the contract's columns in the contract's order, every value between quotes as its kind is
written, a missing one empty: the same drop gives the same bytes, whatever its own format. Refused rows keep their cells as they
came, so that they can be mended and dropped again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from shared.data.as_text import as_it_came
from shared.data.cells import Cells, column_cells
from shared.data.opened import Skipped
from shared.data.part_rows import part_of
from shared.data.places import Places
from shared.data.rows import open_rows
from shared.data.rules import Contract, Rule
from shared.data.sieve import Mask, Sieve
from shared.data.telling import reason
from shared.data.verdict import ACCEPTED, REFUSED, Kept

ROW, WHY, TEXT = "refused_row", "refused_why", "refused_text"
OF_PART = ("refused_part", "refused_part_row")
"""Of a folder: the part in which the row stands, and the number that it has there."""
WRITTEN = csv.WriteOptions(quoting_style="all_valid")


@dataclass(frozen=True, slots=True)
class Sifted:
    """What was written: the accepted file, and the numbers that its rows have in the drop are those of `places`."""

    file: Path
    kept: Kept
    places: NDArray[np.int64]
    numbers: Places


def sift(file: Path, contract: Contract, sieve: Sieve, folder: Path, skipped: Sequence[int]) -> Sifted:
    """Read the drop once more and write both files into `folder`; the second only if a row was refused.

    `skipped` are the numbers of the rows that the first reading left out. `ValueError` if the drop changed meanwhile.
    """
    numbers, kinds = Places(skipped), {column.name: column.kind for column in contract.columns}
    reasons = {what: reason(what, kinds) for what in (*sieve.marks, *sieve.places)}
    refused = _Refused(folder / REFUSED, contract.names, of_parts=file.is_dir())
    places, first = list[NDArray[np.int64]](), 0
    with ExitStack() as stack:
        accepted = stack.enter_context(_writer(folder / ACCEPTED, contract.names))
        stack.enter_context(closing(refused))
        rows = open_rows(file, contract.names, contract.dialect, skipped=Skipped(tell=refused.add_text))
        refused.parts = rows.parts
        for batch in rows.batches:
            read = {name: column_cells(batch, name, kind) for name, kind in kinds.items()}
            marks = sieve.refused(first, batch.num_rows)
            out = np.logical_or.reduce([np.zeros(batch.num_rows, np.bool_), *marks.values()])
            columns = [pc.cast(column.values.filter(pa.array(~out)), pa.string()) for column in read.values()]
            accepted.write(pa.RecordBatch.from_arrays(columns, list(contract.names)))
            places.append(np.flatnonzero(~out) + first)
            if out.any():
                refused.add(
                    read, out, _why(marks, reasons, out), numbers.numbers((np.flatnonzero(out) + first).tolist())
                )
            first += batch.num_rows
    if rows.skipped.numbers != list(skipped):
        raise ValueError("rows of another shape came at other places the second time")
    kept = np.concatenate(places) if places else np.empty(0, np.int64)
    return Sifted(folder / ACCEPTED, _kept(folder / ACCEPTED, len(kept)), kept, numbers)


def _writer(file: Path, names: Sequence[str]) -> csv.CSVWriter:
    return csv.CSVWriter(str(file), pa.schema([(name, pa.string()) for name in names]), write_options=WRITTEN)


def _kept(file: Path, rows: int) -> Kept:
    with file.open("rb") as content:
        return Kept(hashlib.file_digest(content, "sha256").hexdigest(), rows, file.stat().st_size)


def _why(marks: Mapping[Rule | str, Mask], reasons: Mapping[Rule | str, str], out: Mask) -> list[str]:
    """The reasons of each refused row, in the contract's order."""
    found: list[list[str]] = [[] for _ in range(int(out.sum()))]
    order = np.cumsum(out) - 1
    for what in reasons:
        for place in np.flatnonzero(marks[what]).tolist() if what in marks else ():
            found[order[place]].append(reasons[what])
    return ["; ".join(listed) for listed in found]


class _Refused:
    """The file of refused rows, begun with the first one."""

    def __init__(self, file: Path, names: Sequence[str], *, of_parts: bool) -> None:
        self.parts: Sequence[tuple[str, int]] = ()
        self._file = file
        self._places = OF_PART if of_parts else ()
        self._names = (ROW, *self._places, WHY, TEXT, *names)
        self._writer: csv.CSVWriter | None = None

    def add(self, read: Mapping[str, Cells], out: Mask, why: Sequence[str], numbers: Sequence[int]) -> None:
        """Write the rows of a batch that are refused, as they came."""
        cells = [_texts(column, pa.array(out)) for column in read.values()]
        told = [pa.array(why, pa.string()), pa.nulls(len(why), pa.string())]
        self._write([*self._numbers(numbers), *told, *cells])

    def add_text(self, number: int, what: str, text: str) -> None:
        """Write a row of another shape, as one text."""
        begun = [*self._numbers([number]), *(pa.array([cell]) for cell in (f"another shape: {what}", text))]
        self._write([*begun, *[pa.nulls(1, pa.string())] * (len(self._names) - len(begun))])

    def _numbers(self, numbers: Sequence[int]) -> Iterator[pa.Array]:
        """The rows' numbers in the drop, and of a folder where they stand."""
        yield pa.array(map(str, numbers), pa.string())
        if self._places:
            found = [part_of(number, self.parts) for number in numbers]
            yield pa.array([name for name, _ in found], pa.string())
            yield pa.array([str(number) for _, number in found], pa.string())

    def _write(self, columns: Sequence[pa.Array]) -> None:
        if self._writer is None:
            self._writer = _writer(self._file, self._names)
        self._writer.write(pa.RecordBatch.from_arrays(list(columns), list(self._names)))

    def close(self) -> None:
        """End the file, if there is one."""
        if self._writer is not None:
            self._writer.close()


def _texts(column: Cells, out: pa.Array) -> pa.Array:
    """The picked cells of a column as they came."""
    raw = column.raw
    assert raw is not None, "rows are sorted by the careful reading"
    picked = raw.filter(out)
    if pa.types.is_string(picked.type):
        return picked
    return pa.array([as_it_came(value) if value.is_valid else None for value in picked], pa.string())
