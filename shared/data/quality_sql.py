"""Quality rules in SQL: the standard's placeholders filled, tried on a table without rows, and understood."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.data.faults import Faults
from shared.data.rules import Kind, Limit, Measured, Outside, Query, Rule, Severity, Where
from shared.data.shown import shown
from shared.data.sql import NotSql, named_in, quoted, understood

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality

PLACEHOLDER = re.compile(r"\$?\{\s*(\w+)\s*\}")
OBJECTS, PROPERTIES = ("object", "table"), ("property", "column")


def sql_rule(
    item: DataQuality,
    where: str,
    columns: tuple[str, ...],
    kinds: Mapping[str, Kind],
    faults: Faults,
    *,
    table: str,
    limit: Limit | None,
    severity: Severity,
) -> Rule | None:
    """The rule of a `type: sql` entry; a fault if DuckDB cannot answer it from this one table."""
    sql = _filled(item.query or "", where, columns, faults, table)
    if not sql or not limit:
        return None
    try:
        test = understood(sql, table, kinds)
    except NotSql as error:
        faults.add(f"{where}.query", str(error), "one SELECT of one number from {object}, in DuckDB's SQL")
        return None
    if limit.percent and not isinstance(test, Where | Outside):
        faults.add(f"{where}.unit", "found percent", "none: only SELECT count(*) FROM {object} WHERE ... counts rows")
    if isinstance(test, Measured | Outside):
        about: tuple[str, ...] = (test.column,)
    else:
        about = tuple(dict.fromkeys((*columns, *named_in(sql, tuple(kinds)))))
    says = item.name or item.description or (shown(sql, 200) if isinstance(test, Query) else "")
    return Rule("sql", about, test, limit, severity, says)


def _filled(query: str, where: str, columns: tuple[str, ...], faults: Faults, table: str) -> str:
    known = {
        **dict.fromkeys(OBJECTS, quoted(table)),
        **{name: quoted(column) for column in columns for name in PROPERTIES},
    }
    if not query.strip():
        faults.add(f"{where}.query", "there is none", "SELECT avg({property}) FROM {object}")
    for name in sorted({*PLACEHOLDER.findall(query)} - {*known}):
        faults.unknown(f"{where}.query", "{" + name + "}", [f"{{{each}}}" for each in known])
        return ""
    return PLACEHOLDER.sub(lambda found: known[found[1]], query)
