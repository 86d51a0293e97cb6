"""The rows of a folder of parts, one part after the other: rows are numbered over all of them, and each part has the same columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from shared.data.folders import part_files
from shared.data.formats import Unreadable, recognise
from shared.data.opened import Rows, Skipped
from shared.data.rules import Dialect
from shared.data.shown import shown
from shared.data.verdict import Problem

TOLD = 3
Open = Callable[[Path, Skipped], Rows]


def open_parts(folder: Path, wanted: Collection[str], dialect: Dialect, skipped: Skipped, open_one: Open) -> Rows:
    """The rows of all parts. `Unreadable` names the part; one that lacks a column which the first has is unreadable too."""
    rows = Rows([], iter(()), skipped, is_foreign=True)
    rows.batches = _batches(part_files(folder), wanted, dialect, rows, open_one)
    return rows


def _batches(
    files: Sequence[Path], wanted: Collection[str], dialect: Dialect, rows: Rows, open_one: Open
) -> Iterator[pa.RecordBatch]:
    before, first = 0, list[str]()
    for file in files:
        rows.parts.append((file.name, before + 1))
        own, read = Skipped(tell=_counting_on(rows.skipped, before)), 0
        try:
            part = open_one(file, own)
            for batch in part.batches:
                read += batch.num_rows
                yield batch
            if recognise(file, dialect.encoding).layout != "jsonl":  # of JSON lines, writers leave out what is null
                _check_same(first or part.header, part.header, wanted, files[0].name)
                first = first or list(part.header)
        except Unreadable as error:
            raise _of_part(error, file.name) from error
        rows.header += [name for name in part.header if name not in rows.header or part.header.count(name) > 1]
        before += read + len(own.numbers)


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
        name, first = next((part, number) for part, number in reversed(parts) if number <= row)
        found.append(f"{shown(name, 120)} row {row - first + 1}")
    more = ", …" if problem.count > len(found) else ""
    return replace(problem, what=f"{problem.what}; in {', '.join(found)}{more}")
