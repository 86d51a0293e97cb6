"""What a run learns from and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows to train on, and those that no training ever sees; `new_holdout` of these come from files that are new
    in the version, so no model was judged by them before.
    """

    train: pa.Table
    holdout: pa.Table
    new_holdout: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """The training rows in two: those that trials are trained on, and those that choose among them."""

    train: pa.Table
    validation: pa.Table


def evenly(table: pa.Table, most: int) -> pa.Table:
    """All rows, or so many of them, evenly from first to last."""
    if table.num_rows <= most:
        return table
    return table.take([place * table.num_rows // most for place in range(most)])
