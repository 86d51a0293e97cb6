"""Service levels of a contract that a file can be held against: how old its newest and its oldest row may be.

Age is counted to a moment that the caller gives, never to this machine's clock: on arrival the drop's landing.
Without a moment they are told as not checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from shared.data.cells import Cells
from shared.data.faults import Faults
from shared.data.quality import SEVERITIES
from shared.data.rules import Kind, Level
from shared.data.uncheckable import informs
from shared.data.verdict import Problem

if TYPE_CHECKING:
    from open_data_contract_standard.model import ServiceLevelAgreementProperty

CHECKED = ("freshness", "retention")
UNITS: Mapping[str, float] = {
    **dict.fromkeys(("s", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400.0),
    **dict.fromkeys(("y", "year", "years"), 365.25 * 86400.0),
}


def levels_of(
    items: Sequence[ServiceLevelAgreementProperty] | None, kinds: Mapping[str, Kind], faults: Faults, *, default: str
) -> tuple[list[Level], list[str]]:
    """The levels that a file can be held against, and those that say that they only inform. `default` is the element of
    levels that name none.
    """
    levels: list[Level] = []
    others: list[str] = []
    for item in items or []:
        words = [entry.value for entry in item.customProperties or [] if entry.property == "severity"]
        word = str(words[0]) if words else "error"
        if item.property in CHECKED:
            levels += _levels(item, item.element or default, word, kinds, faults)
        elif informs(item, CHECKED, word, faults):
            others.append(f"service level {item.property}")
    return levels, others


def _levels(
    item: ServiceLevelAgreementProperty, element: str, word: str, kinds: Mapping[str, Kind], faults: Faults
) -> Iterator[Level]:
    where = f"slaProperties.{item.property}"
    if isinstance(item.value, bool) or not isinstance(item.value, int | float) or item.value <= 0:
        faults.add(f"{where}.value", f"found {item.value!r}", "a number above 0")
    elif item.unit is None or item.unit not in UNITS:
        faults.add(f"{where}.unit", f"found {item.unit!r}", f"one of {', '.join(UNITS)}")
    elif item.valueExt is not None:
        faults.add(f"{where}.valueExt", f"found {item.valueExt!r}", "none: Baton looks at value alone")
    else:
        if word not in SEVERITIES:
            faults.add(f"{where}.customProperties.severity", f"found {word!r}", " or ".join(SEVERITIES))
        for column in _elements(element, where, kinds, faults):
            yield Level(
                str(item.property),
                column,
                f"{item.value:g} {item.unit}",
                timedelta(seconds=item.value * UNITS[item.unit]),
                SEVERITIES.get(word, "error"),
            )


def _elements(element: str, where: str, kinds: Mapping[str, Kind], faults: Faults) -> Iterator[str]:
    """The columns of `table.column, table.column`."""
    for part in element.split(","):
        name = part.strip()
        column = name if name in kinds else name.rpartition(".")[2]
        if kinds.get(column) in ("date", "timestamp"):
            yield column
        else:
            faults.add(f"{where}.element", f"found {name!r}", "table.column, of a date or timestamp")


class Ages:
    """The oldest and newest times of the columns that service levels are about, over the batches of one file."""

    def __init__(self, levels: Sequence[Level]) -> None:
        self._levels = levels
        self._ends: dict[str, tuple[datetime, datetime]] = {}

    def add(self, read: Mapping[str, Cells]) -> None:
        """Look at a batch."""
        for column in {level.column for level in self._levels}:
            found = pc.min_max(read[column].values)
            if found["min"].is_valid:
                self._widen(column, (_moment(found["min"].as_py(), time.min), _moment(found["max"].as_py(), time.max)))

    def merge(self, other: Ages) -> None:
        """Take in what was seen of other rows."""
        for column, ends in other._ends.items():
            self._widen(column, ends)

    def _widen(self, column: str, ends: tuple[datetime, datetime]) -> None:
        before = self._ends.get(column, ends)
        self._ends[column] = (min(before[0], ends[0]), max(before[1], ends[1]))

    def problems(self, present: Sequence[str], at: datetime | None) -> Iterator[Problem]:
        """The levels that are not kept at the moment `at`. A column without any time keeps none."""
        for level in self._levels:
            if level.column in present:
                yield from _problem(level, self._ends.get(level.column), at)


def _problem(level: Level, ends: tuple[datetime, datetime] | None, at: datetime | None) -> Iterator[Problem]:
    rule, column = level.name, level.column
    if at is None:
        what = f"not checked: service level {rule} of {column}, since no moment is given"
        yield Problem("not_checked", column, 0, (), (), what, "baton check --as-of now", "warning")
        return
    end, said = (1, "newest") if rule == "freshness" else (0, "oldest")
    if ends is None or at - ends[end] > level.age:
        found = f"is {ends[end].isoformat(timespec='seconds')}" if ends else "is not there"
        what = f"{column}: the {said} value {found}, must be within {level.says} of {at.isoformat(timespec='seconds')}"
        remedy = "send newer rows" if rule == "freshness" else "leave the rows out that are older"
        yield Problem(rule, column, 1, (), (), what, remedy, level.severity)


def _moment(value: date | datetime, day_end: time) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, day_end, UTC)
