"""Cells of any Arrow type as text, as people and refused rows are shown them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def texts_of(raw: pa.Array) -> pa.Array:
    """Each cell as text; null where there is nothing."""
    try:
        return pc.cast(raw, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([as_it_came(value) if value.is_valid else None for value in raw], pa.string())


def as_it_came(value: pa.Scalar) -> str:
    """What a cell holds, as text; "" if nothing."""
    if not value.is_valid:
        return ""
    try:
        return str(value.as_py())
    except (
        ValueError,
        OverflowError,
        KeyError,
    ):  # a time that Python has not: too fine, too far off, of an unknown zone
        plain = pa.timestamp(value.type.unit) if pa.types.is_timestamp(value.type) else value.type
    try:
        return str(value.cast(plain).cast(pa.string()).as_py())
    except pa.ArrowException:
        return f"a {value.type} that cannot be shown"
