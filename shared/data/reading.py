"""An accepted file as a table with the contract's types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from shared.data.casts import ARROW_TYPES
from shared.data.cells import column_cells
from shared.data.formats import Unreadable
from shared.data.rows import open_rows
from shared.data.rules import Contract
from shared.errors import Permanent

AGAIN = "`baton check` tells more; if the contract was changed, drop the file again under the new one"


def read_table(file: Path, contract: Contract) -> pa.Table:
    """The file's rows in order, with the contract's columns in the contract's order; a missing value is null.

    Reads as `check` does, so an accepted file is always read whole. `Permanent` for one that this contract would refuse.
    """
    return pa.Table.from_batches(read_batches(file, contract), schema_of(contract))


def schema_of(contract: Contract) -> pa.Schema:
    """The contract's columns, with their types as they are read."""
    return pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in contract.columns])


def read_batches(file: Path, contract: Contract) -> Iterator[pa.RecordBatch]:
    """The rows of `read_table`, a batch at a time."""
    schema = schema_of(contract)
    try:
        rows = open_rows(file, contract.names)
        for batch in rows.batches:
            yield _typed(batch, contract, schema, file)
    except Unreadable as error:
        raise _refused(file, str(error)) from error
    lacking = [name for name in contract.names if rows.header.count(name) != 1]
    if lacking or rows.skipped.numbers:
        why = f"it lacks {', '.join(lacking)}" if lacking else f"row {rows.skipped.numbers[0]} has another shape"
        raise _refused(file, why)


def _typed(batch: pa.RecordBatch, contract: Contract, schema: pa.Schema, file: Path) -> pa.RecordBatch:
    columns = []
    for name, kind in ((column.name, column.kind) for column in contract.columns):
        found = column_cells(batch, name, kind)
        if found.wrong is not None and found.wrong.true_count:
            raise _refused(file, f"{name} holds values that are no {kind}")
        columns.append(found.values)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _refused(file: Path, why: str) -> Permanent:
    return Permanent(f"{file.name} was accepted, but {why}", next=AGAIN)
