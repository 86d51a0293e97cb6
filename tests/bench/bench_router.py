"""What the router adds to a scoring request, collection on: at most 0.6 ms at the median, 1.5 times the p99.

Four ways to the same real inference server, one request after the other, taking turns so that a slow moment of the
machine meets all: the server itself, a bare asyncio relay of bytes in front of it, the router over a new connection
each time (as the server and the relay need), and the router over one that stays open. The limits hold for the last,
which is what a client of a router does. A p99 is one bad moment in a hundred, on a shared machine often not ours: so
the ratio is taken in each block of 500 requests, and the median of the blocks counts. `--blocks N` sets how many.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from azure.storage.blob import BlobServiceClient

from local.azurite import azurite
from local.daemon import LOCALHOST
from local.processes import start
from tests.bench.figures import Figure, quantile, report
from tests.conftest import PROJECT
from tests.integration.serving import MODEL, bench

BLOCKS, BLOCK, WARM_UP = 7, 500, 100
ADDED_P50_MS, P99_RATIO = 0.6, 1.5
BODY = json.dumps({"data": [{"x": 0.0381, **{f"s{number}": 0.0199 for number in range(9)}}]}).encode()
Address = tuple[str, int]


class Caller:
    """Asks one address over a raw socket, opened anew for each request unless `stays_open`."""

    def __init__(self, address: Address, path: str, *, stays_open: bool = False) -> None:
        head = (
            f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(BODY)}\r\n"
        )
        self._message = head.encode() + (b"\r\n" if stays_open else b"connection: close\r\n\r\n") + BODY
        self._address, self._stays_open = address, stays_open
        self._socket: socket.socket | None = None

    def seconds(self) -> float:
        """How long one request takes, from before its connection to the end of its answer."""
        began = time.perf_counter()
        connection = self._socket or socket.create_connection(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(self._message)
        answer = _answer(connection)
        if self._stays_open:
            self._socket = connection
        else:
            connection.close()
        took = time.perf_counter() - began
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"{self._address} answered {answer[:200]!r}")
        return took


def _answer(connection: socket.socket) -> bytes:
    """One whole answer that says its length."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _chunk(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += _chunk(connection)
    return head + body


def _chunk(connection: socket.socket) -> bytes:
    chunk = connection.recv(65536)
    if not chunk:
        raise SystemExit("a connection was closed before its answer was whole")
    return chunk


@contextmanager
def sides() -> Iterator[Mapping[str, Callable[[], float]]]:
    """The four ways, with everything real behind them."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        storage = stack.enter_context(azurite(PROJECT / ".baton", in_memory=True)).connection_string()
        with BlobServiceClient.from_connection_string(storage) as service:
            service.create_container("scored")
        router = stack.enter_context(bench(home / "home", data=storage))
        router.serve()
        server = (LOCALHOST, int(router.state()["port"]))
        relay = start("relay", ["tests.bench.relay", "--target", str(server[1])], {}, home / "relay.log")
        stack.callback(relay.stop)
        url = urlsplit(router.url)
        front, path = (LOCALHOST, int(url.port or 0)), f"/endpoints/{MODEL}/score"
        yield {
            "server": Caller(server, "/score").seconds,
            "relay": Caller((LOCALHOST, int(relay.ready["port"])), "/score").seconds,
            "router_new_connection": Caller(front, path).seconds,
            "router": Caller(front, path, stays_open=True).seconds,
        }
        counts = router.admin("GET", "").document["collection"]
        if counts["dropped_queue"] or counts["dropped_disk"]:
            raise SystemExit(f"collection dropped requests: {counts}")


Times = dict[str, list[float]]


def measure(blocks: int) -> list[Times]:
    """For each block the milliseconds by side, after a warm-up that does not count."""
    with sides() as callers:
        _block(callers, WARM_UP)
        return [_block(callers, BLOCK) for _ in range(blocks)]


def _block(callers: Mapping[str, Callable[[], float]], rounds: int) -> Times:
    times: Times = {name: [] for name in callers}
    for _ in range(rounds):
        for name, seconds in callers.items():
            times[name].append(1000 * seconds())
    return times


def summary(blocks: list[Times]) -> dict[str, dict[str, float]]:
    """Per side: p50 and p99 of all requests in ms, what p50 adds to the server's, the median of the blocks' p99 ratios."""
    together = {name: [took for block in blocks for took in block[name]] for name in blocks[0]}
    server = quantile(together["server"], 0.5)
    return {
        name: {
            "p50_ms": round(quantile(times, 0.5), 3),
            "p99_ms": round(quantile(times, 0.99), 3),
            "added_p50_ms": round(quantile(times, 0.5) - server, 3),
            "p99_ratio": round(
                statistics.median(quantile(block[name], 0.99) / quantile(block["server"], 0.99) for block in blocks),
                3,
            ),
        }
        for name, times in together.items()
    }


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.bench_router", description=__doc__)
    options.add_argument("--blocks", type=int, default=BLOCKS)
    blocks = options.parse_args().blocks
    found = summary(measure(blocks))
    figures = [
        Figure("router adds at the median, collection on", found["router"]["added_p50_ms"], "ms", ADDED_P50_MS),
        Figure("router's p99 against the server's, collection on", found["router"]["p99_ratio"], "×", P99_RATIO),
        Figure("bare relay adds at the median", found["relay"]["added_p50_ms"], "ms"),
        Figure("bare relay's p99 against the server's", found["relay"]["p99_ratio"], "×"),
    ]
    report("router", figures, {"requests": blocks * BLOCK, "sides": found})


if __name__ == "__main__":
    main()
