"""An accepted file as a table with the contract's types."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from shared.data.cells import ARROW_TYPES, Cells, cells
from shared.data.formats import Unreadable
from shared.data.rows import open_rows
from shared.data.rules import Contract
from shared.errors import Permanent

AGAIN = "`baton check` tells more; if the contract was changed, drop the file again under the new one"


def read_table(file: Path, contract: Contract) -> pa.Table:
    """The file's rows in order, with the contract's columns in the contract's order; a missing value is null.

    Reads as `check` does, so an accepted file is always read whole. `Permanent` for a file that this contract refuses.
    """
    schema = pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in contract.columns])
    try:
        rows = open_rows(file, contract.names)
        batches = [_typed(batch, contract, schema, file) for batch in rows.batches]
    except Unreadable as error:
        raise Permanent(f"{file.name}: {error}", next=AGAIN) from error
    lacking = [name for name in contract.names if rows.header.count(name) != 1]
    if lacking or rows.skipped.numbers:
        why = f"it lacks {', '.join(lacking)}" if lacking else f"row {rows.skipped.numbers[0]} has another shape"
        raise Permanent(f"{file.name} does not fit its contract: {why}", next=AGAIN)
    return pa.Table.from_batches(batches, schema)


def _typed(batch: pa.RecordBatch, contract: Contract, schema: pa.Schema, file: Path) -> pa.RecordBatch:
    columns = []
    for name, kind in ((column.name, column.kind) for column in contract.columns):
        place = batch.schema.get_field_index(name)
        found = (
            cells(batch.column(place), kind)
            if place >= 0
            else Cells(batch, pa.nulls(batch.num_rows, ARROW_TYPES[kind]))
        )
        if found.wrong is not None and found.wrong.true_count:
            raise Permanent(
                f"{file.name} does not fit its contract: {name} holds values that are no {kind}", next=AGAIN
            )
        columns.append(found.values)
    return pa.RecordBatch.from_arrays(columns, schema=schema)
