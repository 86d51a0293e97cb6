"""A contract's check on Spark, for data past one machine: each of Spark's tasks counts its part of the rows with the code of `check`,
and the parts make one verdict and one profile.

A task sees its rows as Arrow batches, by `mapInArrow`; what comes back is a few kB a column. Parts are put together in the order of
the rows, so that the verdict on a file is the one of `check`, row numbers included. What must see all rows at once is done by Spark
itself: repeated keys, by a window over them. pyspark is no requirement of Baton's: whoever calls this has it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa

from shared.data.cells import column_cells
from shared.data.look import told
from shared.data.opened import Rows
from shared.data.parts import Part
from shared.data.profile import Profile
from shared.data.references import Known, known
from shared.data.rules import Contract, Kind, Query, Rule
from shared.data.shown import shown
from shared.data.tally import FIRST_ROWS, SAMPLES, Count
from shared.data.verdict import Verdict
from shared.errors import Permanent

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Place: TypeAlias = tuple[str, int]
"""Where a part of the rows lies: the path of its file, and the byte at which Spark cut it off."""

PATH, START, ROW = "baton_path", "baton_start", "baton_row"
PLACE = f"`{PATH}` string, `{START}` long"
TIME_ZONE = "spark.sql.session.timeZone"
TEXT = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".gz", ".zst", ".bz2")
SPARK_TYPES: Mapping[Kind, str] = {
    "string": "string",
    "integer": "long",
    "number": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}


class NotOnSpark(Permanent):
    """A rule that only a machine with the whole file can answer, or rows of which Spark cannot say all that the contract asks."""


def check_on_spark(
    rows: DataFrame, contract: Contract, *, at: datetime | None = None, references: Path | None = None, sha256: str = ""
) -> tuple[Verdict, Profile]:
    """The verdict on all rows of a table that Spark reads from files, and their profile. `sha256` is what the verdict names them by.

    Row numbers count the rows of the files in the order of their paths, and within each as they lie. The age of rows is counted to
    `at`; foreign keys are looked for in `references`, a folder of the driver's, as `check` does. It reads the columns of the
    contract once, and those of a key once more; the session's time zone is UTC until it is done.

    `NotOnSpark` for a contract with a query over the whole table, or which refuses rows alone, and for rows from text or from no
    files; what Spark itself cannot read raises as Spark raises it.
    """
    _refuse(contract)
    foreign = known(contract, references)
    with _in_utc(rows):
        placed = _placed(rows, contract)
        found = {place: Part.from_bytes(content) for place, content in _looked(placed, contract, foreign)}
        firsts = _firsts(found)
        whole = Part.of(contract, foreign, lambda rule: _repeated(placed, contract, rule, firsts))
        for place in sorted(found):
            whole.merge(found[place])
        look = told(Rows(list(rows.columns), iter(())), whole.tally, whole.ages, contract, foreign, at=at)
    return Verdict(look.is_clean, sha256, look.total, look.header, look.all_problems), whole.profile


def _refuse(contract: Contract) -> None:
    queries = [rule for rule in contract.rules if isinstance(rule.test, Query)]
    if queries:
        what = f"the rule {queries[0].says or queries[0].name} asks DuckDB about the whole table, which no task of Spark's sees"
        todo = "write it as SELECT count(*) FROM {object} WHERE <condition on a row>, or avg, sum, min or max of one column"
        raise NotOnSpark(what, next=todo)
    if contract.floor_percent is not None:
        what = "the contract refuses rows alone, which writes the accepted ones as one new file"
        todo = "give Spark a contract without acceptance: rows, or check files that one machine can hold"
        raise NotOnSpark(what, next=todo)


@contextmanager
def _in_utc(rows: DataFrame) -> Iterator[None]:
    """Times come out of Spark in the time zone of its session."""
    conf = rows.sparkSession.conf
    before = conf.get(TIME_ZONE)
    conf.set(TIME_ZONE, "UTC")
    try:
        yield
    finally:
        conf.set(TIME_ZONE, before)


def _placed(rows: DataFrame, contract: Contract) -> DataFrame:
    """The contract's columns that the table has exactly once, and where each row lies."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as of

    texts = [path for path in rows.inputFiles() if PurePosixPath(path).suffix.casefold() in TEXT]
    if texts:
        what = f"{shown(texts[0])} is text, of which Spark cuts or fills rows of another shape in silence"
        raise NotOnSpark(what, next="check text with baton check, part by part, or write it as Parquet and check that")
    names = [name for name in contract.names if rows.columns.count(name) == 1]
    place = [of.col("_metadata.file_path").alias(PATH), of.col("_metadata.file_block_start").alias(START)]
    try:
        placed = rows.select(*(of.col(_quoted(name)) for name in names), *place)
        _ = placed.columns  # a session elsewhere analyses it no sooner
    except AnalysisException as error:
        what = "no files lie behind this table, so its rows have no order and no numbers"
        raise NotOnSpark(what, next="write it as Parquet and check what is read from there") from error
    return placed


def _looked(placed: DataFrame, contract: Contract, foreign: Known) -> Iterator[tuple[Place, bytes]]:
    """What the tasks found, by place."""

    def look(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found: dict[Place, Part] = {}
        for batch in batches:
            for place, rows in _by_place(batch):
                found.setdefault(place, Part.of(contract, foreign)).add(rows)
        for (path, start), part in found.items():
            yield pa.RecordBatch.from_pylist([{PATH: path, START: start, "found": part.to_bytes()}])

    for row in placed.mapInArrow(look, f"{PLACE}, found binary").collect():
        yield (row[PATH], row[START]), bytes(row["found"])


def _by_place(batch: pa.RecordBatch) -> Iterator[tuple[Place, pa.RecordBatch]]:
    """The runs of a batch's rows that lie in one place: Spark may give a task several."""
    paths = batch.column(PATH).dictionary_encode().indices.to_numpy()
    starts = batch.column(START).to_numpy()
    changes = np.flatnonzero((paths[1:] != paths[:-1]) | (starts[1:] != starts[:-1])) + 1
    for first, last in itertools.pairwise([0, *changes.tolist(), batch.num_rows]):
        if last > first:
            piece = batch.slice(first, last - first)
            yield (piece.column(PATH)[0].as_py(), int(starts[first])), piece


def _firsts(found: Mapping[Place, Part]) -> Mapping[Place, int]:
    """The number (from 0) of the first row of each part."""
    places = sorted(found)
    return dict(zip(places, itertools.accumulate((found[place].rows for place in places), initial=0), strict=False))


def _repeated(placed: DataFrame, contract: Contract, rule: Rule, firsts: Mapping[Place, int]) -> Count:
    """The rows that repeat an earlier row's key: Spark brings equal keys together, and numbers them in the order of the rows."""
    from pyspark.sql import Window
    from pyspark.sql import functions as of

    key = [of.col(_quoted(name)) for name in rule.columns]
    times = of.row_number().over(Window.partitionBy(*key).orderBy(PATH, START, ROW))
    repeats = _keys(placed, contract, rule).dropna().withColumn("baton_times", times).where("baton_times > 1")
    first = repeats.orderBy(PATH, START, ROW).limit(FIRST_ROWS + 1).toArrow()
    count = repeats.count() if first.num_rows > FIRST_ROWS else first.num_rows
    lying = zip(*(first.column(name).to_pylist()[:FIRST_ROWS] for name in (PATH, START, ROW)), strict=True)
    values = zip(*(first.column(name).to_pylist()[:SAMPLES] for name in rule.columns), strict=True)
    return Count(
        count,
        [firsts[path, start] + row for path, start, row in lying],
        [shown(", ".join(str(value) for value in row)) for row in values],
    )


def _keys(placed: DataFrame, contract: Contract, rule: Rule) -> DataFrame:
    """The key's values as the contract reads them, with the number of each row (from 0) in its place."""
    kinds = {column.name: column.kind for column in contract.columns if column.name in rule.columns}
    names = rule.columns

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        seen: dict[Place, int] = {}
        for batch in batches:
            for place, rows in _by_place(batch):
                first = seen.get(place, 0)
                seen[place] = first + rows.num_rows
                yield _numbered(rows, names, kinds, first)

    fields = ", ".join(f"{_quoted(name)} {SPARK_TYPES[kinds[name]]}" for name in names)
    wanted = placed.select(*(_quoted(name) for name in (*names, PATH, START)))
    return wanted.mapInArrow(read, f"{fields}, {PLACE}, `{ROW}` long")


def _numbered(rows: pa.RecordBatch, names: Sequence[str], kinds: Mapping[str, Kind], first: int) -> pa.RecordBatch:
    values = [column_cells(rows, name, kinds[name]).values for name in names]
    numbers = pa.array(np.arange(first, first + rows.num_rows, dtype=np.int64))
    columns = [*values, rows.column(PATH), rows.column(START), numbers]
    return pa.RecordBatch.from_arrays(columns, names=[*names, PATH, START, ROW])


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
