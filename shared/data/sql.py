"""SQL rules of a contract, by DuckDB over a file's typed rows: without files, network or settings of its own.

A condition on rows (`SELECT count(*) FROM {object} WHERE ...`) is asked batch by batch, so its rows have numbers and
nothing is kept. A measure of one column (`SELECT avg({property}) FROM {object}`) and the condition that it is `NOT BETWEEN`
two numbers need no DuckDB. Any other query sees the whole file: the columns that it names are held in memory.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from shared.data.casts import ARROW_TYPES
from shared.data.cells import Cells
from shared.data.rules import Kind, Measured, Outside, Query, Where

if TYPE_CHECKING:
    import duckdb

MEMORY = "512MB"
SECONDS_WITHOUT_ROWS = 5.0
"""A query that takes longer on a table without rows would never end on one with them."""
LOCKED = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",
    "threads": "1",
    "memory_limit": MEMORY,
}
CHANGING = re.compile(
    r"\b(?:(?:random|setseed|now|today|age|uuid\w*|gen_random_uuid|nextval|currval|setval|sleep_ms|write_log|txid_current"
    r"|getvariable|get_current_\w+|current_\w+|transaction_timestamp)\s*\("
    r"|current_(?:date|time|timestamp)\b|localtime\w*\b|tablesample\b|using\s+sample\b)",
    re.IGNORECASE,
)
COUNTING = re.compile(
    r"^\s*select\s+count\(\s*\*\s*\)\s+from\s+(\S+)\s+where\s+(.+?)[\s;]*$", re.IGNORECASE | re.DOTALL
)
MEASURING = re.compile(
    r"^\s*select\s+(avg|min|max|sum)\(\s*(.+?)\s*\)\s+from\s+(\S+?)[\s;]*$", re.IGNORECASE | re.DOTALL
)
NUMBER = r"([+-]?\d+(?:\.\d*)?)"
OUTSIDE = re.compile(rf"^\s*(.+?)\s+not\s+between\s+{NUMBER}\s+and\s+{NUMBER}\s*$", re.IGNORECASE | re.DOTALL)
TEXT = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


class NotSql(ValueError):
    """A query that cannot be a rule; its text says why."""


def quoted(name: str) -> str:
    """A name as SQL reads it whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def locked(table: str, rows: pa.Table) -> duckdb.DuckDBPyConnection:
    """DuckDB with this one table, from which nothing leads out: no file, no network, no setting, no variable of ours."""
    connection = _engine().cursor()
    connection.register(table, rows)
    return connection


@functools.cache
def _engine() -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(":memory:", config={**LOCKED})
    connection.execute("SET GLOBAL TimeZone='UTC'")
    connection.execute("SET lock_configuration=true")
    return connection


def understood(sql: str, table: str, kinds: Mapping[str, Kind]) -> Where | Outside | Measured | Query:
    """What a query with its placeholders filled asks for, tried on a table without rows; `NotSql` if it cannot be a rule.

    >>> understood('SELECT avg("A") FROM "t"', "t", {"A": "number"})
    Measured(column='A', function='avg')
    """
    changing = CHANGING.search(TEXT.sub("''", sql))
    if changing:
        raise NotSql(f"{changing[0].rstrip('( ')} gives another answer each time")
    measuring, counting = MEASURING.match(sql), COUNTING.match(sql)
    if measuring and measuring[3] in _names(table) and (column := _numeric(measuring[2], kinds)):
        return Measured(column, measuring[1].lower())
    outside = OUTSIDE.match(counting[2]) if counting and counting[1] in _names(table) else None
    if outside and (column := _numeric(outside[1], kinds)):
        return Outside(column, float(outside[2]), float(outside[3]))
    _try(sql, table, kinds)
    if counting and counting[1] in _names(table) and _by_row(counting[2], table, kinds):
        return Where(table, counting[2])
    return Query(table, sql)


def _names(table: str) -> tuple[str, str]:
    return table, quoted(table)


def _numeric(text: str, kinds: Mapping[str, Kind]) -> str:
    """The numeric column that a text names, if it does."""
    found = (name for name, kind in kinds.items() if text in _names(name) and kind in ("number", "integer"))
    return next(found, "")


def _try(sql: str, table: str, kinds: Mapping[str, Kind]) -> None:
    import duckdb

    connection = locked(table, _empty(kinds))
    late = threading.Timer(SECONDS_WITHOUT_ROWS, connection.interrupt)
    late.daemon = True
    late.start()
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise NotSql("it is not one SELECT")
        columns = connection.sql(sql).to_arrow_table().schema.types
    except duckdb.Error as error:
        raise NotSql(" ".join(str(error).split())[:300]) from error
    finally:
        late.cancel()
    if len(columns) != 1 or not _number_or_truth(columns[0]):
        raise NotSql(f"it gives {', '.join(map(str, columns))}, not one number or one true or false")


def _empty(kinds: Mapping[str, Kind]) -> pa.Table:
    return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in kinds.items()]).empty_table()


def _number_or_truth(found: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(found) or types.is_floating(found) or types.is_decimal(found) or types.is_boolean(found)
    )


def _by_row(condition: str, table: str, kinds: Mapping[str, Kind]) -> bool:
    """Whether a condition looks at one row at a time: it holds in parentheses, and asks nothing of the table itself."""
    if re.search(r"\b(select|over|from)\b", TEXT.sub("''", condition), re.IGNORECASE):
        return False
    try:
        _try(f"SELECT ({condition}) FROM {quoted(table)}", table, kinds)  # noqa: S608 - the contract's own, locked in
    except NotSql:
        return False
    return True


def named_in(sql: str, columns: Collection[str]) -> tuple[str, ...]:
    """Those of the columns that a query may be about: all for `*`, else those whose names it holds."""
    words = re.sub(r"count\(\s*\*\s*\)", "", sql, flags=re.IGNORECASE).casefold()
    if re.search(r"\*\s*(from|exclude|replace|,|\))", words):
        return tuple(columns)
    return tuple(name for name in columns if re.search(rf"(?<!\w){re.escape(name.casefold())}(?!\w)", words))


def where_mask(test: Where, columns: Mapping[str, Cells], rows: int) -> pa.Array:
    """Where a condition is true, among the rows of a batch; `NotSql` if it cannot be answered for them."""
    table = pa.table({name: column.values for name, column in columns.items()} or {"": pa.nulls(rows)})
    sql = f"SELECT coalesce(({test.condition}), false) FROM {quoted(test.table)}"  # noqa: S608 - the contract's own, locked in
    return _answer(sql, test.table, table).combine_chunks().cast(pa.bool_())


def query_number(test: Query, columns: Mapping[str, pa.ChunkedArray], rows: int) -> float | None:
    """The number that a query gives for a whole file, None if it gives none; `NotSql` if it fails on these values."""
    table = pa.table(dict(columns) or {"": pa.nulls(rows)})
    answer = _answer(test.sql, test.table, table)
    if len(answer) != 1:
        raise NotSql(f"it gives {len(answer)} rows")
    value = answer[0].as_py()
    return None if value is None else float(value)


def _answer(sql: str, table: str, rows: pa.Table) -> pa.ChunkedArray:
    """What a query gives. Of an error only its kind is told: the rest would repeat a value."""
    import duckdb

    try:
        return locked(table, rows).sql(sql).to_arrow_table().column(0)
    except duckdb.Error as error:
        raise NotSql(str(error).split(":")[0]) from error


class Sum:
    """A measure of one column, added up batch by batch."""

    def __init__(self, function: str) -> None:
        self._function = function
        self._count = 0
        self._found: float | None = None

    def add(self, values: pa.Array) -> None:
        """Add a batch's values; missing and wrong ones do not count."""
        if len(values) == values.null_count:
            return
        self._count += len(values) - values.null_count
        if self._function in ("min", "max"):
            found = pc.call_function(self._function, [values]).as_py()
            ends = (found, found if self._found is None else self._found)
            self._found = min(ends) if self._function == "min" else max(ends)
        else:
            self._found = (self._found or 0.0) + pc.sum(pc.cast(values, pa.float64(), safe=False)).as_py()

    def merge(self, other: Sum) -> None:
        """Take in what another has added up."""
        self._count += other._count
        if other._found is None or self._found is None:
            self._found = other._found if self._found is None else self._found
        elif self._function in ("min", "max"):
            self._found = {"min": min, "max": max}[self._function](self._found, other._found)
        else:
            self._found += other._found

    @property
    def number(self) -> float | None:
        """The measure; None without any value, as SQL has it."""
        return self._found / self._count if self._function == "avg" and self._found is not None else self._found
