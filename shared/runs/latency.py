"""How long answers take when requests arrive at a fixed rate, whether or not the one before was answered.

A client that waits for each answer before it asks again hides stalls ("coordinated omission", G. Tene). So requests
have planned times, many may be under way at once, and a request's latency counts from its planned time, also where
nothing was free to send it then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import median

from shared.runs.order_statistics import percentile, ranks, upper_rank
from shared.runs.server import Answer
from shared.spec import Load

Ask = Callable[[bytes], Answer]

WARM_UP = 10
PERCENTS = (50, 95, 99)
SHORTEST_INTERVAL_SECONDS = 0.002
SHARE_OF_CAPACITY = 0.5  # of what one worker can do, as the warm-up showed, where the rules name no rate
SENDERS = 32
OVERLOAD = 2.0  # times what one worker can do
OVERLOAD_REQUESTS = 150
OVERLOAD_SECONDS = 10.0
GIVEN_UP = 3.0  # times the planned length: what was not sent by then counts as an error


@dataclass(frozen=True, slots=True)
class Timed:
    """A request's status (0: none came, or it was never sent) and its milliseconds since its planned time."""

    status: int
    ms: float


def service_seconds(bodies: Sequence[bytes], ask: Ask) -> float:
    """The median time of an answer to a client alone, after a warm-up whose first half is dropped."""
    taken = [ask(body).seconds for body in islice(cycle(bodies), WARM_UP)]
    return median(taken[WARM_UP // 2 :])


def measure(bodies: Sequence[bytes], ask: Ask, load: Load, *, service: float) -> dict[str, object]:
    """Latency in ms at a fixed arrival rate: "p50", "p95", "p99", "max", their "intervals" and upper bounds.

    "intervals" are two-sided with 95 % confidence, [null, ...] where the sample is too small; "p95_upper" and
    "p99_upper" are what the percentile does not exceed with 95 % confidence, null below 59 and 299 answers. Only
    answers of status 200 are timed; "errors" are all others. Without a body to ask there are 0 requests.
    """
    if not bodies:
        return {"requests": 0, "errors": 0}
    interval = _interval(load, service)
    count = max(1, min(load.requests, int(load.max_seconds / interval)))
    timed = open_loop(list(islice(cycle(bodies), count)), ask, interval_seconds=interval)
    good = sorted(one.ms for one in timed if one.status == 200)
    told = {"requests": len(good), "errors": count - len(good), "per_second": round(1 / interval, 3)}
    return {**_percentiles(good), **told} if good else {**told}


def _interval(load: Load, service: float) -> float:
    if load.per_second > 0:
        return 1 / load.per_second
    return max(service / SHARE_OF_CAPACITY, SHORTEST_INTERVAL_SECONDS)


def _percentiles(ordered: Sequence[float]) -> dict[str, object]:
    told: dict[str, object] = {f"p{percent}": round(percentile(ordered, percent), 3) for percent in PERCENTS}
    bounds = {percent: ranks(len(ordered), percent / 100) for percent in PERCENTS}
    told["max"] = round(ordered[-1], 3)
    told["intervals"] = {f"p{percent}": [_at(ordered, rank) for rank in bounds[percent]] for percent in PERCENTS}
    return told | {f"p{percent}_upper": _at(ordered, upper_rank(len(ordered), percent / 100)) for percent in (95, 99)}


def _at(ordered: Sequence[float], rank: int | None) -> float | None:
    return None if rank is None else round(ordered[rank - 1], 3)


def overload(bodies: Sequence[bytes], ask: Ask, *, service: float) -> dict[str, object]:
    """What happens past saturation: twice what one worker can do arrives, then one request when it is over.

    {"per_second", "requests", "answered", "refused" (a status other than 200), "broken" (no answer), "p95" in ms of the
    answered, "recovered": whether the request after it got 200}. A queue that grows is no fault; a server that does not
    come back is.
    """
    if not bodies:
        return {"requests": 0, "recovered": False}
    interval = service / OVERLOAD
    count = max(1, min(OVERLOAD_REQUESTS, int(OVERLOAD_SECONDS / max(interval, 1e-6))))
    timed = open_loop(list(islice(cycle(bodies), count)), ask, interval_seconds=interval)
    good = sorted(one.ms for one in timed if one.status == 200)
    broken = sum(one.status == 0 for one in timed)
    return {
        "per_second": round(1 / max(interval, 1e-6), 3),
        "requests": count,
        "answered": len(good),
        "refused": count - len(good) - broken,
        "broken": broken,
        "p95": round(percentile(good, 95), 3) if good else None,
        "recovered": ask(bodies[0]).status == 200,
    }


def open_loop(bodies: Sequence[bytes], ask: Ask, *, interval_seconds: float) -> list[Timed]:
    """Send one body every `interval_seconds`, answered or not; what cannot be sent in three times that is given up."""
    begin = time.perf_counter()
    until = begin + GIVEN_UP * interval_seconds * len(bodies) + 1

    def send(number: int, body: bytes) -> Timed:
        planned = begin + number * interval_seconds
        status = ask(body).status if time.perf_counter() < until else 0
        return Timed(status, (time.perf_counter() - planned) * 1000)

    with ThreadPoolExecutor(SENDERS) as senders:
        sent = []
        for number, body in enumerate(bodies):
            time.sleep(max(0.0, begin + number * interval_seconds - time.perf_counter()))
            sent.append(senders.submit(send, number, body))
    return [one.result() for one in sent]
