"""A first contract from files: rules that another file of the same kind keeps to, each with the reason that it is there.

A proposal is for a person to mend. Its rules together refuse a file of the same kind with a chance of at most `CHANCE`;
what they catch beside that is measured by `python -m tests.proposals`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from shared.data.ending import ends_with_line
from shared.data.formats import recognise
from shared.data.picks import EXACT
from shared.data.propose_limits import mean_limits, new_value_chance, range_limits, rounded, share_limit
from shared.data.propose_reading import Seen, seen
from shared.data.shown import counted

ENOUGH_ROWS = 100
KEY_ROWS = 1000
MOST_CATEGORIES = 100
MOST_CODES, RAREST_CODE = 10, 0.02
"""Whole numbers are codes rather than counts if they are few, and the rarest has this share of the rows."""
CHANCE = 0.002
OUTSIDE_PERCENT = 3
RULES_A_COLUMN = 4


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of a property, and why it is there."""

    text: str
    why: str
    is_quality: bool = False


@dataclass(frozen=True, slots=True)
class Basis:
    """What the limits are made from: the rows that were seen, the rows that a file has at least, and the chance of each rule."""

    rows: int
    file_rows: int
    chance: float


def propose(files: Sequence[Path], *, name: str, file_rows: int = ENOUGH_ROWS) -> str:
    """The text of a contract called `name` for files of at least `file_rows` rows; `SpecRefused` if a file cannot be read."""
    columns = seen(files)
    rows = len(columns[0].values)
    basis = Basis(rows, file_rows, CHANCE / (RULES_A_COLUMN * len(columns)))
    keys = [column.name for column in columns if _is_key(column, rows)]
    properties = [line for column in columns for line in _property(column, basis, keys)]
    return "\n".join([*_head(files, name, basis), *properties, ""])


def _head(files: Sequence[Path], name: str, basis: Basis) -> Iterator[str]:
    yield f"# Proposed from {counted(basis.rows, 'row')} of {', '.join(file.name for file in files)}. Read each rule, mend it,"
    yield "# and write what the columns mean: a proposal knows only what was in these files."
    if basis.rows < ENOUGH_ROWS:
        yield f"# Under {ENOUGH_ROWS} rows only names, types and presence are proposed: for limits, give more rows."
    else:
        yield f"# Limits have room for chance in files of {counted(basis.file_rows, 'row')} or more; for smaller ones, say --rows."
    yield from ("apiVersion: v3.1.0", "kind: DataContract", f"id: {_text(name)}", f"name: {_text(name)}")
    yield from ("version: 0.1.0", "status: proposed", "schema:", f"  - name: {_text(name)}")
    yield "    logicalType: object"
    if basis.rows >= ENOUGH_ROWS and all(ends_with_line(file, recognise(file)) for file in files):
        yield "    customProperties:  # all these files end with a line end: one without was cut inside its last row"
        yield "      - {property: lastLine, value: ended}"
    yield "    properties:"


def _property(column: Seen, basis: Basis, keys: Sequence[str]) -> Iterator[str]:
    yield f"      - name: {_text(column.name)}"
    values = len(column.values) - column.missing
    kind = f"all {counted(values, 'value')} can be read as {column.kind}" if values else "no value was seen"
    lines = [Line(f"logicalType: {column.kind}", kind), *_presence(column, basis)]
    if basis.rows >= ENOUGH_ROWS and values >= ENOUGH_ROWS:
        lines += _key(column, keys) if column.name in keys else _limits(column, basis)
    yield from (f"        {line.text}  # {line.why}" for line in lines if not line.is_quality)
    quality = [line for line in lines if line.is_quality]
    if quality:
        yield "        quality:"
        yield from (f"          - {line.text}  # {line.why}" for line in quality)


def _presence(column: Seen, basis: Basis) -> Iterator[Line]:
    if not column.missing:
        yield Line("required: true", f"none of {basis.rows} is missing")
    elif basis.rows >= ENOUGH_ROWS:
        most = share_limit(column.missing, basis.rows, file_rows=basis.file_rows, chance=basis.chance)
        if most < 1:
            why = f"{column.missing} of {basis.rows} are missing"
            yield Line(f"{{metric: nullValues, mustBeLessOrEqualTo: {_percent(most)}, unit: percent}}", why, True)


def _is_key(column: Seen, rows: int) -> bool:
    fits = column.kind in ("integer", "string") and not column.missing and rows >= KEY_ROWS
    return fits and bool(pc.count_distinct(column.values).as_py() == rows)


def _key(column: Seen, keys: Sequence[str]) -> Iterator[Line]:
    first = keys[0] == column.name
    why = f"no value came twice in {len(column.values)} rows; drop this line if that is chance"
    yield Line("primaryKey: true" if first else "unique: true", why)


def _limits(column: Seen, basis: Basis) -> Iterator[Line]:
    counts = sorted(pc.value_counts(column.values.drop_null()).to_pylist(), key=lambda each: -each["counts"])
    if column.kind in ("string", "boolean"):
        yield from _categories(column, counts, basis) if column.kind == "string" else ()
    elif column.kind in ("integer", "number"):
        yield from _numeric(column, counts, basis)
    else:
        yield Line("description: A time", "no range: later files hold later times")


def _categories(column: Seen, counts: Sequence[dict[str, object]], basis: Basis) -> Iterator[Line]:
    often = [int(str(each["counts"])) for each in counts]
    unseen = new_value_chance(often, file_rows=max(basis.rows, basis.file_rows))
    if len(counts) <= MOST_CATEGORIES and unseen <= basis.chance:
        values = json.dumps([each["values"] for each in counts], ensure_ascii=False)
        why = (
            f"{counted(len(counts), 'value')} in {sum(often)} rows, the rarest {often[-1]} times: another would be news"
        )
        yield Line(f"{{metric: invalidValues, arguments: {{validValues: {values}}}, mustBe: 0}}", why, True)


def _numeric(column: Seen, counts: Sequence[dict[str, object]], basis: Basis) -> Iterator[Line]:
    values = column.values.drop_null().to_numpy().astype(np.float64)
    if column.kind == "integer" and np.abs(values).max() >= EXACT:
        yield Line("description: A number", "no range: above 2**53 it is a name, and limits would be inexact")
        return
    often = [int(str(each["counts"])) for each in counts]
    are_codes = 1 < len(often) <= MOST_CODES and often[-1] >= RAREST_CODE * len(values)
    categories = _categories(column, counts, basis) if are_codes and bool((values == np.floor(values)).all()) else ()
    yield from (lines := tuple(categories))
    if often[0] > len(values) / 2:
        yield _share(counts[0]["values"], len(values) - often[0], len(values), basis)
        return
    if not lines:
        yield _range(column, values, basis)
    yield _mean(values, basis)


def _share(value: object, others: int, rows: int, basis: Basis) -> Line:
    most = share_limit(others, rows, file_rows=basis.file_rows, chance=basis.chance)
    rule = f"metric: invalidValues, arguments: {{validValues: [{value}]}}, mustBeLessOrEqualTo: {_percent(most)}"
    return Line(
        f"{{{rule}, unit: percent}}", f"{rows - others} of {rows} are {value}: a share, since a range says little", True
    )


def _range(column: Seen, values: np.ndarray, basis: Basis) -> Line:
    low, high, holds_all = range_limits(values, chance=basis.chance)
    least, most = rounded(low, up=False, like=high - low), rounded(high, up=True, like=high - low)
    if column.kind == "integer":
        least, most = int(np.floor(least)), int(np.ceil(most))
    why = f"seen: {values.min():g} to {values.max():g}"
    if holds_all:
        ends = f"minimum: {_number(least)}, maximum: {_number(most)}"
        return Line(f"logicalTypeOptions: {{{ends}}}", f"{why}, and no long tail on either side")
    rule = f"{OUTSIDE} {_number(least)} AND {_number(most)}"
    why += "; single values may lie farther, as its tails do not end there"
    return Line(f'{{{rule}", mustBeLessOrEqualTo: {OUTSIDE_PERCENT}, unit: percent}}', why, True)


OUTSIDE = 'type: sql, query: "SELECT count(*) FROM {object} WHERE {property} NOT BETWEEN'
AVERAGE = 'type: sql, query: "SELECT avg({property}) FROM {object}"'


def _mean(values: np.ndarray, basis: Basis) -> Line:
    low, high = mean_limits(values, file_rows=basis.file_rows, chance=basis.chance)
    like = high - low
    between = f"[{_number(rounded(low, up=False, like=like))}, {_number(rounded(high, up=True, like=like))}]"
    why = (
        f"seen: {values.mean():.4g}, standard deviation {values.std(ddof=1):.3g}; another unit or column would move it"
    )
    return Line(f"{{{AVERAGE}, mustBeBetween: {between}}}", why, True)


def _percent(share: float) -> str:
    return _number(min(100.0, rounded(100 * share, up=True, like=100 * share)))


def _number(value: float) -> str:
    """A number as YAML reads it: 1e-05 would be text."""
    text = f"{value:.12g}" if abs(value) < 1e11 else f"{value:f}".rstrip("0").rstrip(".")
    return text if "e" not in text else f"{float(text):.12f}".rstrip("0").rstrip(".") or "0"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
