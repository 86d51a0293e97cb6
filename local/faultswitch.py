"""The fault proxy as a process of its own, with its switch in the hand of whoever started it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local import processes
from local.azurite import ACCOUNT, KEY
from local.faultplan import Kind, Order, Plan, PlanRefused

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SWITCH_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Faults:
    """A running fault proxy: the endpoints to use, and the switch (`url`)."""

    blob_url: str
    queue_url: str
    table_url: str
    url: str

    def connection_string(self) -> str:
        """What a storage client wants, so that all its requests pass the proxy."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={self.blob_url};QueueEndpoint={self.queue_url};TableEndpoint={self.table_url};"
        )

    def follow(self, plan: Plan) -> None:
        """Go on by another plan; orders that wait are forgotten."""
        self._call("PUT", "/plan", asdict(plan))

    def stop(self) -> None:
        """Let nothing go wrong any more."""
        self.follow(Plan())

    def next(
        self, service: str, kind: Kind | str, *, method: str = "", contains: str = "", times: int = 1, skip: int = 0
    ) -> None:
        """Let the next `times` such requests go wrong, after `skip` that do not."""
        order = Order(service, str(kind), times=times, method=method, contains=contains, skip=skip)
        self._call("POST", "/orders", [asdict(order)])

    def counts(self) -> dict[str, dict[str, int]]:
        """What happened so far: `{service: {"requests": n, kind: n}}`."""
        found: dict[str, dict[str, int]] = self._call("GET", "/counts")["counts"]
        return found

    def waiting(self) -> int:
        """How many orders have not met their requests yet."""
        return len(self._call("GET", "/counts")["orders"])

    def _call(self, method: str, path: str, body: object = None) -> Mapping[str, Any]:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, method=method)
        try:
            with _DIRECT.open(request, timeout=SWITCH_SECONDS) as answer:
                found: Mapping[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise PlanRefused(error.read().decode(errors="replace")) from error


@contextmanager
def faults(blob_url: str, queue_url: str, table_url: str, *, log: Path) -> Iterator[Faults]:
    """Run the fault proxy before three endpoints while the block runs; its log goes to `log`."""
    words = ["local.faults", "--blob", blob_url, "--queue", queue_url, "--table", table_url]
    daemon = processes.start("faults", words, {}, log)
    try:
        urls = {name: str(daemon.ready[name]) for name in ("blob_url", "queue_url", "table_url", "url")}
        yield Faults(**urls)
    finally:
        daemon.stop()
