"""Which events a subscription wants: Event Grid's own filter rules, pure.

Source: https://learn.microsoft.com/azure/event-grid/event-filtering. Filters are joined by AND, the values
of one filter by OR; case is ignored. Arrays inside data are not looked into (Azure does so only on request).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from local.wire import Event

_MISSING = object()
_MATCH_WHEN_MISSING = frozenset({"NumberNotIn", "StringNotIn"})


@dataclass(frozen=True, slots=True)
class Condition:
    """One advanced filter: `operator` of `OPERATORS`, `key` as a dotted path, and what it is compared with."""

    operator: str
    key: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """All that a subscription asks of an event; an empty one wants everything."""

    event_types: tuple[str, ...] = ()
    subject_begins_with: str = ""
    subject_ends_with: str = ""
    subject_case_matters: bool = False
    conditions: tuple[Condition, ...] = ()

    def wants(self, event: Event) -> bool:
        """Does the event pass every part of the filter?"""
        return self._wants_type(event) and self._wants_subject(event) and all(holds(c, event) for c in self.conditions)

    def _wants_type(self, event: Event) -> bool:
        kind = str(event.get("eventType", event.get("type", ""))).casefold()
        return not self.event_types or kind in {wanted.casefold() for wanted in self.event_types}

    def _wants_subject(self, event: Event) -> bool:
        same: Callable[[str], str] = str if self.subject_case_matters else str.casefold
        subject = same(str(event.get("subject") or ""))
        return subject.startswith(same(self.subject_begins_with)) and subject.endswith(same(self.subject_ends_with))


EVERYTHING = Filter()


def holds(condition: Condition, event: Event) -> bool:
    """Does one condition hold? A missing or null key fails all of them but NumberNotIn, StringNotIn, IsNullOrUndefined."""
    found = value_at(event, condition.key)
    absent = found is _MISSING or found is None
    if condition.operator in ("IsNullOrUndefined", "IsNotNull"):
        return absent is (condition.operator == "IsNullOrUndefined")
    if absent:
        return condition.operator in _MATCH_WHEN_MISSING
    positive = condition.operator.replace("Not", "")
    compare = _COMPARISONS[positive]
    return any(compare(found, value) for value in condition.values) is (positive == condition.operator)


def value_at(event: Event, key: str) -> object:
    """What stands at a dotted path, keys compared without case; a private marker if nothing does."""
    found: object = event
    for step in key.split("."):
        if not isinstance(found, Mapping):
            return _MISSING
        found = _entry(cast(Mapping[str, object], found), step)
    return found


def _entry(mapping: Mapping[str, object], key: str) -> object:
    if key in mapping:
        return mapping[key]
    return next((value for name, value in mapping.items() if name.casefold() == key.casefold()), _MISSING)


def _numbers(compare: Callable[[float, float], bool]) -> Callable[[object, object], bool]:
    def compared(found: object, wanted: object) -> bool:
        return _is_number(found) and _is_number(wanted) and compare(cast(float, found), cast(float, wanted))

    return compared


def _texts(compare: Callable[[str, str], bool]) -> Callable[[object, object], bool]:
    def compared(found: object, wanted: object) -> bool:
        return isinstance(found, str) and isinstance(wanted, str) and compare(found.casefold(), wanted.casefold())

    return compared


def _in_range(found: object, wanted: object) -> bool:
    low, high = cast(tuple[float, float], wanted)
    return _is_number(found) and low <= cast(float, found) <= high


def _same_bool(found: object, wanted: object) -> bool:
    return isinstance(found, bool) and found is wanted


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_COMPARISONS: Mapping[str, Callable[[object, object], bool]] = {
    "NumberIn": _numbers(operator.eq),
    "NumberLessThan": _numbers(operator.lt),
    "NumberLessThanOrEquals": _numbers(operator.le),
    "NumberGreaterThan": _numbers(operator.gt),
    "NumberGreaterThanOrEquals": _numbers(operator.ge),
    "NumberInRange": _in_range,
    "StringIn": _texts(operator.eq),
    "StringContains": _texts(operator.contains),
    "StringBeginsWith": _texts(str.startswith),
    "StringEndsWith": _texts(str.endswith),
    "BoolEquals": _same_bool,
}
_NEGATIVE = ("NumberNotIn", "NumberNotInRange", "StringNotIn", "StringNotContains", "StringNotBeginsWith", "StringNotEndsWith")  # fmt: skip
OPERATORS = frozenset({*_COMPARISONS, *_NEGATIVE, "IsNullOrUndefined", "IsNotNull"})
