"""How long answers take when requests arrive at a steady pace, whether or not the one before was answered.

A client that waits for each answer before it asks again hides stalls ("coordinated omission", G. Tene). So requests
have planned times, and a request's latency counts from its planned time, also where a stall let it start late.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from statistics import median

from shared.runs.server import Answer

WARM_UP = 5
REQUESTS = 100
FEWEST = 60
LOAD = 0.5  # of what one worker can do, as the warm-up showed
LONGEST_SECONDS = 30.0
SHORTEST_INTERVAL_SECONDS = 0.002


def measure(bodies: Sequence[bytes], ask: Callable[[bytes], Answer]) -> dict[str, object]:
    """{"p50", "p95", "max" in ms, "requests", "errors", "interval_ms"}; only answers of status 200 are timed.

    Without any body to ask, or any answer, there are 0 requests and no percentiles.
    """
    if not bodies:
        return {"requests": 0, "errors": 0}
    taken = median(ask(body).seconds for body in islice(cycle(bodies), WARM_UP))
    interval = max(taken / LOAD, SHORTEST_INTERVAL_SECONDS)
    count = min(REQUESTS, max(FEWEST, int(LONGEST_SECONDS / interval)))
    milliseconds = _paced(list(islice(cycle(bodies), count)), ask, interval_seconds=interval)
    told: dict[str, object] = {"requests": len(milliseconds), "errors": count - len(milliseconds)}
    if not milliseconds:
        return told
    percentiles = {"p50": percentile(milliseconds, 50), "p95": percentile(milliseconds, 95), "max": max(milliseconds)}
    return {
        **{name: round(ms, 3) for name, ms in percentiles.items()},
        **told,
        "interval_ms": round(interval * 1000, 3),
    }


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `percent` of all do not exceed.

    >>> percentile([15, 20, 35, 40, 50], 30)
    20
    """
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def _paced(bodies: Sequence[bytes], ask: Callable[[bytes], Answer], *, interval_seconds: float) -> list[float]:
    begin, timed = time.perf_counter(), []
    for number, body in enumerate(bodies):
        planned = begin + number * interval_seconds
        time.sleep(max(0.0, planned - time.perf_counter()))
        if ask(body).status == 200:
            timed.append((time.perf_counter() - planned) * 1000)
    return timed
