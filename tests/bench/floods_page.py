"""The part of docs/benchmarks.md about floods, fairness, storage calls, history, memory and restarts."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from tests.bench.figures import Result
from tests.bench.tables import table

NEW = ("calls", "flow", "fairness", "history", "memory")
SECTION = """## Floods

Over the functions host and Azurite, in memory, with a platform in memory at its port: so what is measured is Baton, the local
host and the emulator, which is one process for all three services. Ratios are taken within one run.

### Calls to storage

Counted at the end of the SDK's pipeline. A command's effect is not in it.

{calls}

### Events a second

{events:,} deployments by hand over 20 models, delivered over HTTP in batches of 25: each is taken in, decided, asked about by one
command, and answered. {bare_rate:.0f} events a second is what a bare loop of eight threads reaches that makes the same calls, as
many of each kind, with rows of the same size: Baton's {rate:.0f} pay for the host's deliveries and invocations, decisions and JSON
as well, in the same Python process. One model's flood is decided at {flood:.0f} events a second by one worker, 20 in a
transaction; one event a transaction, with nothing decided, comes to {single:.0f}.

After a restart with {waiting:,} events that wait and no ring left, the sweep rings: the host has decided all {drained:.0f} s after
its start, {recovery:.0f} a second.

### Fairness

{files} files for one of 50 models, in five floods. Seconds:

{fairness}

![{alt}](floods.svg)

### History

The same file and release after ever more past releases. In memory, by calls and rows that were read:

{memory}

On Azurite, by the time of one event with its command. Azurite looks through all rows of a partition for each range, as Azure
Tables does not, so its time grows with the rows; the journal's older lines are in blobs by then, so they are not among them:

{azurite}

The accepted files are the same few in all: a dataset version lists every file, so its manifest is as long as the data.

### Memory

{memory_events:,} events through the functions in one process, storage in memory; a line through the last half. The chart shows
the process's resident memory. On Azurite the same was looked at from outside, over {events:,} events.
"""


def section(results: Mapping[str, Result]) -> str:
    """The section, from the benchmarks of `NEW`."""
    flow, fair, past, memory = (results[name].details for name in ("flow", "fairness", "history", "memory"))
    rates = flow["rates"]
    return SECTION.format(
        calls=_calls(results["calls"].details["calls"]),
        events=flow["events"],
        rate=rates["baton"],
        bare_rate=rates["bare"],
        flood=rates["flood"],
        single=rates["single"],
        recovery=rates["recovery"],
        waiting=flow["waiting"],
        drained=flow["drained_s"],
        files=fair["files"],
        fairness=_fairness(fair["seconds"]),
        alt=_alt(fair["seconds"]),
        memory=_rows(past["memory"], "calls", "rows"),
        azurite=_rows(past["azurite"], "rows", "ms"),
        memory_events=memory["events"],
    )  # fmt: skip


def _calls(counts: Mapping[str, Mapping[str, float]]) -> str:
    kinds = sorted({kind for part in counts.values() for kind in part})
    rows = ([part, *(f"{made.get(kind, 0):g}" for kind in kinds)] for part, made in counts.items())
    return table(["for each event, fold, command", *kinds], rows)


def _rows(found: Sequence[Mapping[str, float]], *columns: str) -> str:
    named = {"calls": "calls", "rows": "rows", "ms": "median, ms"}
    rows = ([f"{one['releases']:,}", *(f"{one[column]:,g}" for column in columns)] for one in found)
    return table(["past releases", *(named[column] for column in columns)], rows)


def _fairness(seconds: Mapping[str, Sequence[float]]) -> str:
    rows = (
        [name, str(len(values)), f"{statistics.median(values):.3f}", f"{max(values):.3f}"]
        for name, values in seconds.items()
    )
    return table(["what", "times", "median", "worst"], rows)


def _alt(seconds: Mapping[str, Sequence[float]]) -> str:
    return (
        f"Left: waits of 49 models, {max(seconds['others calm']):.2f} s at most without a flood and "
        f"{max(seconds['others in a flood']):.2f} s beside one. Right: resident memory over the events."
    )
