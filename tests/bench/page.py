"""docs/benchmarks.md, made of what the benchmarks printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.bench import data_page, peers_page
from tests.bench.figures import Figure, Result
from tests.bench.floods_page import NEW, section
from tests.bench.tables import table


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured."""

    cores: int
    system: str
    python: str


@dataclass(frozen=True, slots=True)
class Taken:
    """When a benchmark began (ISO 8601), how long it took, and how many processes wanted to run, the mean of a minute."""

    at: str
    seconds: float
    load_before: float
    load_after: float


PAGE = """# Benchmarks

Written by `make bench`, which measures the real thing: the whole local stack, Microsoft's own inference server, fresh
interpreters. No test asserts a time; these figures are for people to look at.

Measured on {cores} cores, {system}, Python {python}; [when, and beside what](#how-to-repeat), stands below. What other
programs do meanwhile shows in the p99s first.

{figures}

A figure with a limit is met at or below it, with an *at least* at or above it. One without is there to be watched.

## From the drop to the training

![{alt}](benchmarks.svg)

{drops} drops of eight real rows, one after the other, over the local stack. The clock starts when the client that wrote
the blob has its 2xx, and the moments are the ones that Baton keeps anyway: the journal's lines, the run's state, and the
time that the model's `train.py` noted at its first line. With {drops} drops the p99 is the slowest of them.

{parts}

- *event delivered, taken in*: the blob front publishes BlobCreated, the Event Grid emulator delivers it, the Event Grid
  trigger records it in the model's partition and rings.
- *drop heard*: the `advance` queue trigger reads the partition and decides.
- *file checked and kept*: the `perform` queue trigger claims the command, reads the file in a process of its own under a
  memory limit, and writes file and report under their hashes. The process's start and imports are nearly all of it.
- *file accepted, release opened*: one transaction.
- *run asked for*: the dataset version's manifest is written, and the platform has the run.
- *inputs fetched, process started*: the run's supervisor starts, fetches folder and files, checks their hashes and finds
  the model's Python. Here the training process starts.
- *rows split, train.py begins*: that process splits the rows into training and holdout and opens the run in MLflow, whose
  import alone is most of this part; then the owner's script starts.

What this does not say: in Azure a queue trigger that found nothing waits up to `maxPollingInterval` (2 s in `host.json`)
until it asks again, while the local host asks at once after each function; and a job on Azure ML waits for its compute.

## Import of the app

Seconds in a fresh interpreter, its own start left out; the least of {rounds} rounds is compared, since whatever disturbs
a measurement makes it longer.

{imports}

The app's import is the shorter one because it loads the storage SDKs at first use. A cold start pays for that use too, so
the second figure goes on until the storage clients are built, on both sides.

## Scoring through the router

{requests} requests a side to the same real inference server, one after the other, the sides taking turns; every request
and prediction through the router is collected. The p99 ratio is the median over blocks of 500 requests.

{sides}

The server and the bare relay open a connection for each request, as they need to; the router's client keeps its own open,
as clients of a router do. *router, new connection* is without that advantage.

{floods}
{data}
{peers}
## How to repeat

All of it, and this page written anew, in {minutes:.0f} minutes; nothing else should run meanwhile:

```sh
make bench
```

{taken}

The load is the number of processes that wanted to run, those of the benchmark among them.

Some of them, with the others on the page as they were last measured on this machine:

```sh
.venv/bin/python -m tests.bench router data
```

One of them, which prints its JSON and writes nothing:

```sh
.venv/bin/python -m tests.bench.bench_import
.venv/bin/python -m tests.bench.bench_drop --drops 10
.venv/bin/python -m tests.bench.bench_router --blocks 2
.venv/bin/python -m tests.bench.bench_data --rounds 1 --large 2000000
.venv/bin/python -m tests.bench.bench_peers --rounds 1
.venv/bin/python -m tests.bench.bench_calls
.venv/bin/python -m tests.bench.bench_flow
.venv/bin/python -m tests.bench.bench_fairness
.venv/bin/python -m tests.bench.bench_history
.venv/bin/python -m tests.bench.bench_memory --events 5000
```
"""
ORDER = ("import", "drop", "router", "data", "peers", *NEW)
SIDES = {
    "server": "the server alone",
    "relay": "bare asyncio relay",
    "router_new_connection": "router, new connection",
    "router": "router",
}


def page(results: Mapping[str, Result], machine: Machine, taken: Mapping[str, Taken]) -> str:
    """The whole page; `taken` says of each benchmark when it was run."""
    drop, imports, router = (results[name] for name in ("drop", "import", "router"))
    return PAGE.format(
        cores=machine.cores,
        system=machine.system,
        python=machine.python,
        taken=_taken(taken),
        figures=_figures(figure for name in ORDER for figure in results[name].figures),
        floods=section(results),
        data=data_page.section(results["data"], cores=machine.cores),
        peers=peers_page.section(results["peers"]),
        alt=_alt(drop),
        drops=drop.details["drops"],
        parts=_parts(drop.details["parts"]),
        rounds=imports.details["rounds"],
        imports=_imports(imports.details["seconds"]),
        requests=f"{router.details['requests']:,}",
        sides=_sides(router.details["sides"]),
        minutes=max(1, sum(one.seconds for one in taken.values()) / 60),
    )


def _taken(taken: Mapping[str, Taken]) -> str:
    rows = (
        [
            name,
            one.at.replace("T", " ").replace("+00:00", ""),
            f"{one.seconds:.0f} s",
            f"{one.load_before:.1f}",
            f"{one.load_after:.1f}",
        ]
        for name, one in taken.items()
    )
    return table(["benchmark", "begun (UTC)", "took", "load before", "load after"], rows)


def _figures(figures: Iterable[Figure]) -> str:
    rows = ([figure.name, _with_unit(figure.value, figure.unit), *_limit(figure)] for figure in figures)
    return table(["figure", "measured", "limit", ""], rows)


def _limit(figure: Figure) -> list[str]:
    if figure.limit is None:
        return ["none", ""]
    limit = _with_unit(figure.limit, figure.unit)
    return [f"at least {limit}" if figure.least else limit, "met" if figure.met else "**not met**"]


def _with_unit(value: float, unit: str) -> str:
    return f"{value:g} {unit}"


def _parts(parts: list[dict[str, Any]]) -> str:
    rows = ([part["part"], *_pair(part["took"]), *_pair(part["over"])] for part in parts)
    return table(["part", "took, p50", "took, p99", "over after, p50", "over after, p99"], rows)


def _pair(summary: Mapping[str, float]) -> list[str]:
    return [f"{summary['p50_s']:.3f} s", f"{summary['p99_s']:.3f} s"]


def _imports(sides: Mapping[str, Mapping[str, float]]) -> str:
    rows = ([side, f"{seconds['min']:.3f} s", f"{seconds['median']:.3f} s"] for side, seconds in sides.items())
    return table(["side", "least", "median"], rows)


def _sides(sides: Mapping[str, Mapping[str, float]]) -> str:
    rows = (
        [
            text,
            f"{sides[name]['p50_ms']:.2f} ms",
            f"{sides[name]['p99_ms']:.2f} ms",
            f"{sides[name]['added_p50_ms']:.2f} ms",
            f"{sides[name]['p99_ratio']:.2f} ×",
        ]
        for name, text in SIDES.items()
    )
    return table(["side", "p50", "p99", "added at p50", "p99 against the server's"], rows)


def _alt(drop: Result) -> str:
    over = ", ".join(f"{part['part']} after {part['over']['p50_s']:.2f} s" for part in drop.details["parts"])
    return f"Bar chart of the parts of a drop's way at the median: {over}"
