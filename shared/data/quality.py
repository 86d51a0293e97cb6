"""Quality rules of a contract: the standard's library metrics, held against their limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shared.data.faults import Faults
from shared.data.options import pattern_rule, scalars
from shared.data.quality_sql import sql_rule
from shared.data.rules import OPERATORS, AnyRow, Kind, Limit, Missing, NotIn, Repeated, Rule, Severity, Test
from shared.data.uncheckable import refuse_in_quality

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality

COLUMN_METRICS = ("nullValues", "missingValues", "invalidValues", "duplicateValues")
TABLE_METRICS = ("rowCount", "duplicateValues")
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "missingValues": ("missingValues",),
    "invalidValues": ("validValues", "pattern"),
    "duplicateValues": ("properties",),
}
SEVERITIES: Mapping[str, Severity] = {"error": "error", "warning": "warning", "info": "warning"}
UNITS = ("rows", "percent")


def quality_rules(
    items: Sequence[DataQuality] | None,
    where: str,
    columns: tuple[str, ...],
    kinds: Mapping[str, Kind],
    faults: Faults,
    *,
    table: str = "rows",
) -> list[Rule]:
    """The rules of a `quality` list. `columns` is the property's, or empty at table level; SQL calls the file `table`."""
    rules = []
    for number, item in enumerate(items or []):
        place = f"{where}.quality[{number}]"
        refuse_in_quality(item, place, faults)
        if item.type == "sql":
            limit, severity = _limit(item, place, faults), _severity(item, place, faults)
            rules.append(sql_rule(item, place, columns, kinds, faults, table=table, limit=limit, severity=severity))
        elif item.type != "text":
            rules.append(_rule(item, place, columns, kinds, faults))
    return [rule for rule in rules if rule]


def prose_rules(items: Sequence[DataQuality] | None, where: str) -> list[str]:
    """The rules of a `quality` list that are there to inform."""
    return [f"{where}: {item.description or item.name or 'a rule'}" for item in items or [] if item.type == "text"]


def _rule(
    item: DataQuality, where: str, columns: tuple[str, ...], kinds: Mapping[str, Kind], faults: Faults
) -> Rule | None:
    metric, known = item.metric or item.rule or "", COLUMN_METRICS if columns else TABLE_METRICS
    if item.type not in (None, "library"):
        faults.add(
            f"{where}.type",
            f"{item.type} rules run in another engine",
            "type: library with a metric, or type: sql with a query",
        )
    elif metric not in known:
        faults.add(f"{where}.metric", f"found {metric!r}", f"one of {', '.join(known)}")
    else:
        limit, severity = _limit(item, where, faults), _severity(item, where, faults)
        columns = _columns(item, metric, where, columns, kinds, faults)
        test = _test(item, metric, where, kinds.get(columns[0] if columns else "", "string"), faults)
        return Rule(metric, columns, test, limit, severity) if test and limit else None
    return None


def _limit(item: DataQuality, where: str, faults: Faults) -> Limit | None:
    used = {name: getattr(item, name) for name in OPERATORS if getattr(item, name) is not None}
    if len(used) != 1:
        faults.add(where, f"it has {len(used)} operators", f"one of {', '.join(OPERATORS)}")
        return None
    if item.unit not in (None, *UNITS):
        faults.add(f"{where}.unit", f"found {item.unit!r}", " or ".join(UNITS))
    operator, found = next(iter(used.items()))
    values = found if isinstance(found, list) else [found]
    if item.type == "sql" and isinstance(found, bool):
        values = [int(found)]
    single = not operator.endswith("Between")
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if not numbers or len(values) != (1 if single else 2):
        faults.add(f"{where}.{operator}", f"found {found!r}", "a number of rows, or of percent with unit: percent")
        return None
    if not single and values[0] > values[1]:
        faults.add(f"{where}.{operator}", f"found {found!r}", "the smaller number first")
    return Limit(operator, tuple(map(float, values)), percent=item.unit == "percent")


def _severity(item: DataQuality, where: str, faults: Faults) -> Severity:
    word = (item.severity or "error").lower()
    if word not in SEVERITIES:
        faults.add(f"{where}.severity", f"found {item.severity!r}", " or ".join(SEVERITIES))
    return SEVERITIES.get(word, "error")


def _columns(
    item: DataQuality, metric: str, where: str, columns: tuple[str, ...], kinds: Mapping[str, Kind], faults: Faults
) -> tuple[str, ...]:
    """A table's rule names its columns; without any, duplicateValues is about whole rows."""
    named = tuple(map(str, (item.arguments or {}).get("properties") or ()))
    for name in named:
        if name not in kinds:
            faults.add(f"{where}.arguments.properties", f"there is no column {name!r}", f"any of {', '.join(kinds)}")
    if columns and named:
        right = f"none: it is about {columns[0]}, or the rule at the table"
        faults.add(f"{where}.arguments.properties", f"found {', '.join(named)}", right)
    if metric == "rowCount" and item.unit == "percent":
        faults.add(f"{where}.unit", "found percent", "rows: all rows are 100 % of them")
    if columns or metric == "rowCount":
        return columns
    return named or tuple(kinds)


def _test(item: DataQuality, metric: str, where: str, kind: Kind, faults: Faults) -> Test | None:
    arguments = item.arguments or {}
    for name in arguments.keys() - {*ARGUMENTS.get(metric, ())}:
        faults.unknown(f"{where}.arguments", name, ARGUMENTS.get(metric, ()) or ("none for this metric",))
    match metric:
        case "missingValues":
            return Missing(scalars(arguments.get("missingValues") or (), kind, f"{where}.missingValues", faults))
        case "invalidValues":
            return _valid(arguments, where, kind, faults)
        case "duplicateValues":
            return Repeated()
        case "rowCount":
            return AnyRow()
    return Missing()


def _valid(arguments: Mapping[str, object], where: str, kind: Kind, faults: Faults) -> Test | None:
    values, pattern = arguments.get("validValues"), arguments.get("pattern")
    if isinstance(values, list) and values and pattern is None:
        return NotIn(scalars(values, kind, f"{where}.arguments.validValues", faults))
    if pattern is not None and values is None and kind == "string":
        return next((rule.test for rule in pattern_rule("", "", pattern, f"{where}.arguments.pattern", faults)), None)
    faults.add(f"{where}.arguments", f"found {', '.join(arguments) or 'none'}", "validValues, or a pattern for text")
    return None
