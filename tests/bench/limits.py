"""`python -m tests.bench.limits`: what a check takes at the inline limit, and whether its memory stays flat; prints tables.

Files of the inline limit (64 MiB, unpacked) go the way that the app's checks go, in a child under a limit of memory: the least of
`--limits` (MB of data) under which it reads to the end, and there its computing, waiting and largest resident size.
Flat: check and profile of 1,000,000 and of `--rows` rows, each file deleted before the next is written.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from shared.data.checking import check_in_subprocess
from tests.bench.bench_data import run
from tests.bench.datafiles import FLOATS, contract_text, write_csv, write_parquet
from tests.bench.tables import table

INLINE_LIMIT = 64 << 20
SECONDS = 600.0
SAMPLE, SMALL = 50_000, 1_000_000
ALONE = "    customProperties: [{property: acceptance, value: rows}]\n"
QUERY = "    quality: [{type: sql, query: 'SELECT quantile_cont(f0, 0.99) FROM {object}', mustBeLessThan: 50}]\n"
NUMBERS = ("id", *(f"f{place}" for place in range(FLOATS)), "n0", "n1")
ANY_OTHER = re.compile(r"name: (c\d|at|flag)")


def sized(write: Callable[[Path, int], Path], file: Path) -> Path:
    """As many rows as fit into the inline limit."""
    rows = SAMPLE * INLINE_LIMIT // write(file, SAMPLE).stat().st_size
    return write(file, rows * 99 // 100)


def write_json(file: Path, rows: int) -> Path:
    """The rows as JSON lines."""
    source = write_csv(file.with_name("plain.csv"), rows)
    with csv.open_csv(source) as batches, file.open("w") as out:
        for batch in batches:
            out.writelines(json.dumps(row, default=str) + "\n" for row in batch.to_pylist())
    source.unlink()
    return file


def narrow(file: Path, rows: int) -> Path:
    """The columns of numbers with a digit in each cell, and so many more cells."""
    cells = np.random.default_rng(1).integers(ord("1"), ord("9"), (rows, 2 * len(NUMBERS)), dtype=np.uint8)
    cells[:, 1::2], cells[:, -1] = ord(","), ord("\n")
    file.write_bytes(",".join(NUMBERS).encode() + b"\n" + cells.tobytes())
    return file


def broken(file: Path, every: int, right: str = ",", wrong: str = ",x") -> Path:
    """A copy of a file of lines in which each such row has a word where a number belongs."""
    copy = file.with_name(f"broken-{every}-{file.name}")
    with file.open() as rows, copy.open("w") as out:
        for place, row in enumerate(rows):
            out.write(row if not place or place % every else row.replace(right, wrong, 1))
    return copy


def packed(file: Path, packing: str) -> Path:
    """A copy of a file, packed."""
    copy = file.with_name(f"{file.name}.{packing}")
    with file.open("rb") as source, pa.CompressedOutputStream(str(copy), packing) as out:
        shutil.copyfileobj(source, out)
    return copy


def shapes(folder: Path) -> Iterator[tuple[str, Path, str]]:
    """What the file is, the file, and its contract."""
    plain, rows = contract_text(unique=False), sized(write_csv, folder / "rows.csv")
    yield "CSV", rows, plain
    yield "CSV, unique key", rows, contract_text(unique=True)
    yield "CSV, whole-table query", rows, plain + QUERY
    yield "CSV, one wrong cell", broken(rows, 300_000), plain
    yield "CSV, 2 % of rows refused alone", broken(rows, 50), plain + ALONE
    yield "CSV, gzip", packed(rows, "gzip"), plain
    yield "CSV, Zstandard", packed(rows, "zstd"), plain
    yield (
        "CSV, a digit a cell",
        sized(narrow, folder / "narrow.csv"),
        "".join(line for line in plain.splitlines(keepends=True) if not ANY_OTHER.search(line)),
    )
    yield "Parquet", sized(write_parquet, folder / "rows.parquet"), plain
    lines = sized(write_json, folder / "rows.jsonl")
    yield "JSON lines", lines, plain
    yield "JSON lines, 2 % of rows refused alone", broken(lines, 50, '"f0": ', '"f0": "x", "z": '), plain + ALONE


def one(file: Path, contract: Path, memory_mb: int) -> Mapping[str, float]:
    """A check as the app does it, of the child alone: whether it read to the end, seconds, and largest resident size in MB."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        keep, profile = Path(name), Path(name, "profile.json")
        verdict = check_in_subprocess(file, contract, memory_mb=memory_mb, seconds=SECONDS, profile=profile, keep=keep)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = {"cpu": used.ru_utime + used.ru_stime, "wall": time.monotonic() - began}
    read = all(problem.rule != "readable" for problem in verdict.problems)
    return {"read": read, **seconds, "peak_mb": used.ru_maxrss / 1024}


def apart(file: Path, contract: Path, memory_mb: int) -> Mapping[str, float]:
    """`one`, in a process that has had no other child."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(one, file, contract, memory_mb).result()


def at_the_limit(folder: Path, limits_mb: Sequence[int]) -> Iterator[list[str]]:
    """A row of the table for each shape."""
    contract = folder / "contract.yaml"
    for name, file, text in shapes(folder):
        contract.write_text(text)
        for limit in limits_mb:
            found = apart(file, contract, limit)
            if found["read"]:
                break
        least = f"{limit} MB" if found["read"] else f"above {limit} MB"
        seconds = [f"{found[what]:.1f} s" for what in ("cpu", "wall")]
        row = [name, f"{file.stat().st_size / 1e6:.0f} MB", least, *seconds, f"{found['peak_mb']:.0f} MB"]
        print(*row, sep=" | ", file=sys.stderr, flush=True)
        yield row


def flat(folder: Path, rows: int) -> Iterator[list[str]]:
    """A row of the table for each kind of file."""
    contract = folder / "contract.yaml"
    contract.write_text(contract_text(unique=False))
    for kind, write in {"CSV": write_csv, "Parquet": write_parquet}.items():
        file = folder / f"flat.{kind.lower()}"
        found = {}
        for number in (SMALL, rows):
            found[number] = run("check and profile", write(file, number), contract)
            size = file.stat().st_size
            file.unlink()
        small, large = found[SMALL]["peak_mb"], found[rows]["peak_mb"]
        yield [
            kind,
            f"{size / 1e9:.2f} GB",
            f"{found[rows]['cpu']:.1f} s",
            f"{small:.0f} MB",
            f"{large:.0f} MB",
            f"{large / small:.2f}",
        ]


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.limits", description=__doc__)
    options.add_argument("--rows", type=int, default=10_000_000, help="of the large files; 0: only the inline limit")
    options.add_argument("--flat", action="store_true", help="only whether memory stays flat")
    options.add_argument("--limits", type=int, nargs="+", default=[256, 384, 512, 768, 1024], help="MB, growing")
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="baton-limits-") as name:
        folder = Path(name)
        if wanted.rows:
            header = ["file", "size", "computing", "peak at 1,000,000 rows", f"at {wanted.rows:,}", "ratio"]
            print(table(header, flat(folder, wanted.rows)), flush=True)
        if not wanted.flat:
            print(
                table(["file", "size", "least limit", "computing", "wall", "peak"], at_the_limit(folder, wanted.limits))
            )


if __name__ == "__main__":
    main()
