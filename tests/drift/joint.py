"""`python -m tests.drift.joint --rows 500 2000 --draws 200 --seed 1`: how often joint drift is called, without any and with some.

Each draw is kept in .baton/drift-joint.jsonl with its area, so that more of them go on where the others ended.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from shared.data.rules import Column, Contract
from shared.runs.joint import Joint, joint_drift
from tests.conftest import PROJECT
from tests.drift.rates import wilson

KEPT = PROJECT / ".baton" / "drift-joint.jsonl"
COLUMNS = 10
CONTRACT = Contract(tuple(Column(f"x{number}", "number") for number in range(COLUMNS)))
CORRELATION = 0.5
HEAD = (
    "| rows a side | correlation then | draws | called drift | rate | 95 % interval | deviation of the area | limit |\n"
    "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def table(random: np.random.Generator, rows: int, *, correlation: float = CORRELATION) -> pa.Table:
    """Normal columns, heavy-tailed ones and counts; the first two go together."""
    values = random.normal(size=(rows, COLUMNS))
    values[:, 1] = correlation * values[:, 0] + np.sqrt(1 - correlation**2) * values[:, 1]
    values[:, 4:7] = random.standard_t(2, (rows, 3))
    values[:, 7:] = random.poisson(3, (rows, 3))
    return pa.table({column.name: values[:, number] for number, column in enumerate(CONTRACT.columns)})


def draw(rows: int, number: int, *, correlation: float, seed: int) -> Joint:
    """One pair, of which the second has this correlation."""
    random = np.random.default_rng([seed, rows, number])
    pair = table(random, rows), table(random, rows, correlation=correlation)
    return joint_drift(*pair, CONTRACT, without=(), seed=number)


def counted(
    kept: Path, rows: int, draws: int, *, correlation: float, seed: int, until: float
) -> list[dict[str, float]]:
    """The first `draws` draws, after drawing those that are not kept yet, as long as the monotonic clock says less than `until`."""
    same = {"rows": rows, "correlation": correlation, "seed": seed}
    found = {line["number"]: line for line in _lines(kept) if all(line[name] == value for name, value in same.items())}
    for number in range(draws):
        if number not in found and time.monotonic() < until:
            joint = draw(rows, number, correlation=correlation, seed=seed)
            told = {"number": number, "auc": joint.auc, "limit": joint.limit, "drifted": joint.drifted}
            found[number] = {**same, **told}
            kept.parent.mkdir(parents=True, exist_ok=True)
            with kept.open("a") as lines:
                lines.write(json.dumps(found[number]) + "\n")
    return [line for number, line in found.items() if number < draws]


def _lines(kept: Path) -> Iterator[dict[str, float]]:
    if kept.exists():
        yield from (json.loads(line) for line in kept.read_text().splitlines())


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.drift.joint", description=__doc__)
    options.add_argument("--rows", type=int, nargs="+", default=[150, 500, 2_000])
    options.add_argument("--draws", type=int, default=200)
    options.add_argument("--correlation", type=float, nargs="+", default=[CORRELATION, 0.0, -CORRELATION])
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing new after so long")
    options.add_argument("--kept", type=Path, default=KEPT, help="the file of draws")
    wanted = options.parse_args()
    until = time.monotonic() + wanted.seconds
    print(HEAD)
    for rows in wanted.rows:
        for correlation in wanted.correlation:
            told(counted(wanted.kept, rows, wanted.draws, correlation=correlation, seed=wanted.seed, until=until))


def told(lines: list[dict[str, float]]) -> None:
    """Print a line of the table."""
    if not lines:
        return
    alarms, draws, first = sum(bool(line["drifted"]) for line in lines), len(lines), lines[0]
    low, high = wilson(alarms, draws)
    deviation = np.std([line["auc"] for line in lines])
    counts = f"{first['rows']:,} | {first['correlation']:g} | {draws:,} | {alarms} | {alarms / draws:.1%}"
    print(f"| {counts} | {low:.1%} to {high:.1%} | {deviation:.3f} | {first['limit']:.3f} |", flush=True)


if __name__ == "__main__":
    main()
