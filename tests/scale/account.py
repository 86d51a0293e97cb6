"""A modelled storage account: how long each call takes, and what it refuses. The rows themselves are really kept.

Limits: https://learn.microsoft.com/azure/storage/tables/scalability-targets and .../queues/scalability-targets. Latencies
are this model's own, typical for a call within one region; they are named here so that a reader can put in others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from shared.storage.port import Row, StorageBusy, Write
from tests.floods.forgetful import ForgetfulTable

PARTITION_ENTITIES_A_SECOND, ACCOUNT_TRANSACTIONS_A_SECOND = 2_000, 20_000
TRIES, PAUSE_SECONDS = 2, 0.5  # as shared/storage/clients.py has them
LATENCY_SECONDS = {"row": 0.005, "page": 0.008, "transaction": 0.015, "ring": 0.006, "queue": 0.006, "blob": 0.010}


class Meter:
    """Counts calls by kind and second; `busy_seconds` is how long the invocation that runs now has waited for them."""

    def __init__(self, sample: int) -> None:
        self._most = ACCOUNT_TRANSACTIONS_A_SECOND // sample
        self.now = 0.0
        self.busy_seconds = 0.0
        self.down = False
        self.calls: Counter[str] = Counter()
        self.throttled = 0
        self.transactions: Counter[int] = Counter()
        self.peak_partition = 0
        self._entities: Counter[tuple[str, int]] = Counter()

    def call(self, kind: str, *, partition: str = "", entities: int = 0) -> None:
        """One call; `StorageBusy` while the region is down, or if the account or the partition gives no more this second."""
        self.busy_seconds += LATENCY_SECONDS[kind]
        if self.down:
            raise StorageBusy("the region is down", next="this is tried again by itself")
        for _ in range(TRIES):
            if self._takes(self.of_host(kind), partition, entities):
                return
            self.throttled += 1
            self.busy_seconds += PAUSE_SECONDS
        raise StorageBusy("503 server busy", next="this is tried again by itself")

    def _takes(self, second: int, partition: str, entities: int) -> bool:
        if self.transactions[second] > self._most:
            return False
        if not partition:
            return True
        self._entities[partition, second] += entities
        self.peak_partition = max(self.peak_partition, self._entities[partition, second])
        return self._entities[partition, second] <= PARTITION_ENTITIES_A_SECOND

    def of_host(self, kind: str) -> int:
        """A call that the Functions host makes for itself, and repeats if it must; returns the second that it counts in."""
        second = int(self.now + self.busy_seconds)
        self.calls[kind] += 1
        self.transactions[second] += 1
        return second

    def forget(self) -> None:
        """Let go of the counts of seconds that are over."""
        self._entities = Counter({key: n for key, n in self._entities.items() if key[1] >= int(self.now)})


class MeteredTable(ForgetfulTable):
    """The forgetful table in memory, behind a meter."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    def get(self, partition: str, key: str) -> Row | None:
        self._meter.call("row", partition=partition, entities=1)
        return super().get(partition, key)

    def page(self, partition: str, first: str, before: str, limit: int) -> list[Row]:
        found = super().page(partition, first, before, limit)
        self._meter.call("page", partition=partition, entities=max(1, len(found)))
        return found

    def write(self, partition: str, writes: Sequence[Write]) -> Mapping[str, str]:
        self._meter.call("transaction", partition=partition, entities=len(writes))
        return super().write(partition, writes)


class Queues:
    """The doorbells as queues of (visible at, model); a ring costs a call."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.sent: list[tuple[str, str, float]] = []

    def ring(self, queue: str, model: str, *, after: timedelta = timedelta(0)) -> None:
        self._meter.call("ring")
        self.sent.append((queue, model, after.total_seconds()))
