"""What Baton reads among a table's custom properties: how files end, how text is written, and whether rows are refused alone.

The standard has no word for them; those of other tools are theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.data.rules import PLAIN, Dialect

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaObject

    from shared.data.faults import Faults

ENCODINGS: Mapping[str, str] = {
    "utf-8": "",
    "windows-1252": "cp1252",
    "iso-8859-1": "latin-1",
    "iso-8859-15": "iso8859-15",
}
QUOTES = ('"', "'")
FLOOR_PERCENT = 95.0


@dataclass(frozen=True, slots=True)
class Own:
    """The properties, as `Contract` has them."""

    ends_lines: bool = False
    floor_percent: float | None = None
    dialect: Dialect = PLAIN


def own_properties(table: SchemaObject, where: str, faults: Faults) -> Own:
    """What the table says; a value that cannot be meant is a fault."""
    said = {str(item.property): item.value for item in table.customProperties or [] if item.property in RIGHT}
    for name, value in said.items():
        if not _fits(name, value):
            faults.add(f"{where}.customProperties.{name}", f"found {value!r}", RIGHT[name])
    for what, todo in _disagreeing(said):
        faults.add(f"{where}.customProperties", what, todo)
    dialect = Dialect(
        ENCODINGS.get(str(said.get("encoding", "utf-8")).lower(), ""),
        str(said.get("delimiter", "")),
        "" if said.get("quote") == QUOTES[0] else str(said.get("quote", "")),
    )
    floor = said.get("acceptedShare", FLOOR_PERCENT) if said.get("acceptance") == "rows" else None
    return Own("lastLine" in said, float(floor) if isinstance(floor, int | float) else None, dialect)


RIGHT: Mapping[str, str] = {
    "lastLine": "ended",
    "acceptance": "file (one row that breaks a rule refuses the file) or rows (it is refused alone)",
    "acceptedShare": "percent of the rows, 50 to 100",
    "encoding": f"one of {', '.join(ENCODINGS)}; UTF-16 with a byte order mark is read without being named",
    "delimiter": "one character that is no letter, digit, quote, point, sign, space or line end",
    "quote": "\" or '",
}


def _fits(name: str, value: object) -> bool:
    match name:
        case "lastLine":
            return value == "ended"
        case "acceptance":
            return value in ("file", "rows")
        case "acceptedShare":
            return isinstance(value, int | float) and not isinstance(value, bool) and 50 <= value <= 100
        case "encoding":
            return isinstance(value, str) and value.lower() in ENCODINGS
        case "delimiter":
            return isinstance(value, str) and len(value) == 1 and _separates(value)
    return value in QUOTES


def _separates(mark: str) -> bool:
    return mark.isascii() and not mark.isalnum() and mark not in "\"'.+- \r\n\0\\"


def _disagreeing(said: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if "acceptedShare" in said and said.get("acceptance") != "rows":
        yield "acceptedShare without acceptance: rows", "both, or neither: a whole file is accepted or refused as one"
