"""What another reader finds in a file: Python's csv and json, DuckDB for Parquet, gzip of Python. Cell by cell."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from tests.mutated.files import COLUMNS

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "Null", "null", "None", "none")
Cells = list[tuple[object, ...]]


def second_reading(file: Path, name: str) -> Cells:
    """The rows with typed cells; ValueError (or the reader's own error) for what this reader cannot read."""
    if name == "parquet":
        return _parquet(file)
    content = _unpacked(file, name)
    found = _json(content) if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else _csv(content)
    return [typed(row) for row in found]


def typed(row: Sequence[object]) -> tuple[object, ...]:
    """The row's cells as the contract's kinds."""
    number, size, *texts = row
    return (_integer(number), _number(size), *(_text(value) for value in texts))


def _unpacked(file: Path, name: str) -> bytes:
    if name.endswith("gz"):
        return gzip.decompress(file.read_bytes())
    if name.endswith("zst"):
        with pa.input_stream(str(file), compression="zstd") as stream:  # it has no cells yet; Python 3.11 reads no zstd
            return bytes(stream.read())
    return file.read_bytes()


def _csv(content: bytes) -> list[list[str]]:
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    header, *rows = (row for row in lines if row)
    places = [header.index(name) for name in COLUMNS]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"{len(row)} cells: {row!r:.100}")
    return [[row[place] for place in places] for row in rows]


def _json(content: bytes) -> list[list[object]]:
    objects = [json.loads(line) for line in content.decode("utf-8-sig").split("\n") if line.strip()]
    return [[value.get(name) for name in COLUMNS] for value in objects]


def _parquet(file: Path) -> Cells:
    import duckdb

    with duckdb.connect() as asked:
        named = ", ".join(f'"{name}"' for name in COLUMNS)
        return [typed(row) for row in asked.execute(f"SELECT {named} FROM read_parquet(?)", [str(file)]).fetchall()]  # noqa: S608


def _integer(value: object) -> int | None:
    found = _number(value)
    if found is None:
        return None
    if found != int(found):
        raise ValueError(f"{value!r} is no whole number")
    return int(value) if isinstance(value, int) else int(str(value).strip().split(".")[0])


def _number(value: object) -> float | None:
    if value is None or (isinstance(value, str) and value.strip() in MISSING):
        return None
    found = float(value)  # type: ignore[arg-type]  # a ValueError is an answer
    if isinstance(value, float) and math.isnan(found):
        return None
    if not math.isfinite(found) or "_" in str(value):
        raise ValueError(f"{value!r} is no number")
    return found


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value)
