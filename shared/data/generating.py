"""Files like those that a profile describes, for tests and rehearsals: each column as it was, or moved by so many deviations.

Columns are drawn apart from each other, so what the real ones have in common is lost: such a file tries the way of data, it
trains no model worth having. The same profile and seed give the same rows.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shared.data.casts import ARROW_TYPES
from shared.data.profile import NUMBERS, ColumnProfile, Profile
from shared.data.rules import Column, Contract, Repeated
from shared.data.sketches import Value
from shared.errors import Permanent

POINTS = 1000
DIGITS = 6  # what a profile keeps of a number

Floats = NDArray[np.float64]


class CannotGenerate(Permanent):
    """What was asked of a file cannot be drawn from this profile."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How the file differs from the profile: `drift` by column in standard deviations, `nulls` by column as a share (0 to 1) of
    its rows; the name "" stands for all columns but the keys."""

    rows: int
    seed: int = 0
    drift: Mapping[str, float] = field(default_factory=dict)
    nulls: Mapping[str, float] = field(default_factory=dict)


def generate(profile: Profile, contract: Contract, asked: Asked) -> pa.Table:
    """The rows, in the contract's columns and kinds. `CannotGenerate` for a drift of what has no deviation.

    Values that must not repeat go on after those of the profile. Of a personal column nothing is known but how many rows
    have a value and, of texts, how long they are: numbers and times stay empty there, texts are random letters.
    """
    _check(profile, contract, asked)
    unique = {name for rule in contract.rules if isinstance(rule.test, Repeated) for name in rule.columns}
    chance = np.random.default_rng(asked.seed)
    columns = []
    for column in contract.columns:
        known = profile.columns.get(column.name) or ColumnProfile(column.kind)
        values = _unique(known, asked.rows) if column.name in unique else _drawn(known, column, asked, chance)
        share = asked.nulls.get(column.name, asked.nulls.get("", 0.0) if column.name not in unique else 0.0)
        columns.append(_with_nulls(values, _missing(known, share), chance))
    return pa.table(columns, pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in contract.columns]))


def _check(profile: Profile, contract: Contract, asked: Asked) -> None:
    for name in (*asked.drift, *filter(None, asked.nulls)):
        if name not in contract.names:
            raise CannotGenerate(f"there is no column {name!r}", next=f"one of {', '.join(contract.names)}")
    for name in asked.drift:
        known = profile.columns.get(name)
        if known is None or known.kind not in NUMBERS or known.personal or known.numbers.deviation == 0:
            raise CannotGenerate(
                f"column {name} has no standard deviation to drift by", next="name a column of numbers that differ"
            )


def _missing(known: ColumnProfile, more: float) -> float:
    """The share of rows without a value: as it was, or as it is asked for if that is more."""
    return max(more, known.missing / known.rows if known.rows else 0.0)


def _with_nulls(values: pa.Array, share: float, chance: np.random.Generator) -> pa.Array:
    if share <= 0:
        return values
    gone = pa.array(chance.random(len(values)) < share)
    return pc.if_else(gone, pa.scalar(None, values.type), values)


def _drawn(known: ColumnProfile, column: Column, asked: Asked, chance: np.random.Generator) -> pa.Array:
    if column.kind == "string":
        return pa.array(_texts(known, asked.rows, chance), pa.string())
    if known.personal or not known.numbers.count:
        return pa.nulls(asked.rows, ARROW_TYPES[column.kind])
    moved = asked.drift.get(column.name, 0.0) * known.numbers.deviation
    return _of_kind(_numbers(known, asked.rows, chance) + moved, known)


def _numbers(known: ColumnProfile, rows: int, chance: np.random.Generator) -> Floats:
    """From the exact values where all are known, else between the quantiles."""
    values = known.frequent
    if not values.error and values.counts:
        return _picked(values.counts, rows, chance, np.float64).astype(np.float64)
    ranks = np.linspace(0, 1, POINTS)
    points = np.array(known.quantiles.quantiles(ranks.tolist()))
    drawn = np.interp(chance.random(rows), ranks, points)
    found: Floats = np.clip(drawn, known.numbers.least, known.numbers.most)
    return found


def _picked(counts: Mapping[Value, int], rows: int, chance: np.random.Generator, kind: type) -> NDArray[Any]:
    """Values by their counts, in an order that does not depend on how the profile was merged."""
    ordered = sorted(counts.items(), key=lambda item: str(item[0]))
    weights = np.array([count for _, count in ordered], np.float64)
    places = chance.choice(len(ordered), rows, p=weights / weights.sum())
    return np.array([value for value, _ in ordered], kind)[places]


def _of_kind(numbers: Floats, known: ColumnProfile) -> pa.Array:
    """Numbers as the column's kind: rounded to what a profile knows, whole ones to whole ones."""
    if known.kind == "number":
        return pa.array([float(f"{number:.{DIGITS}g}") for number in numbers.tolist()], pa.float64())
    whole = np.rint(numbers).astype(np.int64)
    return CASTS.get(known.kind, pa.array)(whole)


def _texts(known: ColumnProfile, rows: int, chance: np.random.Generator) -> Sequence[str]:
    """The frequent ones by their counts; what they leave over, and all of a personal column, as letters of the usual length."""
    counts = dict(known.frequent.counts)
    others = max(0, known.present - sum(counts.values()))
    if not counts and not others:
        return [""] * rows
    length = max(1, round(known.lengths.mean))
    is_other = chance.random(rows) < others / (others + sum(counts.values()))
    picked = _picked(counts, rows, chance, object) if counts else np.full(rows, "", object)
    letters = chance.choice(list(string.ascii_lowercase), (rows, length))
    return [
        "".join(letters[row]) if other else str(value)
        for row, (other, value) in enumerate(zip(is_other, picked, strict=True))
    ]


def _unique(known: ColumnProfile, rows: int) -> pa.Array:
    """Values that stand in no row that the profile is of: they go on after the largest."""
    if known.kind == "string":
        return pa.array([f"new-{number:08d}" for number in range(1, rows + 1)], pa.string())
    last = 0.0 if known.personal or not known.numbers.count else known.numbers.most
    step = 86_400_000_000 if known.kind == "timestamp" else 1
    return _of_kind(np.floor(last) + step * np.arange(1, rows + 1, dtype=np.float64), known)


CASTS: Mapping[str, Callable[[NDArray[np.int64]], pa.Array]] = {
    "boolean": lambda whole: pc.cast(pa.array(whole), pa.bool_()),
    "date": lambda whole: pc.cast(pa.array(whole.astype(np.int32)), pa.date32()),
    "timestamp": lambda whole: pc.cast(pa.array(whole), pa.timestamp("us", "UTC")),
}
