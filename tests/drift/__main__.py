"""`python -m tests.drift --rows 50000 --draws 1000 [--shape normal]`: false alarms by shape, with their intervals."""

from __future__ import annotations

import argparse

from tests.drift.rates import false_alarms
from tests.drift.shapes import SHAPES


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.drift", description=__doc__)
    options.add_argument("--rows", type=int, nargs="+", default=[500, 5_000, 50_000])
    options.add_argument("--draws", type=int, default=1_000)
    options.add_argument("--shape", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    options.add_argument("--seed", type=int, default=0)
    wanted = options.parse_args()
    print("| shape | rows a file | files | alarms | rate | 95 % interval |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    for shape in wanted.shape:
        for rows in wanted.rows:
            rate = false_alarms(shape, rows, wanted.draws, seed=wanted.seed)
            low, high = rate.interval
            shares = f"{rate.alarms / rate.draws:.2%} | {low:.2%} to {high:.2%}"
            print(f"| {shape} | {rows:,} | {rate.draws:,} | {rate.alarms} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
