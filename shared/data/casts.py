"""Text as values of the contract's kinds: what Arrow casts whole columns to, and what a cell may look like that it does not cast.

A cell is read alike whichever of the two ways its neighbours make necessary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shared.data.rules import Kind

ARROW_TYPES: Mapping[Kind, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
}
FITTING: Mapping[Kind, str] = {
    "integer": r"^[+-]?0*[0-9]{1,19}(\.0*)?$",
    "number": r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$",
    "boolean": r"^(?i:true|false|0|1)$",
    "date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "timestamp": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}(:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$",
}
TRIMS: Mapping[Kind, tuple[str, str]] = {"integer": (r"^\+|\.0*$", ""), "timestamp": (r"(\.[0-9]{6})[0-9]+", r"\1")}
"""What a cell that fits has beyond what Arrow casts."""
DAYS = (-719_162, 2_932_896)
CALENDAR = {"d": DAYS} | {
    unit: (DAYS[0] * 86_400 * one, (DAYS[1] + 1) * 86_400 * one - 1)
    for unit, one in {"s": 1, "ms": 10**3, "us": 10**6}.items()
}
"""The first and the last moment of the years 1 to 9999 by unit, counted from 1970."""


def _timestamps(text: pa.Array) -> pa.Array:
    """All with an offset, or all without; a mixture is for the second look."""
    try:
        return pc.cast(text, ARROW_TYPES["timestamp"])
    except pa.ArrowInvalid:
        return pc.cast(pc.cast(text, pa.timestamp("us")), ARROW_TYPES["timestamp"])


def _integers(text: pa.Array) -> pa.Array:
    """Whole numbers; what holds more than digits is for the second look, since Arrow would take hexadecimal ones."""
    content = text.buffers()[2]
    if content is not None and np.frombuffer(content, np.uint8).max(initial=0) > ord("9"):
        raise pa.ArrowInvalid("not in digits")
    return pc.cast(text, ARROW_TYPES["integer"])


def _caster(kind: Kind) -> Callable[[pa.Array], pa.Array]:
    return lambda text: pc.cast(text, ARROW_TYPES[kind])


CASTS: Mapping[Kind, Callable[[pa.Array], pa.Array]] = {
    "integer": _integers,
    "number": _caster("number"),
    "boolean": _caster("boolean"),
    "date": _caster("date"),
    "timestamp": _timestamps,
}


def _one_integer(text: str | None) -> int | None:
    number = int(text) if text else None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def _one_date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _one_timestamp(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
        # an offset may carry the first or last day of the calendar beyond it
        return (
            moment.replace(tzinfo=UTC) if moment and not moment.tzinfo else moment.astimezone(UTC) if moment else None
        )
    except (ValueError, OverflowError):
        return None


ONE_BY_ONE: Mapping[Kind, Callable[[str | None], int | date | datetime | None]] = {
    "integer": _one_integer,
    "date": _one_date,
    "timestamp": _one_timestamp,
}
