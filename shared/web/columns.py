"""The champion's data beside the candidate's, column by column, for whoever approves. Pure but for reading the profiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import BatonError
from shared.monitoring.drift_history import Versions
from shared.web.words import count, number

if TYPE_CHECKING:
    from shared.data.comparing import Change
    from shared.data.profile import ColumnProfile

VALUES_SHOWN = 3
COLUMNS_SHOWN = 40
LONGEST_VALUE = 24


@dataclass(frozen=True, slots=True)
class ColumnBeside:
    """One column in both dataset versions, in words; `moved` is by how much at most, and whether that is a change for certain."""

    column: str
    before: str
    now: str
    moved: str
    what: str
    changed: bool


@dataclass(frozen=True, slots=True)
class ColumnsBeside:
    """All columns, those that changed first; without any, `says` and `todo` tell why there is nothing to compare."""

    says: str
    columns: tuple[ColumnBeside, ...] = ()
    hidden: int = 0
    todo: str = ""


def columns_beside(read: Callable[[], Versions]) -> ColumnsBeside:
    """The comparison of two dataset versions; one that cannot be read says why, and leaves the rest of the page alone."""
    try:
        found = read()
    except BatonError as error:
        return ColumnsBeside(error.what, todo=error.next)
    tests = {change.column: change for change in found.changes}
    every = [*tests, *(name for name in found.now.columns if name not in tests)]
    shown = tuple(_beside(found, name, tests.get(name)) for name in every[:COLUMNS_SHOWN])
    changed = [column.column for column in shown if column.changed]
    rows = f"{count(found.before.rows, 'row')} before, {count(found.now.rows, 'row')} now"
    says = f"{', '.join(changed[:5])} changed: {rows}" if changed else f"no column changed: {rows}"
    return ColumnsBeside(says, shown, hidden=len(every) - len(shown))


def _beside(found: Versions, name: str, test: Change | None) -> ColumnBeside:
    before, now = (described(profile.columns.get(name)) for profile in (found.before, found.now))
    if test is None:
        is_key = name in found.before.columns
        return ColumnBeside(name, before, now, "–", "part of the key" if is_key else "a new column", not is_key)
    return ColumnBeside(name, before, now, f"{test.size:.1%}, limit {test.limit:.1%}", test.what, test.drifted)


def described(column: ColumnProfile | None) -> str:
    """What a column's values look like: middle and spread of numbers, the most frequent of others, and how many are missing."""
    if column is None:
        return "not there"
    if column.personal:
        return "personal: not shown"
    missing = f", {column.missing / column.rows:.1%} missing" if column.missing and column.rows else ""
    return (_values(column) if column.present else "no value") + missing


def _values(column: ColumnProfile) -> str:
    if column.range is not None:
        return f"{column.range[0]} to {column.range[1]}"
    has_few = not column.frequent.error and len(column.frequent.counts) <= VALUES_SHOWN
    if column.kind in ("integer", "number") and not has_few:
        low, middle, high = column.quantiles.quantiles([0.1, 0.5, 0.9])
        return f"{number(middle)}, 80 % from {number(low)} to {number(high)}"
    frequent = sorted(column.frequent.counts.items(), key=lambda item: (-item[1], str(item[0])))[:VALUES_SHOWN]
    if not frequent:
        return f"about {number(column.distinct.count)} values"
    return ", ".join(f"{str(value)[:LONGEST_VALUE]} {times / column.present:.0%}" for value, times in frequent)
