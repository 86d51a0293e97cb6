"""Foreign keys: the values that a column of another dataset's version holds, from its files in a folder of that name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from shared.data.cells import ARROW_TYPES, column_cells
from shared.data.formats import Unreadable
from shared.data.rows import open_rows
from shared.data.rules import Contract, Foreign, Kind, Rule
from shared.data.verdict import Problem


@dataclass(frozen=True, slots=True)
class Known:
    """The values that each foreign key may have, and what is told of those whose values are not at hand."""

    values: Mapping[Rule, pa.Array]
    problems: tuple[Problem, ...]


def known(contract: Contract, folder: Path | None) -> Known:
    """What the foreign keys of a contract may be: `folder` holds, for each dataset, a folder with its version's files.

    Without a folder they are told as not checked; with one, a dataset that it lacks refuses the file.
    """
    kinds = {column.name: column.kind for column in contract.columns}
    values, problems = {}, []
    for rule in contract.rules:
        if isinstance(rule.test, Foreign):
            found = _values(rule.test, kinds[rule.columns[0]], folder) if folder else None
            if found is None:
                problems.append(_not_there(rule, rule.test, has_folder=bool(folder)))
            else:
                values[rule] = found
    return Known(values, tuple(problems))


def _values(test: Foreign, kind: Kind, folder: Path) -> pa.Array | None:
    files = sorted((folder / test.dataset).glob("*"))
    try:
        chunks = [chunk for file in files for chunk in _chunks(file, test.column, kind)]
    except Unreadable:
        return None
    return pc.unique(pa.chunked_array(chunks, ARROW_TYPES[kind])) if chunks else None


def _chunks(file: Path, column: str, kind: Kind) -> Iterator[pa.Array]:
    for batch in open_rows(file, [column]).batches:
        yield pc.unique(column_cells(batch, column, kind).values)


def _not_there(rule: Rule, test: Foreign, *, has_folder: bool) -> Problem:
    column, other = rule.columns[0], f"{test.dataset}.{test.column}"
    if not has_folder:
        what = f"not checked: {column} must be among {other}, whose values are not at hand"
        remedy = f"baton check --reference {test.dataset}=FILE; arrival checks it against its current version"
        return Problem("not_checked", column, 0, (), (), what, remedy, "warning")
    what = f"{column} must be among {other}, of which no version with that column can be read"
    remedy = (
        f"drop a file for {test.dataset} first, and wait for its release; versions above the inline limit are not read"
    )
    return Problem(rule.name, column, 1, (), (), what, remedy, rule.severity)


def among(test: Foreign, values: pa.Array, allowed: pa.Array | None) -> pa.Array:
    """Where a value is none of those allowed; nowhere if they are not at hand, which is told apart."""
    if allowed is None:
        return pa.array([False] * len(values))
    return pc.and_not(pc.is_valid(values), pc.is_in(values, allowed))
