"""The part of docs/benchmarks.md about checking, profiling and comparing data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.bench.figures import Result
from tests.bench.tables import table

SECTION = """## Checking and profiling data

The same {rows:,} rows of twenty columns (ten fractions, five categories, three whole numbers, a time, a boolean) as CSV and as
Parquet, under a contract with rules on each of them. Each side is a process of its own, imports not counted; the least of the
rounds. Load then: {load:.1f} processes on {cores} cores, so computing time is compared, and the wall time says how long
one waited. Our process has one thread; *pyarrow* reads the whole file into memory with one, *all cores* with all.

{sides}

With {large:,} rows:

{grown}

The rule `unique` is not among them: it remembers every key, and its memory grows with the rows.

A file of {bytes:,} bytes costs {apart:.2f} ms of computing in a process that is there already; the same rows as a part of one
file {together:.2f} ms. The start of the process that checks each drop comes on top (*file checked and kept*, above).
"""


def section(data: Result, *, cores: int) -> str:
    """The section, from `bench_data`."""
    details, small = data.details, data.details["small"]
    return SECTION.format(
        rows=1_000_000,
        load=details["load"][0],
        cores=cores,
        sides=_sides(details["sides"]),
        large=details["rows"],
        grown=_sides({kind: {"check and profile": took} for kind, took in details["large"].items()}),
        bytes=round(small["bytes"]),
        apart=small["apart_ms"],
        together=small["together_ms"],
    )


def _sides(kinds: Mapping[str, Mapping[str, Any]]) -> str:
    rows = (
        [f"{kind}: {side}", f"{took['cpu']:.2f} s", f"{took['wall']:.2f} s", f"{took['peak_mb']:.0f} MB"]
        for kind, sides in kinds.items()
        for side, took in sides.items()
    )
    return table(["side", "computing", "wall", "peak memory"], rows)
