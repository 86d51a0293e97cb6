"""The bare loop: the storage calls of Baton's way, with rows of the same size, and nothing between them.

What is left of the time when this is taken away is Baton's: decisions, JSON, the functions host, deliveries over HTTP.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from shared import wiring
from shared.storage.port import Delete, Insert, Put, Write
from shared.storage.transport import PooledTransport

THREADS, TAKEN_AT_ONCE = 8, 8
EVENT, HEAD, LINE, COMMAND = "e" * 420, "h" * 1_300, "l" * 900, "c" * 300


class Bare:
    """`counts` are the calls that were seen for so many `events`."""

    def __init__(self, connection: str, counts: Mapping[str, int], events: int) -> None:
        self._each = {kind: count / events for kind, count in counts.items()}
        self._table, self._bells, _ = wiring.storage(connection, transport=PooledTransport())
        name = f"bare-{uuid.uuid4().hex[:8]}"
        self._queue = QueueClient.from_connection_string(
            connection, name, message_encode_policy=TextBase64EncodePolicy()
        )
        self._queue.create_queue()
        self._ring = threading.Lock()

    def rate(self, events: int) -> float:
        """Events a second, from several threads, each in a partition of its own."""
        began = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            for done in [pool.submit(self._several, events // THREADS) for _ in range(THREADS)]:
                done.result()
        return events // THREADS * THREADS / (time.perf_counter() - began)

    def _several(self, events: int) -> None:
        partition, due = f"bare{uuid.uuid4().hex[:8]}", dict.fromkeys(self._each, 0.0)
        self._table.write(partition, [Put("!0head", HEAD)])
        waiting: list[tuple[str, str]] = []
        for number in range(events):
            self._take_in(partition, number, waiting)
            due["table transaction"] = due.get("table transaction", 0.0) - 1
            for kind, each in self._each.items():
                due[kind] += each
                while due[kind] >= 1:
                    due[kind] -= 1
                    self._call(kind, partition, number, waiting)

    def _take_in(self, partition: str, number: int, waiting: list[tuple[str, str]]) -> None:
        key = f"!2in:{number:08d}"
        etags = self._table.write(partition, [Insert(f"seen:{number:08d}", "{}"), Insert(key, EVENT)])
        waiting.append((key, etags[key]))

    def _call(self, kind: str, partition: str, number: int, waiting: list[tuple[str, str]]) -> None:
        if kind == "table transaction":
            self._table.write(partition, self._decided(waiting))
        elif kind == "table page":
            self._table.page(partition, "!0head", "!3out:", 30)
        elif kind == "table row":
            self._table.get(partition, "!0head")
        elif kind == "ring":
            self._queue.send_message(partition, time_to_live=-1)
            if number % TAKEN_AT_ONCE == 0:
                self._take_messages()

    def _decided(self, waiting: list[tuple[str, str]]) -> list[Write]:
        """Head, and for one event that waits: its line, its command, its row gone. None waits: an outcome or a claim."""
        number = uuid.uuid4().hex
        writes: list[Write] = [Put("!0head", HEAD), Put(f"journal:{number}", LINE)]
        if waiting:
            key, etag = waiting.pop()
            writes += [Put(f"!3out:{number}", COMMAND), Delete(key, etag)]
        return writes

    def _take_messages(self) -> None:
        for message in self._queue.receive_messages(messages_per_page=TAKEN_AT_ONCE, max_messages=TAKEN_AT_ONCE):
            self._queue.delete_message(message)

    def one_a_transaction(self, events: int) -> float:
        """Events a second where each is read, and decided in a transaction of its own, with a ring: one worker, one model."""
        partition = f"bare{uuid.uuid4().hex[:8]}"
        self._table.write(partition, [Put("!0head", HEAD)])
        waiting: list[tuple[str, str]] = []
        for number in range(events):
            self._take_in(partition, number, waiting)
        began = time.perf_counter()
        while waiting:
            self._table.page(partition, "!0head", "!3out:", 30)
            self._table.write(partition, self._decided(waiting))
            self._queue.send_message(partition, time_to_live=-1)
        return events / (time.perf_counter() - began)
