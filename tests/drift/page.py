"""`python -m tests.drift.page [--kept FILE] [--seed 1]`: the counts in docs/drift.md, and docs/drift.svg, from what was counted so far.

`--delays FILE` and `--joint FILE` put what `tests.bench.drift` and `tests.drift.joint` printed into their parts of the page.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from tests.conftest import PROJECT
from tests.drift.__main__ import KEPT
from tests.drift.kept import Kept
from tests.drift.picture import drawn
from tests.drift.rates import Rate, wilson
from tests.drift.shapes import SHAPES

PAGE, PICTURE = PROJECT / "docs" / "drift.md", PROJECT / "docs" / "drift.svg"
BEGIN, END = "<!-- counts: written by python -m tests.drift.page -->", "<!-- end of counts -->"
PRINTED = ("delays", "joint")
LIMIT = 0.01
MOST_DRAWS = 1_000
HEAD = "| rows a file | shape | files | alarms | 95 % interval of the rate | all rows decide the same |"
CHANGED_HEAD = "| rows a file | shape | files | called drift | all rows decide the same | 95 % interval of that |"
TEXT = """{begin}
![{alt}](drift.svg)

Nothing changed: {files:,} files of twenty columns (3 % of cells missing), each against another one from the same distribution, seed {seed}.
{alarms} of them were called drift, {rate:.2%} (95 % interval {low:.2%} to {high:.2%}); {verdict}

{still}

Of {changed_files:,} files in which up to 40 % of the rows of two columns are of another kind, and up to 8 % more of one are missing,
all rows decide (by numpy and scipy) as the profiles do in {equal}, {equal_rate:.1%} ({equal_low:.1%} to {equal_high:.1%}).

{changed}
{end}"""


def rates(kept: Path, seed: int, *, changed: bool) -> list[Rate]:
    """What is there, by rows, then by shape."""
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    rows = sorted({line["rows"] for line in lines if line["seed"] == seed and line["changed"] == changed})
    found = [
        Kept(kept).rate(shape, each, MOST_DRAWS, seed=seed, changed=changed, until=0.0)
        for each in rows
        for shape in SHAPES
    ]
    return [rate for rate in found if rate.draws]


def section(still: Sequence[Rate], changed: Sequence[Rate], seed: int) -> str:
    """The page's part between its two marks."""
    files, alarms = sum(rate.draws for rate in still), sum(rate.alarms for rate in still)
    (low, high), changed_files = wilson(alarms, files), sum(rate.draws for rate in changed)
    equal = sum(rate.equal for rate in changed)
    equal_low, equal_high = wilson(equal, changed_files)
    return TEXT.format(
        begin=BEGIN,
        end=END,
        alt=f"False alarms by shape and rows of a file, with 95 % intervals, beside the limit of {LIMIT:.0%}",
        seed=seed,
        files=files,
        alarms=alarms,
        rate=alarms / files,
        low=low,
        high=high,
        verdict=_verdict(still),
        still=_table(HEAD, map(_still, still)),
        changed_files=changed_files,
        equal=equal,
        equal_rate=equal / changed_files,
        equal_low=equal_low,
        equal_high=equal_high,
        changed=_table(CHANGED_HEAD, map(_changed, changed)),
    )


def _verdict(still: Sequence[Rate]) -> str:
    """What the numbers do and do not show of the limit."""
    above = [f"{rate.shape} at {rate.rows:,} rows" for rate in still if rate.interval[0] > LIMIT]
    if above:
        return f"surely above {LIMIT:.0%}: {', '.join(above)}."
    sure = sum(rate.interval[1] <= LIMIT for rate in still)
    draws = "; ".join(f"{rows:,} rows: {_span(group)}" for rows, group in groupby(still, key=lambda rate: rate.rows))
    return (
        f"no line is surely above {LIMIT:.0%}, and {sure} of {len(still)} surely below. Files a shape so far: {draws}. "
        "With 1,000 of them and no alarm the interval ends at 0.38 %, with 200 at 1.9 %, with 20 at 16 %."
    )


def _span(group: Iterable[Rate]) -> str:
    draws = [rate.draws for rate in group]
    return f"{min(draws):,}" if min(draws) == max(draws) else f"{min(draws):,} to {max(draws):,}"


def _still(rate: Rate) -> str:
    low, high = rate.interval
    return f"{rate.rows:,} | {rate.shape} | {rate.draws:,} | {rate.alarms} | {low:.2%} to {high:.2%} | {rate.equal / rate.draws:.1%}"


def _changed(rate: Rate) -> str:
    low, high = wilson(rate.equal, rate.draws)
    return f"{rate.rows:,} | {rate.shape} | {rate.draws:,} | {rate.alarms} | {rate.equal / rate.draws:.1%} | {low:.1%} to {high:.1%}"


def _table(head: str, lines: Iterable[str]) -> str:
    return "\n".join([head, "| ---: | --- | ---: | ---: | ---: | ---: |", *(f"| {line} |" for line in lines)])


def redrawn(page: str, written: str, *, begin: str = BEGIN, end: str = END) -> str:
    """The page with another part between the marks, which `written` has too."""
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"{PAGE} has no part between {begin} and {end}: put both lines where it belongs")
    return pattern.sub(lambda _: written, page)


def printed(page: str, name: str, table: str) -> str:
    """The page with what another measurement printed in the part of this name."""
    begin, end = f"<!-- {name}: put here by python -m tests.drift.page -->", f"<!-- end of {name} -->"
    return redrawn(page, f"{begin}\n{table.strip()}\n{end}", begin=begin, end=end)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.drift.page", description=__doc__)
    options.add_argument("--kept", type=Path, default=KEPT)
    options.add_argument("--seed", type=int, default=1)
    for name in PRINTED:
        options.add_argument(f"--{name}", type=Path, help="a table that was printed")
    wanted = options.parse_args()
    still, changed = (rates(wanted.kept, wanted.seed, changed=changed) for changed in (False, True))
    if not (still and changed):
        raise SystemExit(
            f"{wanted.kept} has no counts of seed {wanted.seed}: python -m tests.drift --seed {wanted.seed}"
        )
    page = redrawn(PAGE.read_text(encoding="utf-8"), section(still, changed, wanted.seed))
    for name in PRINTED:
        if file := getattr(wanted, name):
            page = printed(page, name, file.read_text(encoding="utf-8"))
    PAGE.write_text(page, encoding="utf-8")
    PICTURE.write_text(drawn(still, LIMIT), encoding="utf-8")


if __name__ == "__main__":
    main()
