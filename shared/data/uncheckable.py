"""What the standard lets a contract demand and Baton cannot check: a fault each, with what to write instead.

Every other entry is held against files (contract.py and what it calls), or demands nothing of them and is listed in
docs/contracts.md as descriptive; a test goes through all entries of the standard's classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shared.data.own_properties import ENCODINGS, RIGHT
from shared.data.rules import OPERATORS, Dialect

if TYPE_CHECKING:
    from open_data_contract_standard.model import (
        DataQuality,
        OpenDataContractStandard,
        SchemaObject,
        SchemaProperty,
        Server,
        ServiceLevelAgreementProperty,
    )

    from shared.data.faults import Faults

NESTED = "none: a cell holds one value; write what lies within as columns of their own"
ROLES = ("column", "dimension")
ANY_TYPE = ("unit", *OPERATORS)
OF_TYPE: Mapping[str, tuple[str, ...]] = {
    "library": ("metric", "rule", "arguments", *ANY_TYPE),
    "sql": ("query", *ANY_TYPE),
    "text": (),
}
ASKED = ("metric", "rule", "arguments", "query", "engine", "implementation", "customProperties", *ANY_TYPE)
RECOGNISED = (*",;|\t", "new_line")
INFORMS = "info"


def refuse_in_contract(standard: OpenDataContractStandard, faults: Faults) -> None:
    """What stands beside the tables."""
    for entry in standard.customProperties or []:
        if entry.property in RIGHT:
            faults.add(
                f"customProperties.{entry.property}", "there it is about no table", "the same entry at the table"
            )


def refuse_in_table(
    table: SchemaObject, where: str, servers: Sequence[Server], dialect: Dialect, faults: Faults
) -> None:
    """What a table says beside its columns and rules, and what servers say of how its text is written."""
    if table.logicalType not in (None, "object"):
        faults.add(f"{where}.logicalType", f"found {table.logicalType!r}", "object: a file is a table")
    for number, server in enumerate(servers):
        place = f"servers.{server.server or number}"
        if server.encoding and not _read_anyway(server.encoding, dialect):
            right = f"also customProperties: [{{property: encoding, value: ...}}] at the table, one of {', '.join(ENCODINGS)}"
            faults.add(f"{place}.encoding", f"found {server.encoding!r}, which drops are not read in", right)
        if server.delimiter and server.delimiter not in (*RECOGNISED, dialect.delimiter):
            right = "also customProperties: [{property: delimiter, value: ...}] at the table; JSON is one object a line"
            faults.add(f"{place}.delimiter", f"found {server.delimiter!r}, by which drops are not read", right)


def _read_anyway(encoding: str, dialect: Dialect) -> bool:
    named = encoding.lower().replace("utf8", "utf-8").replace("utf16", "utf-16")
    return named in ("utf-8", "utf-16", "ascii", "us-ascii") or ENCODINGS.get(named, "?") == dialect.encoding


def refuse_in_property(item: SchemaProperty, name: str, faults: Faults) -> None:
    """What a column says of its values that no rule of Baton's holds against them."""
    for entry in ("properties", "items", "map"):
        if getattr(item, entry) is not None:
            faults.add(f"{name}.{entry}", "Baton cannot check it", NESTED)
    if item.semanticType not in (None, *ROLES):
        right = f"{' or '.join(ROLES)}; of a measure, which is no column of a file, a rule of type: sql says what it must be"
        faults.add(f"{name}.semanticType", f"found {item.semanticType!r}: Baton cannot check it", right)
    if (item.primaryKeyPosition or -1) > 0 and not item.primaryKey:
        faults.add(
            f"{name}.primaryKeyPosition", f"found {item.primaryKeyPosition} of no key", "primaryKey: true beside it"
        )
    for number, value in enumerate(item.enum or []):
        if "value" not in value.model_fields_set:
            faults.add(
                f"{name}.enum[{number}]", "it has no value", "value: ..., or null where a missing one is allowed"
            )
    if item.enum is not None and all(value.value is None for value in item.enum):
        faults.add(f"{name}.enum", "it allows no value", "the allowed values, or no enum")


def refuse_in_quality(item: DataQuality, where: str, faults: Faults) -> None:
    """Entries that the rule's type has no use for, and prose that does not say that it only informs."""
    fitting = OF_TYPE.get(item.type or "library")
    for entry in ASKED if fitting is not None else ():
        if getattr(item, entry) is not None and entry not in (fitting or ()):
            right = f"one of {', '.join(fitting)}" if fitting else "a rule of type: library or type: sql that has it"
            faults.add(f"{where}.{entry}", f"Baton cannot check it in a rule of type {item.type or 'library'}", right)
    if item.metric and item.rule and item.metric != item.rule:
        faults.add(f"{where}.rule", f"found {item.rule!r} beside metric {item.metric!r}", "metric alone")
    if item.type == "text" and (item.severity or "").lower() != INFORMS:
        right = f"a rule of type: sql or type: library that says it, or severity: {INFORMS} if it only informs readers"
        faults.add(f"{where}.type", "Baton cannot check a rule in prose", right)


def informs(item: ServiceLevelAgreementProperty, checked: Sequence[str], word: str, faults: Faults) -> bool:
    """Whether a level that no file shows says itself that it only informs; else it is a fault."""
    if word != INFORMS:
        right = f"{' or '.join(checked)}, or customProperties: [{{property: severity, value: {INFORMS}}}] if it only informs"
        faults.add(f"slaProperties.{item.property}", "no file shows whether it is kept", right)
    return word == INFORMS
