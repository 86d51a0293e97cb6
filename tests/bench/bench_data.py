"""Check and profile of a file: at most twice the computing of the fastest full read for CSV, four times for Parquet.

1,000,000 rows of twenty columns; computing seconds (user and system) of a process of its own, the least of three rounds in
which the sides take turns. Memory at 10,000,000 rows against 1,000,000; 1,000 files of 10 kB; drift of two profiles.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.data.check import check
from shared.data.comparing import compare
from shared.data.contract import read_contract
from shared.data.profile import Profile
from tests.bench.datafiles import contract_text, write_csv, write_parquet
from tests.bench.figures import Figure, report
from tests.conftest import PROJECT

ROWS, LARGE, ROUNDS = 1_000_000, 10_000_000, 3
READERS = ("pyarrow", "pyarrow, all cores", "duckdb")
OURS = ("check", "check and profile")
SMALL_FILES, SMALL_ROWS = 1_000, 50
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
Took = Mapping[str, float]


def run(side: str, file: Path, contract: Path, *more: Path) -> Took:
    """One side on one file, with the check's own environment where it is ours."""
    ours = side.startswith("check")
    environment = {**os.environ, **(QUIET if ours else {})}
    words = [side, str(file), *map(str, [contract, *more] if ours else [])]
    command = [sys.executable, "-m", "tests.bench.datasides", *words]
    ended = subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: Took = json.loads(ended.stdout)
    return found


def sides(file: Path, contract: Path, rounds: int) -> dict[str, Took]:
    """The least that each side took."""
    all_of: dict[str, list[Took]] = {side: [] for side in (*READERS, "pandera", *OURS)}
    for _ in range(rounds):
        for side, found in all_of.items():
            found.append(run(side, file, contract))
    return {
        side: {what: min(each[what] for each in found) for what in ("cpu", "wall", "peak_mb")}
        for side, found in all_of.items()
    }


def ratio(found: Mapping[str, Took], sides: Sequence[str] = READERS) -> float:
    """The computing of check and profile against the quickest of these sides."""
    return found["check and profile"]["cpu"] / min(found[side]["cpu"] for side in sides)


def small_files(folder: Path, contract: Path) -> Mapping[str, float]:
    """Computing milliseconds a file for 1,000 small files, and for the same rows in one."""
    rules = read_contract(contract)
    files = [write_csv(folder / f"small-{number}.csv", SMALL_ROWS) for number in range(SMALL_FILES)]
    whole = write_csv(folder / "whole.csv", SMALL_FILES * SMALL_ROWS)
    began = time.process_time()
    for file in files:
        check(file, rules, Profile.of(rules))
    apart = time.process_time() - began
    began = time.process_time()
    check(whole, rules, Profile.of(rules))
    together = time.process_time() - began
    size = sum(file.stat().st_size for file in files) / len(files)
    return {"apart_ms": 1000 * apart / len(files), "together_ms": 1000 * together / len(files), "bytes": size}


def drift_ms(folder: Path, contract: Path) -> float:
    """Computing milliseconds of a comparison of two stored profiles of twenty columns, 100,000 rows each; the least of 20."""
    rules = read_contract(contract)
    pair = [Profile.of(rules), Profile.of(rules)]
    for profile in pair:
        check(write_csv(folder / "drift.csv", 100_000), rules, profile)
    stored = [Profile.from_dict(profile.to_dict()) for profile in pair]
    least = float("inf")
    for _ in range(20):
        began = time.process_time()
        compare(*stored)
        least = min(least, time.process_time() - began)
    return 1000 * least


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.bench_data", description=__doc__)
    options.add_argument("--large", type=int, default=LARGE, help="rows of the large files")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as name:
        folder = Path(name)
        contract = folder / "contract.yaml"
        contract.write_text(contract_text(unique=False))
        files = {"csv": write_csv(folder / "rows.csv", ROWS), "parquet": write_parquet(folder / "rows.parquet", ROWS)}
        found = {kind: sides(file, contract, wanted.rounds) for kind, file in files.items()}
        grown = {
            "csv": run("check and profile", write_csv(folder / "large.csv", wanted.large), contract),
            "parquet": run("check and profile", write_parquet(folder / "large.parquet", wanted.large), contract),
        }
        small, drift = small_files(folder, contract), drift_ms(folder, contract)
    growth = {kind: grown[kind]["peak_mb"] / found[kind]["check and profile"]["peak_mb"] for kind in found}
    figures = [
        Figure("check and profile against the fastest read, CSV", round(ratio(found["csv"]), 2), "×", 2.0),
        Figure("check and profile against the fastest read, Parquet", round(ratio(found["parquet"]), 2), "×", 4.0),
        *(
            Figure(f"check and profile against pandera's check, {kind}", round(ratio(each, ["pandera"]), 2), "×", 1.0)
            for kind, each in found.items()
        ),
        Figure(f"memory at {wanted.large // ROWS} times the rows, CSV", round(growth["csv"], 2), "×", 1.2),
        Figure(f"memory at {wanted.large // ROWS} times the rows, Parquet", round(growth["parquet"], 2), "×", 1.2),
        Figure("peak memory of a check", round(max(each["peak_mb"] for each in grown.values())), "MB", 1500.0),
        Figure("a small file's check and profile", round(small["apart_ms"], 2), "ms"),
        Figure("the same rows as a part of one file", round(small["together_ms"], 2), "ms"),
        Figure("drift of two profiles of twenty columns", round(drift, 2), "ms", 10.0),
    ]
    report(
        "data", figures, {"sides": found, "large": grown, "rows": wanted.large, "small": small, "load": os.getloadavg()}
    )


if __name__ == "__main__":
    main()
