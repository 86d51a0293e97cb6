"""Carries accepted events to their functions: handshake first, then one event a request, tried on schedule."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from local.eventstore import Delivery, EventStore
from local.retry import Again, Dead, Policy, next_step
from local.subscriptions import Subscription
from local.webhook import Webhook

log = logging.getLogger("baton.eventgrid")

AT_ONCE = 16
AGAIN_AFTER_SECONDS = 10
DEAD_LETTER_AFTER_SECONDS = 300
DEAD_LETTER_DROPPED_AFTER_SECONDS = 4 * 3600
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

Bury = Callable[[Delivery], Awaitable[None]]
"""Writes a dead letter; raises if it could not."""


class Disk:
    """Runs calls on the event store in one thread of their own, so that no write holds up the loop."""

    def __init__(self, store: EventStore) -> None:
        self.store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="eventstore")

    async def do(
        self, call: Callable[Arguments, Answer], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Answer:
        """Await `call(*arguments)` in that thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: call(*arguments, **named))

    async def close(self) -> None:
        """Finish what was asked for, then close the store."""
        await self.do(self.store.close)
        self._thread.shutdown()


class Courier:
    """Delivers what is open for one subscription; others go on if its function is slow or down."""

    def __init__(
        self, subscription: Subscription, disk: Disk, webhook: Webhook, *, bury: Bury | None, compress: float = 1.0
    ) -> None:
        self._name = subscription.name
        self._disk = disk
        self._webhook = webhook
        self._bury = bury
        self._policy = Policy(subscription.max_delivery_attempts, subscription.ttl_minutes, compress)
        self._wake = asyncio.Event()
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self.validated = False

    def wake(self) -> None:
        """Something new may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Validate the function, then deliver until cancelled; what is then under way is tried again by the next run."""
        try:
            await self._handshake()
            while True:
                await self._sleep(await self._start_due())
        finally:
            for task in self._under_way.values():
                task.cancel()

    async def _handshake(self) -> None:
        """Ask until the function answers; events wait meanwhile (in Azure the subscription would not exist yet)."""
        pause = 0.1
        while not await self._webhook.validate():
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)
        self.validated = True
        log.info("subscription validated subscription=%s function=%s", self._name, self._webhook.function)

    async def _start_due(self) -> float | None:
        """Begin all deliveries that are due and have a place; return the seconds until the next is, None if none waits."""
        try:
            waiting = await self._disk.do(self._disk.store.open, self._name, AT_ONCE)
        except sqlite3.Error:
            log.exception("event store not read, again soon subscription=%s", self._name)
            return AGAIN_AFTER_SECONDS
        for delivery in waiting:
            wait = (delivery.due_ns - time.time_ns()) / 1e9
            if wait > 0:
                return wait
            if delivery.event not in self._under_way:
                self._under_way[delivery.event] = asyncio.create_task(self._carry(delivery))
        return None

    async def _sleep(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return
        self._wake.clear()

    async def _carry(self, delivery: Delivery) -> None:
        try:
            await (self._write_dead_letter(delivery) if delivery.reason else self._attempt(delivery))
        except Exception:
            log.exception("delivery failed inside the emulator subscription=%s event=%s", self._name, delivery.event)
            await asyncio.sleep(AGAIN_AFTER_SECONDS)
        finally:
            del self._under_way[delivery.event]
            self.wake()

    async def _attempt(self, delivery: Delivery) -> None:
        now_ns = time.time_ns()
        if now_ns - delivery.accepted_ns > self._policy.ttl_seconds * 1e9:
            return await self._give_up(delivery, "TimeToLiveExceeded")
        outcome = await self._webhook.notify(delivery.body, attempt=delivery.attempts)
        attempts = delivery.attempts + 1
        tried = dataclasses.replace(delivery, attempts=attempts, last=outcome, attempted_ns=now_ns)
        match next_step(outcome, attempts=attempts, policy=self._policy, jitter=random.uniform(0.95, 1.05)):  # noqa: S311 - spreads retries
            case Again(after_seconds):
                self._warn("delivery will be tried again", tried)
                await self._postpone(tried, after_seconds)
            case Dead(reason):
                await self._give_up(tried, reason)
            case _:
                await self._disk.do(self._disk.store.end, tried, "delivered")

    async def _give_up(self, delivery: Delivery, reason: str) -> None:
        given_up = dataclasses.replace(delivery, reason=reason, attempted_ns=delivery.attempted_ns or time.time_ns())
        self._warn("delivery given up", given_up)
        await self._postpone(given_up, self._policy.compressed(DEAD_LETTER_AFTER_SECONDS))

    async def _write_dead_letter(self, delivery: Delivery) -> None:
        if self._bury is None:
            return await self._drop(delivery, "there is no dead-letter container")
        try:
            await self._bury(delivery)
        except Exception as error:
            if time.time_ns() - delivery.attempted_ns > DEAD_LETTER_DROPPED_AFTER_SECONDS * 1e9:
                return await self._drop(delivery, f"its dead letter could not be written for 4 h: {error}")
            log.warning("dead letter not written, again soon subscription=%s why=%r", self._name, str(error)[:300])
            return await self._postpone(delivery, self._policy.compressed(AGAIN_AFTER_SECONDS))
        await self._disk.do(self._disk.store.end, delivery, "dead")

    async def _drop(self, delivery: Delivery, why: str) -> None:
        log.error("event dropped subscription=%s why=%r event=%s", self._name, why, delivery.body)
        await self._disk.do(self._disk.store.end, delivery, "dropped")

    async def _postpone(self, delivery: Delivery, pause_seconds: float) -> None:
        later = dataclasses.replace(delivery, due_ns=time.time_ns() + int(pause_seconds * 1e9))
        await self._disk.do(self._disk.store.postpone, later)

    def _warn(self, sentence: str, tried: Delivery) -> None:
        fields = (tried.attempts, tried.last.name, tried.last.status, tried.reason)
        log.warning(f"{sentence} subscription=%s tries=%s outcome=%s status=%s reason=%s", self._name, *fields)  # noqa: G004 - a constant
