"""The rows of a folder of parts, one part after the other: rows are numbered over all of them, and each part has the same columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from shared.data.folders import part_files, part_name
from shared.data.formats import Unreadable, recognise
from shared.data.opened import Rows, Skipped
from shared.data.partitions import clash, partition_of
from shared.data.rules import Dialect
from shared.data.shown import shown
from shared.data.verdict import Problem

TOLD = 3
Open = Callable[[Path, Skipped], Rows]


def open_parts(folder: Path, wanted: Collection[str], dialect: Dialect, skipped: Skipped, open_one: Open) -> Rows:
    """The rows of all parts. `Unreadable` names the part; one that lacks a column which the first has is unreadable too."""
    rows = Rows([], iter(()), skipped, is_foreign=True)
    files = {part_name(file, folder): file for file in part_files(folder)}
    rows.batches = _batches(files, wanted, dialect, rows, open_one)
    return rows


def _batches(
    files: Mapping[str, Path], wanted: Collection[str], dialect: Dialect, rows: Rows, open_one: Open
) -> Iterator[pa.RecordBatch]:
    before, first = 0, list[str]()
    for name, file in files.items():
        rows.parts.append((name, before + 1))
        partition = partition_of(name)
        own, read = Skipped(tell=_counting_on(rows.skipped, before)), 0
        try:
            part = open_one(file, own)
            for batch in part.batches:
                read += batch.num_rows
                yield _with_partition(batch, partition, wanted)
            if twice := clash(partition, part.header):
                what = f"column {shown(twice)} stands in its path, and in the part as well"
                raise Unreadable("header", what, "write it once, into the path or into the part")
            if recognise(file, dialect.encoding).layout != "jsonl":  # of JSON lines, writers leave out what is null
                _check_same(first or part.header, part.header, wanted, next(iter(files)))
                first = first or list(part.header)
        except Unreadable as error:
            raise _of_part(error, name) from error
        rows.header += [column for column in partition if column not in rows.header]
        rows.header += [name for name in part.header if name not in rows.header or part.header.count(name) > 1]
        before += read + len(own.numbers)


def _with_partition(
    batch: pa.RecordBatch, partition: Mapping[str, str | None], wanted: Collection[str]
) -> pa.RecordBatch:
    """The rows with the columns that stand in their part's path, as texts."""
    for column, value in partition.items():
        if column in wanted:
            batch = batch.append_column(column, pa.repeat(pa.scalar(value, pa.string()), batch.num_rows))
    return batch


def _counting_on(skipped: Skipped, before: int) -> Callable[[int, str, str], None]:
    return lambda number, what, text: skipped.add(before + number, what, text)


def _check_same(first: Sequence[str], found: Sequence[str], wanted: Collection[str], name: str) -> None:
    lacking = [column for column in wanted if first.count(column) == 1 and column not in found]
    more = [column for column in wanted if column not in first and column in found]
    if lacking or more:
        what = f"it lacks column {', '.join(lacking)}" if lacking else f"it has column {', '.join(more)}"
        what += f", which {name} {'has' if lacking else 'lacks'}"
        raise Unreadable("header", what, "write all parts with the same columns")


def _of_part(error: Unreadable, name: str) -> Unreadable:
    problem = error.problem
    remedy = problem.remedy
    if problem.rule == "header" and "names no column" in problem.what:
        remedy += "; Spark writes it with .option('header', True)"
    return Unreadable(problem.rule, f"part {shown(name, 120)}: {problem.what}", remedy, problem.samples)


def part_of(row: int, parts: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """The part in which a row of the drop stands, by its number, and the number that it has there."""
    name, first = next((part, number) for part, number in reversed(parts) if number <= row)
    return name, row - first + 1


def placed(problem: Problem, parts: Sequence[tuple[str, int]]) -> Problem:
    """The problem with the parts in which its first rows stand.

    >>> one = Problem("required", "X", 2, (2, 5), (), "X: 2 of 6 values are missing", "")
    >>> placed(one, [("a.csv", 1), ("b.csv", 4)]).what
    'X: 2 of 6 values are missing; in a.csv row 2, b.csv row 2'
    """
    if not problem.rows or not parts:
        return problem
    found = []
    for row in problem.rows[:TOLD]:
        name, number = part_of(row, parts)
        found.append(f"{shown(name, 120)} row {number}")
    more = ", …" if problem.count > len(found) else ""
    return replace(problem, what=f"{problem.what}; in {', '.join(found)}{more}")
