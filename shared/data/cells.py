"""Cells as the contract's kinds: from text, or from the types that a Parquet file has, and which of them are wrong.

Reading is by whole columns. Only a column in which something does not fit is looked at a second time, by patterns.
Numbers have a point and no thousands separator; times without an offset are UTC, and are kept to the microsecond; NaN and
`NA` are missing values, infinity is no number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shared.data.as_text import texts_of
from shared.data.casts import ARROW_TYPES, CALENDAR, CASTS, FITTING, ONE_BY_ONE, TRIMS
from shared.data.rules import Kind

Floats: TypeAlias = NDArray[np.float64]

LARGEST_WHOLE = 2**53
"""Above it not every whole number is a float of its own."""
WORDS_FOR_MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "Null", "null", "None", "none")


class TextGone(Exception):
    """What a cell said is asked for, or how it is to be read, and the reader has kept only its value."""


@dataclass(frozen=True)
class Cells:
    """A column of a batch: as it came, as values (null if missing or wrong), and which cells are wrong.

    `raw` is None if the reader has converted the cells. Then none of them may be wrong.
    """

    raw: pa.Array | None
    values: pa.Array
    wrong: pa.Array | None = None

    def __getitem__(self, place: int) -> pa.Scalar:
        """A cell as it came; `TextGone` if it has a value and came as another's text."""
        if self.raw is not None:
            return self.raw[place]
        if self.values[place].is_valid:
            raise TextGone
        return self.values[place]

    @property
    def missing(self) -> pa.Array:
        """Which cells hold no value, and nothing wrong either."""
        absent = pc.is_null(self.values)
        return absent if self.wrong is None else pc.and_not(absent, self.wrong)

    @cached_property
    def present(self) -> pa.Array:
        """The values without nulls."""
        return self.values.drop_null() if self.values.null_count else self.values

    @cached_property
    def encoded(self) -> pa.DictionaryArray:
        """The values as distinct ones and places among them."""
        return pc.dictionary_encode(self.values)

    @cached_property
    def numbers(self) -> Floats:
        """The values that are there as 64-bit floats: of times days or microseconds since 1970, of truth 0 and 1."""
        values = self.present
        if pa.types.is_boolean(values.type):
            values = pc.cast(values, pa.uint8())
        elif pa.types.is_date(values.type):
            values = values.view(pa.int32())
        elif pa.types.is_timestamp(values.type):
            values = values.view(pa.int64())
        found: Floats = values.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
        return found

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest of `numbers`; both NaN without any."""
        numbers = self.numbers
        return (float(numbers.min()), float(numbers.max())) if len(numbers) else (math.nan, math.nan)


def cells(raw: pa.Array, kind: Kind) -> Cells:
    """Read a column of text, bytes or any plain Arrow type as `kind`. What cannot be read is wrong, never an exception."""
    if pa.types.is_dictionary(raw.type):
        raw = raw.dictionary_decode()
    if pa.types.is_nested(raw.type):
        text = texts_of(raw)
        return Cells(text, pa.nulls(len(raw), ARROW_TYPES[kind]), pc.is_valid(text))
    if not (_is_text(raw.type) or _is_bytes(raw.type)):
        return _from_type(raw, kind)
    if kind != "string" and pa.types.is_binary(raw.type) and (quick := _from_ascii(raw.view(pa.string()), kind)):
        return quick
    text, undecodable = _text(raw)
    read = _from_text(text, kind)
    if undecodable is None:
        return read
    values = pc.if_else(undecodable, pa.scalar(None, read.values.type), read.values)
    return Cells(text, values, undecodable if read.wrong is None else pc.or_(read.wrong, undecodable))


def column_cells(batch: pa.RecordBatch, name: str, kind: Kind, *, converted: bool = False) -> Cells:
    """A batch's column read as `kind`; of a column that the batch lacks, all values are missing.

    `converted` says that the reader has made the values out of text; one of which that text would have to be looked at raises
    `TextGone`.
    """
    place = batch.schema.get_field_index(name)
    found = cells(batch.column(place) if place >= 0 else pa.nulls(batch.num_rows, ARROW_TYPES[kind]), kind)
    if not converted:
        return found
    if found.wrong is not None:
        raise TextGone
    return Cells(None, found.values)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


# Text


def _text(raw: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """The cells as text, and which of them were not UTF-8 (they are shown as Latin-1, and have no value)."""
    try:
        return pc.cast(raw, pa.string()), None
    except pa.ArrowInvalid:
        decoded = [_decoded(value) for value in raw.to_pylist()]
        return pa.array([text for text, _ in decoded], pa.string()), pa.array([not fine for _, fine in decoded])


def _decoded(value: bytes | None) -> tuple[str | None, bool]:
    try:
        return value.decode() if value is not None else None, True
    except UnicodeDecodeError:
        return value.decode("latin-1") if value else None, False


def _from_text(text: pa.Array, kind: Kind) -> Cells:
    if kind == "string":
        lengths = pc.binary_length(text)
        none = pc.min(lengths).as_py() == 0
        return Cells(text, pc.if_else(pc.equal(lengths, 0), None, text) if none else text)
    try:
        values = CASTS[kind](text)
    except pa.ArrowInvalid:
        return _carefully(text, kind)
    return _known(text, values, kind)


def _from_ascii(unchecked: pa.Array, kind: Kind) -> Cells | None:
    """Cells that all parse, which only ASCII does: whether they are UTF-8 need not be looked at. None if one does not."""
    try:
        values = CASTS[kind](unchecked)
    except pa.ArrowInvalid:
        return None
    return _known(unchecked, values, kind)


def _carefully(text: pa.Array, kind: Kind) -> Cells:
    """The second look: spaces around a value are forgiven, words for missing are nulls, the rest must fit the kind."""
    trimmed = pc.utf8_trim_whitespace(text)
    present = pc.and_not(pc.is_valid(text), pc.is_in(trimmed, pa.array(WORDS_FOR_MISSING)))
    fits = pc.and_(present, pc.fill_null(pc.match_substring_regex(trimmed, FITTING[kind]), False))
    kept = pc.if_else(fits, trimmed, pa.scalar(None, pa.string()))
    if kind in TRIMS:
        kept = pc.replace_substring_regex(kept, *TRIMS[kind])
    try:
        values = CASTS[kind](kept)
    except pa.ArrowInvalid:  # 31 February fits the pattern, and 9999999999999999999
        values = pa.array([ONE_BY_ONE[kind](value) for value in kept.to_pylist()], ARROW_TYPES[kind])
    read = _known(text, values, kind)
    return Cells(text, read.values, pc.and_(present, pc.is_null(read.values)))


def _known(raw: pa.Array, values: pa.Array, kind: Kind) -> Cells:
    """What was read of the kind, without numbers and times that Arrow has and nobody else."""
    if kind == "number":
        return _finite(raw, values)
    return _in_calendar(raw, values) if kind in ("date", "timestamp") else Cells(raw, values)


def _finite(raw: pa.Array, numbers: pa.Array) -> Cells:
    """NaN is a missing number, infinity a wrong one."""
    total = pc.sum(numbers).as_py()
    if total is None or math.isfinite(total):  # as a sum with one that is not finite never is
        return Cells(raw, numbers)
    finite = pc.is_finite(numbers)
    infinite = pc.fill_null(pc.is_inf(numbers), False)
    return Cells(raw, pc.if_else(finite, numbers, pa.scalar(None, pa.float64())), infinite)


def _in_calendar(raw: pa.Array, times: pa.Array) -> Cells:
    """Times before the year 1 and after 9999, as from a wrong unit, are wrong. Those of nanoseconds are all within."""
    days, unit = pa.types.is_date(times.type), "d" if pa.types.is_date(times.type) else times.type.unit
    if unit == "ns":
        return Cells(raw, times)
    numbers = times.view(pa.int32() if days else pa.int64())
    first, last = (pa.scalar(end, numbers.type) for end in CALENDAR[unit])
    ends = pc.min_max(numbers)
    if not ends["min"].is_valid or (ends["min"].as_py() >= first.as_py() and ends["max"].as_py() <= last.as_py()):
        return Cells(raw, times)
    beyond = pc.fill_null(pc.or_(pc.less(numbers, first), pc.greater(numbers, last)), False)
    text = raw if _is_text(raw.type) else _moments(numbers, unit)
    return Cells(text, pc.if_else(beyond, pa.scalar(None, times.type), times), beyond)


def _moments(numbers: pa.Array, unit: str) -> pa.Array:
    """Times as text where Python has none: how many units after 1970."""
    return pc.binary_join_element_wise(pc.cast(numbers, pa.string()), f"{unit} from 1970", " ")


# Types of a file that has types


def _from_type(raw: pa.Array, kind: Kind) -> Cells:
    """Numbers as numbers, times as times; what is of another type is read as the text that it makes."""
    types, found = pa.types, raw.type
    if kind == "number" and (types.is_integer(found) or types.is_floating(found) or types.is_decimal(found)):
        return _finite(raw, pc.cast(raw, pa.float64(), safe=False))
    if kind == "integer" and types.is_floating(found):
        return _from_floats(raw)
    if kind == "timestamp" and types.is_timestamp(found):
        known = _in_calendar(raw, raw)
        values = pc.cast(pc.cast(known.values, pa.timestamp("us", found.tz), safe=False), ARROW_TYPES[kind])
        return Cells(known.raw, values, known.wrong)
    if kind == "date" and types.is_date(found):
        return _in_calendar(raw, pc.cast(raw, pa.date32()))
    if found == ARROW_TYPES[kind]:
        return Cells(raw, raw)
    return _from_text(texts_of(raw), kind)


def _from_floats(raw: pa.Array) -> Cells:
    """Whole numbers that came as floats, as pandas keeps them in a column with a missing value."""
    numbers = pc.cast(raw, pa.float64())
    is_whole = pc.and_(pc.equal(pc.floor(numbers), numbers), pc.less_equal(pc.abs(numbers), LARGEST_WHOLE))
    values = pc.cast(pc.if_else(is_whole, numbers, pa.scalar(None, pa.float64())), ARROW_TYPES["integer"])
    is_there = pc.fill_null(pc.invert(pc.is_nan(numbers)), False)
    return Cells(raw, values, pc.and_(is_there, pc.is_null(values)))
