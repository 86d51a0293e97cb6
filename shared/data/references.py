"""Foreign keys: the values that columns of another dataset's version hold, from its files in a folder of that name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from shared.data.cells import column_cells
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
            found = _values(rule.test, [kinds[name] for name in rule.columns], folder) if folder else None
            if found is None:
                problems.append(_not_there(rule, rule.test, has_folder=bool(folder)))
            else:
                values[rule] = found
    return Known(values, tuple(problems))


def _values(test: Foreign, kinds: Sequence[Kind], folder: Path) -> pa.Array | None:
    files = sorted((folder / test.dataset).glob("*"))
    try:
        chunks = [chunk for file in files for chunk in _chunks(file, test.columns, kinds)]
    except Unreadable:
        return None
    return pc.unique(pa.chunked_array(chunks)) if chunks else None


def _chunks(file: Path, columns: Sequence[str], kinds: Sequence[Kind]) -> Iterator[pa.Array]:
    for batch in open_rows(file, columns).batches:
        if any(name not in batch.schema.names for name in columns):
            raise Unreadable("header", f"the version lacks {', '.join(columns)}", "")
        read = [column_cells(batch, name, kind).values for name, kind in zip(columns, kinds, strict=True)]
        yield pc.unique(together(read))


def together(columns: Sequence[pa.Array]) -> pa.Array:
    """The values of each row as one: those of one column as they are, several as a text that no other values make.

    Null where one of them is missing.
    """
    if len(columns) == 1:
        return columns[0]
    texts = [pc.cast(column, pa.string()) for column in columns]
    # the length before each text keeps ("ab", "c") and ("a", "bc") apart
    pieces = [pc.binary_join_element_wise(pc.cast(pc.binary_length(text), pa.string()), text, ":") for text in texts]
    return pc.binary_join_element_wise(*pieces, "")


def _not_there(rule: Rule, test: Foreign, *, has_folder: bool) -> Problem:
    names = ", ".join(rule.columns)
    if not has_folder:
        what = f"not checked: {names} must be among {test}, whose values are not at hand"
        remedy = f"baton check --reference {test.dataset}=FILE; arrival checks it against its current version"
        return Problem("not_checked", names, 0, (), (), what, remedy, "warning")
    that = "that column" if len(rule.columns) == 1 else "those columns"
    what = f"{names} must be among {test}, of which no version with {that} can be read"
    remedy = f"drop a file for {test.dataset} first, and wait for its release"
    return Problem(rule.name, names, 1, (), (), what, remedy, rule.severity)


def among(columns: Sequence[pa.Array], allowed: pa.Array | None) -> pa.Array:
    """Where the values of a row together are none of those allowed; nowhere if they are not at hand, which is told apart."""
    if allowed is None:
        return pa.array([False] * len(columns[0]))
    values = together(columns)
    return pc.and_not(pc.is_valid(values), pc.is_in(values, allowed))
