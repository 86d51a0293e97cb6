"""A contract with each kind of rule, and tables of which each breaks one kind, far apart in the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

ROWS = 3_000
AT = datetime(2026, 3, 1, tzinfo=UTC)
ZONE = "America/New_York"  # of Spark's session, which is to change no verdict
PLACES = (3, 1_200, 1_201, 2_990)
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: t
version: 1.0.0
schema:
  - name: rows
    properties:
      - {name: ID, logicalType: integer, primaryKey: true}
      - {name: AGE, logicalType: number, required: true, logicalTypeOptions: {minimum: 18, maximum: 99}}
      - {name: TOWN, logicalType: string, logicalTypeOptions: {pattern: "^[A-Z]"}, relationships: [{to: towns.NAME}]}
      - name: KIND
        logicalType: string
        enum: [{value: a}, {value: b}]
        quality: [{metric: nullValues, mustBeLessThan: 50, unit: percent}]
      - {name: MAIL, logicalType: string, tags: [pii], logicalTypeOptions: {maxLength: 12}, unique: true}
      - {name: AT, logicalType: timestamp}
      - {name: SINCE, logicalType: date, logicalTypeOptions: {minimum: 2020-01-01}}
      - {name: OK, logicalType: boolean}
    quality:
      - {metric: rowCount, mustBeGreaterThan: 1000}
      - {metric: duplicateValues, arguments: {properties: [TOWN, AT]}, mustBe: 0}
      - {type: sql, query: 'SELECT count(*) FROM {object} WHERE "AGE" < 20 AND "OK"', mustBe: 0}
      - {type: sql, query: 'SELECT avg("AGE") FROM {object}', mustBeLessThan: 70, severity: warning}
slaProperties:
  - {property: freshness, value: 1, unit: d, element: rows.AT}
"""
TOWNS = ("Ulm", "Bonn", "Köln", "ulm")


@dataclass(frozen=True, slots=True)
class Drop:
    """A table, the rules that it breaks as (rule, column), and whether it is accepted all the same."""

    rows: pa.Table
    broken: frozenset[tuple[str, str]]
    accepted: bool = False


def references(folder: Path) -> Path:
    """The towns that a foreign key may name, as `check` finds them."""
    (folder / "towns").mkdir(parents=True)
    (folder / "towns" / "000001").write_text("NAME\n" + "\n".join(TOWNS) + "\n", encoding="utf-8")
    return folder


def good() -> dict[str, Any]:
    """The columns of a table that breaks no rule."""
    draw = np.random.default_rng(1)
    numbers = np.arange(ROWS)
    times = [AT - timedelta(minutes=int(number)) for number in numbers]
    return {
        "ID": numbers,
        "AGE": draw.uniform(21, 98, ROWS).round(1),
        "TOWN": np.array(TOWNS[:3], object)[draw.integers(0, 3, ROWS)],
        "KIND": np.array(["a", "b", None], object)[draw.integers(0, 3, ROWS)],
        "MAIL": np.array([f"x{number}@y.z" for number in numbers], object),
        "AT": np.array(times, object),
        "SINCE": np.array([moment.date() for moment in times], object),
        "OK": draw.random(ROWS) < 0.5,
    }


def _set(column: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(columns: dict[str, Any]) -> None:
        values = columns[column].astype(object)
        for place in PLACES:
            values[place] = value(columns, place) if callable(value) else value
        columns[column] = values

    return change


def _text(columns: dict[str, Any]) -> None:
    columns["ID"] = columns["ID"].astype(str).astype(object)
    _set("ID", "no number")(columns)


def _condition(columns: dict[str, Any]) -> None:
    _set("AGE", 19.0)(columns)
    _set("OK", True)(columns)


def _repeat(columns: dict[str, Any]) -> None:
    """More repeats than are told by row, of a key in another part of the file."""
    columns["ID"][-40:] = columns["ID"][:40]


def _together(columns: dict[str, Any]) -> None:
    for name in ("TOWN", "AT"):
        columns[name][-2:] = columns[name][:2]


def _old(columns: dict[str, Any]) -> None:
    columns["AT"] = columns["AT"] - timedelta(days=3)


def _many_missing(columns: dict[str, Any]) -> None:
    columns["KIND"][100:] = None


def _older(columns: dict[str, Any]) -> None:
    columns["AGE"] = np.minimum(columns["AGE"] + 30, 98)


EACH: Mapping[str, tuple[Callable[[dict[str, Any]], None], frozenset[tuple[str, str]]]] = {
    "a type": (_text, frozenset({("type", "ID")})),
    "required": (_set("AGE", None), frozenset({("required", "AGE")})),
    "a range": (_set("AGE", 150.5), frozenset({("maximum", "AGE")})),
    "a range of dates": (_set("SINCE", datetime(2019, 5, 6, tzinfo=UTC).date()), frozenset({("minimum", "SINCE")})),
    "a pattern": (_set("TOWN", "ulm"), frozenset({("pattern", "TOWN")})),
    "a length": (_set("MAIL", lambda _, place: f"{place}@a.very.long.one"), frozenset({("maxLength", "MAIL")})),
    "valid values": (_set("KIND", "c"), frozenset({("enum", "KIND")})),
    "a key": (_repeat, frozenset({("primaryKey", "ID")})),
    "unique": (_set("MAIL", lambda columns, place: columns["MAIL"][place - 2]), frozenset({("unique", "MAIL")})),
    "columns together": (_together, frozenset({("duplicateValues", "TOWN, AT")})),
    "a foreign key": (_set("TOWN", "Nowhere"), frozenset({("relationship", "TOWN")})),
    "a share of nulls": (_many_missing, frozenset({("nullValues", "KIND")})),
    "a condition": (_condition, frozenset({("sql", "AGE, OK")})),
    "a mean": (_older, frozenset({("sql", "AGE")})),
    "freshness": (_old, frozenset({("freshness", "AT")})),
}


def drops() -> Mapping[str, Drop]:
    """Tables by what is broken in them."""
    made = {"nothing": Drop(pa.table(good()), frozenset(), accepted=True)}
    for name, (change, broken) in EACH.items():
        columns = good()
        change(columns)
        made[name] = Drop(pa.table(columns), broken, accepted=name == "a mean")
    whole = made["nothing"].rows
    made["the number of rows"] = Drop(whole.slice(0, 900), frozenset({("rowCount", "")}))
    made["a column"] = Drop(whole.drop_columns(["OK"]), frozenset({("missing_column", "OK")}))
    made["no column"] = Drop(whole.append_column("MORE", whole["ID"]), frozenset({("extra_column", "")}), accepted=True)
    made["rows"] = Drop(whole.slice(0, 0), frozenset({("rows", ""), ("freshness", "AT")}))
    return made
