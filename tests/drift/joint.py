"""`python -m tests.drift.joint --rows 150 500 2000 --draws 100`: how often joint drift is called, without any and with some."""

from __future__ import annotations

import argparse

import numpy as np
import pyarrow as pa

from shared.data.rules import Column, Contract
from shared.runs.joint import joint_drift
from tests.drift.rates import Rate

COLUMNS = 10
CONTRACT = Contract(tuple(Column(f"x{number}", "number") for number in range(COLUMNS)))
CORRELATION = 0.5


def table(random: np.random.Generator, rows: int, *, correlation: float = CORRELATION) -> pa.Table:
    """Normal columns, heavy-tailed ones and counts; the first two go together."""
    values = random.normal(size=(rows, COLUMNS))
    values[:, 1] = correlation * values[:, 0] + np.sqrt(1 - correlation**2) * values[:, 1]
    values[:, 4:7] = random.standard_t(2, (rows, 3))
    values[:, 7:] = random.poisson(3, (rows, 3))
    return pa.table({column.name: values[:, number] for number, column in enumerate(CONTRACT.columns)})


def alarms(rows: int, draws: int, *, correlation: float = CORRELATION, seed: int = 0) -> Rate:
    """How many of the pairs are called drifted, of which the second has this correlation."""
    found = 0
    for number in range(draws):
        random = np.random.default_rng([seed, rows, number])
        pair = table(random, rows), table(random, rows, correlation=correlation)
        found += joint_drift(*pair, CONTRACT, without=(), seed=number).drifted
    return Rate("joint", rows, draws, found)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.drift.joint", description=__doc__)
    options.add_argument("--rows", type=int, nargs="+", default=[150, 500, 2_000])
    options.add_argument("--draws", type=int, default=100)
    wanted = options.parse_args()
    print(
        "| rows a side | correlation then | draws | called drift | 95 % interval |\n| ---: | ---: | ---: | ---: | ---: |"
    )
    for rows in wanted.rows:
        for correlation in (CORRELATION, 0.0, -CORRELATION):
            rate = alarms(rows, wanted.draws, correlation=correlation)
            low, high = rate.interval
            told = f"{rate.alarms / rate.draws:.1%} | {low:.1%} to {high:.1%}"
            print(f"| {rows:,} | {correlation:g} | {rate.draws:,} | {told} |", flush=True)


if __name__ == "__main__":
    main()
