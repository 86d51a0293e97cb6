"""Our own output as our input: rows of a drop that the model was asked for, with what it answered as their target.

Such rows teach a model nothing but itself, and each retraining on them moves it further from the truth. Told by what was
collected of the endpoint, which lies beside the drop as segments of `scored/`, with `ABOUT` for what to compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shared.data.answers import About, collected, number
from shared.data.cells import cells, column_cells
from shared.data.places import Places
from shared.data.row_codes import Codes, row_codes
from shared.data.rows import open_rows
from shared.data.rules import Contract, Kind
from shared.data.scored import FITTING, STORED
from shared.data.tally import FIRST_ROWS
from shared.data.verdict import Problem

RULE = "own_output"
FEW = 20
"""So many different values, or fewer, are classes: there a right answer is the truth as well."""
CLASSES_FROM = 100
"""So many rows of classes, all of them as they were answered, are no coincidence (0.95 to the 100th power is 0.006)."""
NEAR = 1e-3
"""How near a number must be to an answer, in standard deviations of the answers: room for rounding, not for luck."""
Value = str | float


@dataclass(slots=True)
class _Own:
    """Rows that were asked for: how many, and of those that stand with our answer the places (from 0) and different values."""

    rows: int = 0
    asked: int = 0
    places: list[int] = field(default_factory=list)
    values: set[Value] = field(default_factory=set)

    @property
    def is_shown(self) -> bool:
        """Whether so much agreement is none of a good model with the truth."""
        if len(self.values) > FEW:
            return True
        return len(self.places) == self.asked >= CLASSES_FROM


def own_output(file: Path, contract: Contract, answered: Path | None) -> Problem | None:
    """The problem of a drop that is mostly our own answers; None if it is not, or if nothing is known of what was answered."""
    about = About.load(answered)
    if about is None or answered is None:
        return None
    kinds = {column.name: column.kind for column in contract.columns if column.name not in about.without}
    target = kinds.pop(about.target, None)
    if target is None or not kinds:
        return None
    known = _known(collected(answered, about), kinds, target)
    if not known:
        return None
    own = _Own()
    rows = open_rows(file, contract.names, contract.dialect)
    for batch in rows.batches:
        _count(own, batch, kinds, (about.target, target), known)
    total = own.rows + len(rows.skipped.numbers)
    share = 100 * len(own.places) / max(total, 1)
    if share <= about.most_percent or not own.is_shown:
        return None
    return _told(own, about, Places(rows.skipped.numbers), total, share)


def _told(own: _Own, about: About, places: Places, total: int, share: float) -> Problem:
    what = (
        f"{len(own.places)} of {total} rows ({share:.1f} %) are what {about.model} was asked for, with its own answer as "
        f"{about.target}; at most {about.most_percent:g} % may be"
    )
    remedy = (
        f"drop what was true, not what was predicted; if {about.target} is true here, raise data.own_output_percent in "
        "model.yaml (100: never refused); docs/retraining.md#own-output"
    )
    first = places.numbers(own.places[:FIRST_ROWS])
    return Problem(RULE, about.target, len(own.places), first, (), what, remedy)


@dataclass(frozen=True, slots=True)
class _Known:
    """Rows that were asked for, by their code in rising order, each with the answers that it got."""

    codes: Codes
    answers: Mapping[int, Sequence[Value]]
    near: float

    def agrees(self, code: int, value: Value) -> bool:
        """Whether the row with this code was answered so."""
        return any(self._same(value, answer) for answer in self.answers[code])

    def _same(self, value: Value, answer: Value) -> bool:
        if isinstance(value, float) and isinstance(answer, float):
            return abs(value - answer) <= self.near or (value.is_integer() and value == round(answer))
        return value == answer


def _known(
    collected: Iterator[tuple[Mapping[str, object], str | float | None]], kinds: Mapping[str, Kind], target: Kind
) -> _Known | None:
    columns: dict[str, list[object]] = {name: [] for name in kinds}
    said: list[Value] = []
    for row, answer in collected:
        value = str(answer) if target == "string" and answer is not None else number(answer)
        if value is not None:
            said.append(value)
            for name, values in columns.items():
                values.append(row.get(name))
    if not said:
        return None
    codes = row_codes([_of_json(values, kinds[name]) for name, values in columns.items()])
    found: dict[int, list[Value]] = {}
    for code, value in zip(codes.tolist(), said, strict=True):
        found.setdefault(code, []).append(value)
    numbers = [value for value in said if isinstance(value, float)]
    near = NEAR * float(np.std(numbers)) if numbers else 0.0
    return _Known(np.array(sorted(found), dtype=np.uint64), found, near)


def _count(
    own: _Own, batch: pa.RecordBatch, kinds: Mapping[str, Kind], target: tuple[str, Kind], known: _Known
) -> None:
    read = [column_cells(batch, name, kind).values for name, kind in kinds.items()]
    codes = row_codes(read)
    places = np.flatnonzero(np.isin(codes, known.codes))
    name, kind = target
    values = _values(column_cells(batch, name, kind).values.take(pa.array(places)))
    for place, value in zip(places.tolist(), values, strict=True):
        own.asked += 1
        if value is not None and known.agrees(int(codes[place]), value):
            own.places.append(own.rows + place)
            own.values.add(value)
    own.rows += batch.num_rows


def _of_json(values: Sequence[object], kind: Kind) -> pa.Array:
    """Values of JSON as the contract's kind; what is none is missing."""
    fitting = FITTING.get(kind)
    stored = STORED.get(kind, pa.string())
    if fitting is None:
        read = pa.array([None if value is None else str(value) for value in values], stored)
    else:
        read = pa.array([fitting(value) for value in values], stored)
    return cells(read, kind).values


def _values(column: pa.Array) -> list[Value | None]:
    """Numbers as floats, all else as text; None where there is no value."""
    if pa.types.is_boolean(column.type) or pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return [number(value) for value in column.to_pylist()]
    found: list[Value | None] = pc.cast(column, pa.string()).to_pylist()
    return found
