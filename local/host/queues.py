"""Queue triggers: poll, lease, invoke, then delete, release or move to the poison queue.

Contract: Azure/azure-sdk-for-net, `QueueListener.cs` and `QueueProcessor.cs` of the storage extension.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Mapping

from azure.core.exceptions import AzureError
from azure.functions.meta import Datum

from local.host.host_json import QueueSettings
from local.host.invoke import Outcome
from local.host.messages import Received, StorageQueue, raw_of, text_of

log = logging.getLogger("host.queues")
SHORTEST_PAUSE_SECONDS = 0.1
Run = Callable[[Datum, Mapping[str, Datum]], Awaitable[Outcome]]


class Backoff:
    """The pause between two empty polls: from 100 ms, about doubled each time, up to the longest."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest = max(longest_seconds, SHORTEST_PAUSE_SECONDS)
        self._next = SHORTEST_PAUSE_SECONDS

    def reset(self) -> None:
        """Begin again with the shortest pause, after something happened."""
        self._next = SHORTEST_PAUSE_SECONDS

    def pause_seconds(self) -> float:
        """The pause to take now."""
        pause = self._next
        self._next = min(self._longest, pause * 2 * random.uniform(0.8, 1.2))  # noqa: S311 a jitter, no secret
        return pause


class QueueListener:
    """Serves one queue trigger. `run` invokes the function; a poison queue has `poison=None`.

    At least once, in no order. A failed message comes back after `visibility_seconds`; at the
    `max_dequeue_count`-th failure it is copied to the poison queue. A failed message of a poison
    queue stays hidden until its lease ends, as in Azure.
    """

    def __init__(
        self,
        queue: StorageQueue,
        poison: StorageQueue | None,
        settings: QueueSettings,
        run: Run,
        *,
        on_poison: Callable[[str], None] = lambda queue: None,
    ) -> None:
        self.queue, self._poison, self._settings, self._run = queue, poison, settings, run
        self._on_poison = on_poison
        self._backoff = Backoff(settings.max_polling_seconds)
        self._wake, self._stopping, self._is_down = asyncio.Event(), False, False
        self._running: set[asyncio.Task[None]] = set()

    def poll_soon(self) -> None:
        """Poll at once instead of waiting out the pause: something may have been sent."""
        self._wake.set()

    def stop(self) -> None:
        """Take no more messages; those that run are finished."""
        self._stopping = True
        self._wake.set()

    async def listen(self) -> None:
        """Serve until stopped, however long the service is away; returns when the last message is done."""
        while not self._stopping:
            if await self._poll():
                self._backoff.reset()
                await self._wait_for_room()
            else:
                await self._pause()
        if self._running:
            await asyncio.wait(self._running)

    async def _poll(self) -> bool:
        self._wake.clear()
        try:
            batch = await self.queue.receive(self._settings.batch_size, lease_seconds=self._settings.lease_seconds)
        except AzureError as fault:
            self._tell_down(fault)
            return False
        self._tell_up()
        for message in batch:
            task = asyncio.create_task(self._process(message))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return bool(batch)

    async def _wait_for_room(self) -> None:
        while len(self._running) > self._settings.new_batch_threshold:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), self._backoff.pause_seconds())
            self._backoff.reset()
        except TimeoutError:
            pass

    def _tell_down(self, fault: AzureError) -> None:
        if not self._is_down:
            why = str(fault).splitlines()[0]
            log.warning("queue %s does not answer: %s; polling goes on", self.queue.name, why)
        self._is_down = True

    def _tell_up(self) -> None:
        if self._is_down:
            log.warning("queue %s answers again", self.queue.name)
        self._is_down = False

    async def _process(self, message: Received) -> None:
        lease = Lease(self.queue, message, self._settings.lease_seconds)
        try:
            await self._handle(message, lease)
        except AzureError as fault:
            log.warning("queue %s: message %s comes again, not completed: %s", self.queue.name, message.id, fault)
        finally:
            lease.end()

    async def _handle(self, message: Received, lease: Lease) -> None:
        try:
            content = text_of(message.raw, is_base64=self._settings.base64)
        except ValueError as fault:
            log.warning("queue %s: message %s cannot be read (%s)", self.queue.name, message.id, fault)
            return await self._move_to_poison(message, lease)
        if message.dequeue_count > self._settings.max_dequeue_count and self._poison:
            return await self._move_to_poison(message, lease)
        data = Datum(content, "string" if isinstance(content, str) else "bytes")
        outcome = await self._run(data, trigger_metadata(message))
        await self._complete(message, lease, outcome)

    async def _complete(self, message: Received, lease: Lease, outcome: Outcome) -> None:
        if outcome.ok:
            await self.queue.delete(message, await lease.end_with_receipt())
        elif self._poison is None:
            return
        elif message.dequeue_count >= self._settings.max_dequeue_count:
            await self._move_to_poison(message, lease)
        else:
            receipt = await lease.end_with_receipt()
            await self.queue.release(message, receipt, after_seconds=self._settings.visibility_seconds)

    async def _move_to_poison(self, message: Received, lease: Lease) -> None:
        if self._poison is None:
            return
        log.warning(
            "queue %s: message %s was taken %d times, moving it to %s",
            self.queue.name, message.id, message.dequeue_count, self._poison.name,
        )  # fmt: skip
        await self._poison.send(self._readable(message.raw))
        await self.queue.delete(message, await lease.end_with_receipt())
        self._on_poison(self._poison.name)

    def _readable(self, raw: str) -> str:
        """The raw text, encoded if it was not, so that the poison queue's function can read it."""
        try:
            text_of(raw, is_base64=self._settings.base64)
            return raw
        except ValueError:
            return raw_of(raw, is_base64=True)


class Lease:
    """Keeps a message hidden while its function runs, by renewing at half time."""

    def __init__(self, queue: StorageQueue, message: Received, lease_seconds: float) -> None:
        self._queue, self._message, self._seconds = queue, message, lease_seconds
        self._receipt, self._renewing = message.receipt, asyncio.Lock()
        self._task = asyncio.create_task(self._renew())

    def end(self) -> None:
        """Renew no more."""
        self._task.cancel()

    async def end_with_receipt(self) -> str:
        """Renew no more and return the receipt that is valid now."""
        async with self._renewing:
            self._task.cancel()
            return self._receipt

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 2)
            async with self._renewing:
                await self._renew_once()

    async def _renew_once(self) -> None:
        try:
            self._receipt = await self._queue.renew(self._message, self._receipt, lease_seconds=self._seconds)
        except AzureError as fault:
            log.debug("queue %s: lease of %s not renewed: %s", self._queue.name, self._message.id, fault)


def trigger_metadata(message: Received) -> dict[str, Datum]:
    """What the host sends beside the message; times and numbers travel as JSON text."""
    times = {
        "InsertionTime": message.inserted,
        "ExpirationTime": message.expires,
        "NextVisibleTime": message.next_visible,
    }
    return {
        "Id": Datum(message.id, "string"),
        "PopReceipt": Datum(message.receipt, "string"),
        "DequeueCount": Datum(str(message.dequeue_count), "json"),
    } | {name: Datum(json.dumps(when.isoformat()), "json") for name, when in times.items() if when}
