"""The part of docs/benchmarks.md about other programs that check, profile and compare data."""

from __future__ import annotations

from tests.bench.bench_peers import BARE, GREAT
from tests.bench.figures import Result
from tests.bench.tables import table

SECTION = """## Beside Great Expectations, Evidently and whylogs

{rows:,} of the same rows, with the same rules: kind, `required`, range, listed values and pattern of each column that has one, and a
key that must not repeat. Great Expectations validates a pandas frame that is in memory already; we read the file, check it and
profile it. Evidently (summary and drift presets) and whylogs (profile, drift scores against a stored profile) have frames of
{drift_rows:,} rows in memory; we read, check, profile and compare with a stored profile. Computing time is compared, since other
programs shared the cores (load {load:.1f}).

{sides}

Great Expectations' validation alone takes {bare:.1f} times what the quickest reader needs to read the CSV and do nothing with it:
no program that reads the file can be more times as fast.
"""


def section(peers: Result) -> str:
    """The section, from `bench_peers`."""
    details = peers.details
    rows = (
        [side, f"{took['cpu']:.2f} s", f"{took['wall']:.2f} s", f"{took['peak_mb']:.0f} MB"]
        for side, took in details["sides"].items()
    )
    bare = details["sides"][GREAT]["cpu"] / details["sides"][BARE]["cpu"]
    return SECTION.format(
        bare=bare,
        rows=details["rows"],
        drift_rows=details["drift_rows"],
        load=details["load"][0],
        sides=table(["side", "computing", "wall", "peak memory"], rows),
    )
