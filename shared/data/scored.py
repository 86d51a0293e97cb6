"""Rows that an endpoint was asked for, or numbers that it answered, as a profile that can be compared with another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import pyarrow as pa

from shared.data.casts import ARROW_TYPES
from shared.data.cells import cells
from shared.data.profile import ColumnProfile, Profile
from shared.data.rules import Kind

LARGEST_INTEGER = 2**63 - 1


def profile_of_rows(rows: Sequence[Mapping[str, object]], like: Profile) -> Profile:
    """The profile of rows of JSON, of the columns that `like` has; what is none of a column's kind counts as missing.

    >>> age = Profile(0, {"AGE": ColumnProfile("number")})
    >>> found = profile_of_rows([{"AGE": 59}, {"AGE": "59"}, {}], age).columns["AGE"]
    >>> found.present, found.missing
    (1, 2)
    """
    return Profile(
        len(rows),
        {
            name: profile_of_values((row.get(name) for row in rows), column.kind, personal=column.personal)
            for name, column in like.columns.items()
        },
    )


def profile_of_values(values: Iterable[object], kind: Kind, *, personal: bool = False) -> ColumnProfile:
    """The profile of one column's values of JSON."""
    fitting = FITTING.get(kind, _text)
    found = ColumnProfile(kind, personal)
    read = pa.array([fitting(value) for value in values], STORED.get(kind, pa.string()))
    found.add(cells(read, kind))
    return found


def _number(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _integer(value: object) -> int | None:
    number = _number(value)
    if number is None or not number.is_integer() or abs(number) > LARGEST_INTEGER:
        return None
    return int(number)


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


FITTING: Mapping[Kind, Callable[[object], object]] = {"number": _number, "integer": _integer, "boolean": _boolean}
STORED: Mapping[Kind, pa.DataType] = {kind: ARROW_TYPES[kind] for kind in FITTING}
