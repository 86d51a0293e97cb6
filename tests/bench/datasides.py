"""`python -m tests.bench.datasides SIDE FILE [CONTRACT [PROFILE]]`: do one thing with a file in a process of its own, and time it.

Prints {"cpu": seconds, "wall": seconds, "peak_mb": of this program}; imports are not counted.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.datafiles import CATEGORIES, FLOATS

KB_A_MB = 1024


def main() -> None:
    side, file, *contract = sys.argv[1:]
    work = SIDES[side](file, *contract)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    found = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    print(json.dumps({**found, "peak_mb": peak_mb()}))


def peak_mb() -> float:
    """The most that this program had resident; ru_maxrss would count the one that started it, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / KB_A_MB


def _arrow(file: str, *, threads: bool) -> Callable[[], Any]:
    import pandas  # noqa: F401 - Arrow would load it while it reads
    from pyarrow import csv, parquet

    if file.endswith(".csv"):
        return lambda: csv.read_csv(file, read_options=csv.ReadOptions(use_threads=threads))
    return lambda: parquet.read_table(file, use_threads=threads)


def _duckdb(file: str) -> Callable[[], Any]:
    import duckdb

    duckdb.sql("set threads to 1")
    read = duckdb.read_csv if file.endswith(".csv") else duckdb.read_parquet
    return lambda: read(file).to_arrow_table()


def _pandera(file: str) -> Callable[[], Any]:
    """The same rules by pandera on pandas, read by pandas' quickest reader. It makes no profile."""
    import pandas
    from pandera.pandas import Check, Column, DataFrameSchema

    listed = [f"category {name}" for name in range(50)]
    columns = {"id": Column(int, nullable=False), "at": Column(nullable=False), "flag": Column(bool, nullable=True)}
    columns |= {f"f{place}": Column(float, Check.in_range(-100, 100), nullable=False) for place in range(FLOATS)}
    columns |= {f"c{place}": Column(str, Check.isin(listed), nullable=True) for place in range(CATEGORIES)}
    columns |= {f"n{place}": Column(int, Check.in_range(0, 1000), nullable=False) for place in range(2)}
    schema = DataFrameSchema(columns, strict=True)

    def work() -> None:
        csv = file.endswith(".csv")
        frame = pandas.read_csv(file, engine="pyarrow") if csv else pandas.read_parquet(file)
        schema.validate(frame, lazy=True)

    return work


def _check(file: str, contract: str, *, profiled: bool) -> Callable[[], Any]:
    from shared.data.check import check
    from shared.data.contract import read_contract
    from shared.data.lean import without_pandas
    from shared.data.profile import Profile

    without_pandas()
    rules = read_contract(Path(contract))

    def work() -> None:
        profile = Profile.of(rules)
        verdict = check(Path(file), rules, profile if profiled else None)
        if not verdict.accepted:
            raise SystemExit(verdict.summary)
        json.dumps(profile.to_dict())

    return work


def _drift(file: str, contract: str, stored: str) -> Callable[[], Any]:
    """Check and profile of a file, and its comparison with a stored profile."""
    from shared.data.check import check
    from shared.data.comparing import compare
    from shared.data.contract import read_contract
    from shared.data.lean import without_pandas
    from shared.data.profile import Profile, read_profile

    without_pandas()
    rules = read_contract(Path(contract))

    def work() -> None:
        profile = Profile.of(rules)
        check(Path(file), rules, profile)
        compare(read_profile(Path(stored).read_bytes()), profile)

    return work


SIDES: dict[str, Callable[..., Callable[[], Any]]] = {
    "pyarrow": lambda file: _arrow(file, threads=False),
    "pyarrow, all cores": lambda file: _arrow(file, threads=True),
    "duckdb": _duckdb,
    "pandera": _pandera,
    "check": lambda file, contract: _check(file, contract, profiled=False),
    "check and profile": lambda file, contract: _check(file, contract, profiled=True),
    "check, profile and drift": _drift,
}


if __name__ == "__main__":
    main()
