"""`python -m tests.drift --rows 50000 --draws 1000 [--shape normal] [--seconds 600]`: false alarms by shape, with their intervals.

Counts are kept in .baton/drift.jsonl part by part: what was drawn once is not drawn again, so what takes hours can be run in pieces. A
table tells what is there, whether or not all draws are.
"""

from __future__ import annotations

import argparse
import time

from tests.conftest import PROJECT
from tests.drift.kept import Kept
from tests.drift.shapes import SHAPES

KEPT = PROJECT / ".baton" / "drift.jsonl"


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.drift", description=__doc__)
    options.add_argument("--rows", type=int, nargs="+", default=[500, 5_000, 50_000])
    options.add_argument("--draws", type=int, default=1_000)
    options.add_argument("--shape", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing new after so long")
    wanted = options.parse_args()
    until = time.monotonic() + wanted.seconds
    print("| shape | rows a file | files | alarms | rate | 95 % interval |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    for rows in wanted.rows:
        for shape in wanted.shape:
            rate = Kept(KEPT).rate(shape, rows, wanted.draws, seed=wanted.seed, until=until)
            if not rate.draws:
                continue
            low, high = rate.interval
            shares = f"{rate.alarms / rate.draws:.2%} | {low:.2%} to {high:.2%}"
            print(f"| {shape} | {rows:,} | {rate.draws:,} | {rate.alarms} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
