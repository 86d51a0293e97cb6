"""The profile of the training features that drift is measured against; it travels with the version, as reference.json."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa

from shared.data.cells import column_cells
from shared.data.profile import TIMES, Profile, ProfileUnreadable
from shared.data.rules import Contract
from shared.errors import Permanent

V = 2
TRAINED_ANEW = 'baton retrain MODEL --why "...", which writes it anew'


class ReferenceUnreadable(Permanent):
    """A version's reference.json is not what the training run writes."""


def reference(table: pa.Table, contract: Contract, *, without: Collection[str]) -> dict[str, object]:
    """The reference document: {"v": 2, "profile": what `Profile.to_dict` gives}, of the columns that a model may be asked with.

    Those are the contract's but times, which move on by themselves, and those named (key, target). Of a personal column it holds
    no value. More rows than a sketch keeps give other bytes each time, for the same training.
    """
    columns = [column for column in contract.columns if column.kind not in TIMES and column.name not in without]
    found = Profile.of(contract)
    found.columns = {column.name: found.columns[column.name] for column in columns}
    for batch in table.to_batches():
        found.add({column.name: column_cells(batch, column.name, column.kind) for column in columns}, batch.num_rows)
    return {"v": V, "profile": found.to_dict()}


def read_reference(document: Mapping[str, Any]) -> Profile:
    """The profile in a reference.json; `ReferenceUnreadable` if it is something else, or was written by Baton 0.1."""
    try:
        if document["v"] != V:
            raise ReferenceUnreadable(f"reference.json has form {document['v']!r:.20}, not {V}", next=TRAINED_ANEW)
        return Profile.from_dict(document["profile"])
    except (KeyError, TypeError, ProfileUnreadable) as error:
        raise ReferenceUnreadable(f"reference.json cannot be read ({error!r:.200})", next=TRAINED_ANEW) from error
