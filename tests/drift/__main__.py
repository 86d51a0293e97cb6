"""`python -m tests.drift --rows 50000 --draws 1000 [--shape normal] [--changed] [--seconds 600]`: false alarms by shape, and how often
all rows decide as the profiles do, with their intervals.

Counts are kept in .baton/drift.jsonl part by part: what was drawn once is not drawn again, so what takes hours can be run in pieces. A
table tells what is there, whether or not all draws are. `--changed` counts pairs whose second file drifted by any amount.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tests.conftest import PROJECT
from tests.drift.kept import Kept, turns
from tests.drift.rates import wilson
from tests.drift.shapes import SHAPES

KEPT = PROJECT / ".baton" / "drift.jsonl"
HEAD = (
    "| shape | rows a file | files | alarms | rate | 95 % interval | decided as all rows | 95 % interval |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.drift", description=__doc__)
    options.add_argument("--rows", type=int, nargs="+", default=[500, 5_000, 50_000])
    options.add_argument("--draws", type=int, default=1_000)
    options.add_argument("--shape", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    options.add_argument("--changed", action="store_true", help="pairs of which the second drifted")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing new after so long")
    options.add_argument("--kept", type=Path, default=KEPT, help="the file of counts")
    wanted = options.parse_args()
    until = time.monotonic() + wanted.seconds
    kept = Kept(wanted.kept)
    print(HEAD)
    for rows in wanted.rows:
        rates = {}
        for draws in turns(wanted.draws, rows):
            for shape in wanted.shape:
                rates[shape] = kept.rate(shape, rows, draws, seed=wanted.seed, changed=wanted.changed, until=until)
        for shape, rate in rates.items():
            if rate.draws:
                print(f"| {shape} | {rows:,} | {rate.draws:,} | {_told(rate.alarms, rate.draws)} |", end="")
                print(f" {_told(rate.equal, rate.draws).partition('| ')[2]} |", flush=True)


def _told(found: int, draws: int) -> str:
    low, high = wilson(found, draws)
    return f"{found} | {found / draws:.2%} | {low:.2%} to {high:.2%}"


if __name__ == "__main__":
    main()
