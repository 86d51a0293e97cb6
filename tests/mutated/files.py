"""Seeded files of 1 to 50 kB in every format that is read, and what may happen to their bytes on the way."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable, Mapping

import pyarrow as pa
from pyarrow import parquet

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: t
version: 1.0.0
schema:
  - name: rows
    properties:
      - {name: ID, logicalType: integer}
      - {name: SIZE, logicalType: number}
      - {name: TOWN, logicalType: string}
      - {name: NOTE, logicalType: string}
"""
COLUMNS = ("ID", "SIZE", "TOWN", "NOTE")
TOWNS = ("Ulm", "Bonn", "Köln", "", "Bad Tölz", "São Paulo", "a, b", 'the "Old" Town', "two\nlines")
INSERTED = (
    b'"',
    b'""',
    b"\n",
    b"\r",
    b"\r\n",
    b",",
    b";",
    b"\t",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\\",
    b"'",
    b"{",
    b"}",
    b" ",
    b"\x1a",
)

Row = tuple[int, float | None, str, str]


def rows(rng: random.Random, count: int) -> list[Row]:
    """Rows of the contract."""
    return [
        (n, None if rng.random() < 0.05 else round(rng.gauss(50, 20), 3), rng.choice(TOWNS), "x" * rng.randrange(9))
        for n in range(count)
    ]


def as_csv(found: list[Row], *, always: bool = False) -> bytes:
    """As CSV; cells are quoted where they must be, or `always`."""
    lines = [",".join(COLUMNS), *(",".join(_cell(value, always=always) for value in row) for row in found)]
    return ("\n".join(lines) + "\n").encode()


def _cell(value: object, *, always: bool) -> str:
    text = "" if value is None else str(value)
    if always or any(mark in text for mark in ',"\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def as_jsonl(found: list[Row]) -> bytes:
    """As JSON lines."""
    return b"".join(json.dumps(dict(zip(COLUMNS, row, strict=True))).encode() + b"\n" for row in found)


def as_parquet(found: list[Row]) -> bytes:
    """As Parquet."""
    sink = io.BytesIO()
    parquet.write_table(pa.table(dict(zip(COLUMNS, map(list, zip(*found, strict=True)), strict=True))), sink)
    return sink.getvalue()


PACKINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "csv.gz": lambda content: gzip.compress(content, mtime=0),
    "csv.zst": lambda content: pa.compress(content, "zstd", asbytes=True),
}
FORMATS: Mapping[str, Callable[[list[Row]], bytes]] = {
    "csv": as_csv,
    "quoted": lambda found: as_csv(found, always=True),
    "windows": lambda found: as_csv(found).replace(b"\n", b"\r\n"),
    "jsonl": as_jsonl,
    "parquet": as_parquet,
    "csv.gz": lambda found: PACKINGS["csv.gz"](as_csv(found)),
    "csv.zst": lambda found: PACKINGS["csv.zst"](as_csv(found)),
}


def mutated(seed: int) -> tuple[str, bytes]:
    """File number `seed`: its format, and its bytes after one to four mutations. The same number gives the same file."""
    rng = random.Random(seed)
    name = rng.choice(tuple(FORMATS))
    found = rows(rng, rng.randrange(40, 1200))
    pack = PACKINGS.get(name)
    if pack is None or rng.random() < 0.5:
        return name, _several(rng, FORMATS[name](found))
    return name, pack(_several(rng, as_csv(found)))


def _several(rng: random.Random, content: bytes) -> bytes:
    for _ in range(rng.randrange(1, 5)):
        content = rng.choice(MUTATIONS)(rng, content)
    return content


def _flip(rng: random.Random, content: bytes) -> bytes:
    place = rng.randrange(max(1, len(content)))
    return (
        content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1 :] if content else b""
    )


def _noise(rng: random.Random, content: bytes) -> bytes:
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.randbytes(rng.randrange(1, 30)) + content[place + rng.randrange(30) :]


def _insert(rng: random.Random, content: bytes) -> bytes:
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.choice(INSERTED) + content[place:]


def _delete(rng: random.Random, content: bytes) -> bytes:
    place = rng.randrange(len(content) + 1)
    return content[:place] + content[place + rng.choice((1, 1, 2, 20, 2000)) :]


def _cut(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _repeat(rng: random.Random, content: bytes) -> bytes:
    place = rng.randrange(len(content) + 1)
    part = content[place : place + rng.randrange(1, 400)]
    return content[:place] + part * rng.randrange(2, 4) + content[place + len(part) :]


def _exchange(rng: random.Random, content: bytes) -> bytes:
    old, new = rng.choice(
        ((b",", b";"), (b'"', b""), (b'"', b"'"), (b"\n", b"\r"), (b"\xc3", b"\xc3\x28"), (b"0", b"O"))
    )
    return content.replace(old, new, rng.randrange(1, 4))


MUTATIONS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _flip, _flip, _insert, _insert, _insert, _delete, _delete, _cut, _noise, _repeat, _exchange,
)  # fmt: skip
