"""`python -m tests.believed` prints the tables of docs/decisions.md: how large honest jumps and leaks are, and which repeats are copies."""

from __future__ import annotations

import warnings
from collections import defaultdict

from shared.gating.sanity_gates import MOST_JUMP_PERCENT
from tests.believed.copies import measured
from tests.believed.jumps import of_models, of_tables


def tell_copies() -> None:
    """A line for each table: as it is, with rows again, and twice."""
    print("| table | how | holdout rows | repeats | copies | repeats within training |\n|---|---|---:|---:|---:|---:|")
    for one in measured():
        print(f"| {one.table} | {one.how} | {one.rows} | {one.overlap:.1f} % | {one.copies:.1f} % | {one.own:.1f} % |")


def tell_jumps() -> None:
    """A line for each metric and way."""
    found = defaultdict(list)
    for what, each in (("the four models", of_models()), ("scikit-learn's tables", of_tables())):
        for jump in each:
            found[(what, jump.metric, jump.way)].append(jump.percent)
    limit = f"{MOST_JUMP_PERCENT:g} %"
    print(
        f"| rows of | metric | candidate by | jumps | median | largest | beyond {limit} |\n|---|---|---|---:|---:|---:|---:|"
    )
    for (what, metric, way), percents in sorted(found.items()):
        beyond = sum(percent > MOST_JUMP_PERCENT for percent in percents)
        middle = sorted(percents)[len(percents) // 2]
        print(f"| {what} | {metric} | {way} | {len(percents)} | {middle:.1f} | {max(percents):.1f} | {beyond} |")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    tell_copies()
    tell_jumps()
