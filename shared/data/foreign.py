"""Foreign keys of several columns: the relationships of a table in a contract, as rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from open_data_contract_standard.model import SchemaObject

from shared.data.faults import Faults
from shared.data.rules import Column, Foreign, Rule

LINK = re.compile(r"([a-z][a-z0-9-]*)\.(.+)")
RIGHT = "from: [TABLE.COLUMN, ...] of this table, and to: [MODEL.COLUMN, ...], as many of one other model's data"


def foreign_keys(table: SchemaObject, columns: Sequence[Column], where: str, faults: Faults) -> Iterator[Rule]:
    """The rules that a table's relationships make; one that cannot be followed is a fault."""
    names = _names(table, columns)
    for number, link in enumerate(table.relationships or []):
        place = f"{where}.relationships[{number}]"
        own = [names.get(_column(text, table), "") for text in _listed(link.from_)]
        to = [LINK.fullmatch(text) for text in _listed(link.to)]
        found = [match for match in to if match]
        if link.type not in (None, "foreignKey"):
            faults.add(place, f"found type {link.type!r}", "foreignKey")
        elif not all(own) or len(found) != len(to) or len({match[1] for match in found}) != 1 or len(own) != len(to):
            faults.add(place, f"found from {link.from_!r} to {link.to!r}", RIGHT)
        elif len({*own}) < len(own) or len({match[2] for match in found}) < len(found):
            faults.add(place, f"a column stands twice in {link.from_!r} or {link.to!r}", "each once")
        else:
            yield Rule("relationship", tuple(own), Foreign(found[0][1], tuple(match[2] for match in found)))


def _listed(said: str | list[str] | None) -> list[str]:
    return [said] if isinstance(said, str) else list(said or [])


def _names(table: SchemaObject, columns: Sequence[Column]) -> Mapping[str, str]:
    """The columns' names in the file, by each name that the contract gives them."""
    known = {column.name for column in columns}
    called = [(item.physicalName or item.name or "", item.name or "") for item in table.properties or []]
    return {name: file for file, logical in called for name in (logical, file) if file in known}


def _column(text: str, table: SchemaObject) -> str:
    """The column of `table.column`; that of another table is none."""
    called, _, column = text.rpartition(".")
    return column if called in ("", table.name, table.physicalName) else ""
