"""What the rules pick, counted batch by batch: how many rows, the first of them, and what they hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from shared.data.as_text import as_it_came
from shared.data.cells import Cells, column_cells
from shared.data.picks import picked, repeats
from shared.data.references import among
from shared.data.rules import Contract, Foreign, Measured, Query, Repeated, Rule, Where
from shared.data.shown import shown
from shared.data.sieve import Sieve
from shared.data.sql import NotSql, Sum, query_number, where_mask

FIRST_ROWS = 10
SAMPLES = 5


@dataclass
class Count:
    """Picked rows: how many, and of the first ten their places (from 0) and of the first five what they hold.

    Of a rule that picks none, the number `measured`. `failed` says why a query could not be answered.
    """

    count: int = 0
    rows: list[int] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    measured: float | None = None
    failed: str = ""

    def add(self, mask: pa.Array, first_row: int, cells: Cells | Beside) -> None:
        """Count the rows of a batch where `mask` is true."""
        found = mask.true_count
        if found and len(self.rows) < FIRST_ROWS:
            places = np.flatnonzero(mask.to_numpy(zero_copy_only=False))[: FIRST_ROWS - len(self.rows)].tolist()
            self.samples += [shown(as_it_came(cells[place])) for place in places[: max(0, SAMPLES - len(self.samples))]]
            self.rows += [first_row + place for place in places]
        self.count += found

    def merge(self, later: Count, first_row: int) -> None:
        """Take in what was counted of later rows, the first of which has the place `first_row`."""
        self.samples += later.samples[: max(0, SAMPLES - len(self.samples))]
        self.rows += [first_row + row for row in later.rows[: max(0, FIRST_ROWS - len(self.rows))]]
        self.count += later.count
        self.failed = self.failed or later.failed


class Beside:
    """The cells of a row side by side, as one sample."""

    def __init__(self, columns: Mapping[str, Cells]) -> None:
        self._columns = columns

    def __getitem__(self, place: int) -> pa.Scalar:
        return pa.scalar(
            ", ".join(f"{name}={shown(as_it_came(column[place]))}" for name, column in self._columns.items())
        )


class Tally:
    """Counts for a contract over the batches of one file. A `sieve`, if given, takes in which rows are refused for what.

    Values of keys are remembered, unless `repeated` counts the rows that repeat one.
    """

    def __init__(
        self,
        contract: Contract,
        foreign: Mapping[Rule, pa.Array] | None = None,
        sieve: Sieve | None = None,
        repeated: Callable[[Rule], Count] | None = None,
    ) -> None:
        self.rows = 0
        self._sieve = sieve
        self._foreign = foreign or {}
        self._kinds = {column.name: column.kind for column in contract.columns}
        self._wrong = {column.name: Count() for column in contract.columns}
        self._counts = {rule: Count() for rule in contract.rules}
        self._repeats = repeated
        keys = {name for rule in contract.rules if isinstance(rule.test, Repeated) for name in rule.columns}
        keys = set() if repeated else keys
        keys |= {name for rule in contract.rules if isinstance(rule.test, Query) for name in rule.columns}
        self._keys: dict[str, list[pa.Array]] = {name: [] for name in sorted(keys)}
        self._sums = {rule: Sum(rule.test.function) for rule in contract.rules if isinstance(rule.test, Measured)}

    def __getstate__(self) -> dict[str, object]:
        """To be merged elsewhere: what foreign keys may be is not sent along."""
        return {**self.__dict__, "_foreign": {}}

    def add(self, batch: pa.RecordBatch, converted: Collection[str] = ()) -> Mapping[str, Cells]:
        """Count one batch; returns its cells as the contract reads them. A column that it lacks counts as missing values.

        Of the `converted` columns the text is gone: `TextGone` where a cell's would have to be read again, or told.
        """
        read = {
            name: column_cells(batch, name, kind, converted=name in converted) for name, kind in self._kinds.items()
        }
        for name, column in read.items():
            if column.wrong is not None:
                self._count(name, self._wrong[name], column.wrong, column)
        for rule, count in self._counts.items():
            if isinstance(rule.test, Where):
                self._ask(rule, rule.test, count, read, batch.num_rows)
            elif isinstance(rule.test, Measured):
                self._sums[rule].add(read[rule.columns[0]].values)
            elif isinstance(rule.test, Foreign):
                columns = {name: read[name] for name in rule.columns}
                mask = among([column.values for column in columns.values()], self._foreign.get(rule))
                self._count(rule, count, mask, Beside(columns) if len(columns) > 1 else columns[rule.columns[0]])
            elif len(rule.columns) == 1:
                name = rule.columns[0]
                mask = picked(rule.test, read[name], self._kinds[name])
                if mask is not None:
                    self._count(rule, count, mask, read[name])
        for name, parts in self._keys.items():
            parts.append(read[name].values)
        self.rows += batch.num_rows
        return read

    def merge(self, later: Tally) -> None:
        """Take in the counts of the rows that follow, from a part that was read elsewhere. It has none of repeated keys."""
        for name, count in later._wrong.items():
            self._wrong[name].merge(count, self.rows)
        for rule, count in later._counts.items():
            self._counts[rule].merge(count, self.rows)
        for rule, sums in later._sums.items():
            self._sums[rule].merge(sums)
        self.rows += later.rows

    def wrong(self, present: Sequence[str]) -> Iterator[tuple[str, Count]]:
        """For each column of the file with cells of the wrong kind: their count."""
        return ((name, count) for name, count in self._wrong.items() if name in present and count.count)

    def counts(self, present: Sequence[str]) -> Iterator[tuple[Rule, Count]]:
        """The count of each rule whose columns the file has."""
        for rule, count in self._counts.items():
            if all(name in present for name in rule.columns):
                yield rule, self._ended(rule, count)

    def _count(self, what: Rule | str, count: Count, mask: pa.Array, cells: Cells | Beside) -> None:
        count.add(mask, self.rows, cells)
        if self._sieve is not None:
            self._sieve.add(what, mask, self.rows)

    def _ask(self, rule: Rule, test: Where, count: Count, read: Mapping[str, Cells], rows: int) -> None:
        if count.failed:
            return
        columns = {name: read[name] for name in rule.columns}
        try:
            self._count(rule, count, where_mask(test, columns, rows), Beside(columns))
        except NotSql as error:
            count.failed = str(error)

    def _ended(self, rule: Rule, count: Count) -> Count:
        match rule.test:
            case Repeated():
                return self._repeats(rule) if self._repeats else self._repeated(rule)
            case Measured():
                return Count(measured=self._sums[rule].number)
            case Query():
                return self._queried(rule.test, rule.columns)
        return count

    def _queried(self, test: Query, names: Sequence[str]) -> Count:
        columns = {name: pa.chunked_array(self._keys[name]) for name in names}
        try:
            return Count(measured=query_number(test, columns, self.rows))
        except NotSql as error:
            return Count(failed=str(error))

    def _repeated(self, rule: Rule) -> Count:
        if not self.rows:
            return Count()
        keys = [pa.chunked_array(self._keys[name]) for name in rule.columns]
        found = repeats(keys)
        if self._sieve is not None:
            self._sieve.add_places(rule, found)
        first = found[:FIRST_ROWS].tolist()
        samples = [shown(", ".join(str(key[row].as_py()) for key in keys)) for row in first[:SAMPLES]]
        return Count(len(found), first, samples)
