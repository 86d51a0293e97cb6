"""logicalTypeOptions and enum of a property, as rules: ranges, lengths, patterns, allowed values."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from shared.data.faults import Faults
from shared.data.rules import Beyond, Kind, Length, NoMultiple, NotIn, Rule, Scalar, Sign, Unlike

if TYPE_CHECKING:
    from open_data_contract_standard.model import EnumValue

BOUNDS: Mapping[str, Sign] = {"minimum": "<", "exclusiveMinimum": "<=", "maximum": ">", "exclusiveMaximum": ">="}
LENGTHS: Mapping[str, Sign] = {"minLength": "<", "maxLength": ">"}
UNCHECKABLE: Mapping[str, str] = {
    "format": "a pattern for text, minimum and maximum for numbers; dates are yyyy-MM-dd, other ways of writing them a string",
    "timezone": "none: a time without an offset is UTC",
    "defaultTimezone": "UTC, or an offset beside each time in the file",
}
LARGEST = 2**53
ORDERED: tuple[Kind, ...] = ("integer", "number", "date", "timestamp")


def option_rules(name: str, kind: Kind, options: Mapping[str, object], faults: Faults) -> Iterator[Rule]:
    """The rules that a column's logicalTypeOptions make; what does not fit its kind is a fault."""
    known = {*BOUNDS} if kind in ORDERED else {*LENGTHS, "pattern"} if kind == "string" else set()
    known |= {"multipleOf"} if kind in ("integer", "number") else set()
    for option, value in options.items():
        where = f"{name}.logicalTypeOptions"
        if option in UNCHECKABLE and not _read_so(option, value, kind):
            faults.add(f"{where}.{option}", f"found {value!r}: Baton cannot check it", UNCHECKABLE[option])
        elif option in UNCHECKABLE:
            continue
        elif value is None:
            faults.add(f"{where}.{option}", "it has no value", "one, or no such entry")
        elif option not in known:
            faults.unknown(where, option, known or {"none for this logicalType"})
        elif option == "pattern":
            yield from pattern_rule("pattern", name, value, f"{where}.pattern", faults)
        elif option == "multipleOf":
            yield from _multiple(name, kind, value, f"{where}.{option}", faults)
        elif option in LENGTHS:
            yield from _length(option, name, value, where, faults)
        elif (limit := scalar(value, kind, f"{where}.{option}", faults)) is not None:
            yield Rule(option, (name,), Beyond(BOUNDS[option], limit))
    _check_room(name, kind, options, faults)


def _read_so(option: str, value: object, kind: Kind) -> bool:
    """Whether an option only says what is read anyway."""
    written = kind == "date" and option == "format" and value == "yyyy-MM-dd"
    return written or (kind == "timestamp" and option == "defaultTimezone" and value in ("UTC", "Etc/UTC"))


def _multiple(name: str, kind: Kind, value: object, where: str, faults: Faults) -> Iterator[Rule]:
    of = scalar(value, kind, where, Faults(""))
    if isinstance(of, int | float) and 0 < of <= LARGEST:
        yield Rule("multipleOf", (name,), NoMultiple(of))
    else:
        faults.add(
            where, f"found {value!r}", f"a value of the column's logicalType, {kind}, above 0 and not beyond 2**53"
        )


def _length(option: str, name: str, value: object, where: str, faults: Faults) -> Iterator[Rule]:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        yield Rule(option, (name,), Length(LENGTHS[option], value))
    else:
        faults.add(f"{where}.{option}", f"found {value!r}", "a number of characters, 0 or more")


def _check_room(name: str, kind: Kind, options: Mapping[str, object], faults: Faults) -> None:
    """A range that no value can be in would refuse every file."""
    measured: Kind = "integer" if kind == "string" else kind
    for least, most in (("minimum", "maximum"), ("minLength", "maxLength")):
        low, high = (scalar(options.get(end), measured, "", Faults("")) for end in (least, most))
        if low is not None and high is not None and low > high:  # type: ignore[operator]  # both are of one kind
            faults.add(f"{name}.logicalTypeOptions", f"{least} {low} is above {most} {high}", "room between them")


def enum_rule(name: str, kind: Kind, values: Collection[EnumValue], faults: Faults) -> Iterator[Rule]:
    """The rule of a column's enum, if it has one."""
    allowed = scalars([entry.value for entry in values], kind, f"{name}.enum", faults)
    if values and all(entry.value is None for entry in values):
        faults.add(f"{name}.enum", "it allows no value", "a value at least")
    if allowed:
        yield Rule("enum", (name,), NotIn(allowed))


def pattern_rule(rule: str, name: str, pattern: object, where: str, faults: Faults) -> Iterator[Rule]:
    """The rule that a pattern is found in a column's text; a fault if RE2, which never runs away, cannot read it."""
    if not isinstance(pattern, str):
        faults.add(where, f"found {pattern!r}", "a pattern between quotes")
        return
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        faults.add(where, f"{pattern!r} cannot be read: {error}", "a pattern without look-around or back references")
        return
    yield Rule(rule, (name,), Unlike(pattern))


def scalars(values: Collection[object], kind: Kind, where: str, faults: Faults) -> tuple[Scalar, ...]:
    """Values as the kind's own Python values; those that cannot be are faults."""
    return tuple(read for value in values if (read := scalar(value, kind, where, faults)) is not None)


def scalar(value: object, kind: Kind, where: str, faults: Faults) -> Scalar | None:
    """A YAML value as the kind's own Python value, or None and a fault."""
    if value is None:
        return None
    try:
        return READERS[kind](value)
    except (ValueError, TypeError):
        quotes = ", between quotes: in YAML no, off, yes and on are truths" if kind == "string" else ""
        faults.add(where, f"found {value!r}", f"a value of the column's logicalType, {kind}{quotes}")
        return None


def _text(value: object) -> str:
    """A country NO that nobody put between quotes is False to a reader of YAML; no file holds that word."""
    if isinstance(value, bool | list | dict):
        raise TypeError(value)
    return str(value)


def _integer(value: object) -> int:
    number = _number(value)
    if not float(number).is_integer() or not -(2**63) <= number < 2**63:
        raise ValueError(value)
    return int(number)


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(value)
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _date(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _timestamp(value: object) -> datetime:
    moment = datetime.fromisoformat(value.isoformat() if isinstance(value, date) else str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


READERS: Mapping[Kind, Callable[[object], Scalar]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
}
