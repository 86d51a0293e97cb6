"""Files of any number of rows and twenty columns, and the contract that they keep: what the data path is measured with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

BLOCK = 100_000
FLOATS, CATEGORIES = 10, 5
HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: bench\nversion: 1.0.0\nschema:\n  - name: rows\n    properties:\n"


def contract_text(*, unique: bool, patterns: bool = False) -> str:
    """A rule or two on each of the twenty columns; `unique` adds the one that must remember every row, `patterns` those of texts."""
    key = ", unique: true" if unique else ""
    lines = [f"{{name: id, logicalType: integer, required: true{key}}}"]
    number = "logicalType: number, required: true, logicalTypeOptions: {minimum: -100, maximum: 100}"
    lines += [f"{{name: f{place}, {number}}}" for place in range(FLOATS)]
    listed = ", ".join(f"category {name}" for name in range(50))
    enum = f"quality: [{{metric: invalidValues, mustBe: 0, arguments: {{validValues: [{listed}]}}}}]"
    like = ', logicalTypeOptions: {pattern: "^category [0-9]+$"}' if patterns else ""
    lines += [f"{{name: c{place}, logicalType: string{like}, {enum}}}" for place in range(CATEGORIES)]
    whole = "logicalType: integer, required: true, logicalTypeOptions: {minimum: 0, maximum: 1000}"
    lines += [f"{{name: n{place}, {whole}}}" for place in range(2)]
    lines += ["{name: at, logicalType: timestamp, required: true}", "{name: flag, logicalType: boolean}"]
    return HEAD + "".join(f"      - {line}\n" for line in lines)


def write_csv(file: Path, rows: int) -> Path:
    """The same rows as CSV."""
    with csv.CSVWriter(file, _block(0, 1).schema) as writer:
        for block in _blocks(rows):
            writer.write(block)
    return file


def write_parquet(file: Path, rows: int) -> Path:
    """The same rows as Parquet."""
    with parquet.ParquetWriter(file, _block(0, 1).schema) as writer:
        for block in _blocks(rows):
            writer.write_batch(block)
    return file


def _blocks(rows: int) -> Iterator[pa.RecordBatch]:
    for first in range(0, rows, BLOCK):
        yield _block(first, min(BLOCK, rows - first))


def _block(first: int, rows: int) -> pa.RecordBatch:
    random = np.random.default_rng(first)
    names = pa.array([f"category {number}" for number in range(50)])
    columns: dict[str, pa.Array] = {"id": pa.array(np.arange(first, first + rows))}
    columns |= {f"f{place}": pa.array(random.normal(size=rows).round(6)) for place in range(FLOATS)}
    for place in range(CATEGORIES):
        picked = pa.array(random.integers(0, 50, rows), pa.int32())
        columns[f"c{place}"] = pa.DictionaryArray.from_arrays(picked, names).dictionary_decode()
    columns |= {f"n{place}": pa.array(random.integers(0, 1000, rows)) for place in range(2)}
    seconds = 1_750_000_000 + random.integers(0, 30_000_000, rows)
    columns["at"] = pa.array(seconds * 1_000_000, pa.int64()).cast(pa.timestamp("us", "UTC"))
    columns["flag"] = pa.array(random.random(rows) < 0.3)
    return pa.RecordBatch.from_pydict(columns)
