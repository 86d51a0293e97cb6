"""The host: one app's functions behind their triggers, in one process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from azure.functions.meta import Datum

from local.host.app_settings import check_settings, resolve
from local.host.host_json import AppRefused, HostJson
from local.host.index import LoadedFunction
from local.host.invoke import Invoker, Outcome
from local.host.ncrontab import ScheduleRefused, parse_schedule
from local.host.outputs import Accounts, OutputSender
from local.host.queues import QueueListener
from local.host.server import GRACE_SECONDS, Server
from local.host.timers import StatusFile, TimerListener, timer_datum

log = logging.getLogger("host")
SERVED_TRIGGERS = ("eventGridTrigger", "queueTrigger", "timerTrigger", "httpTrigger")
SERVED_OUTPUTS = ("queue", "http")


class Host:
    """Serves the functions until stopped. `state` is the folder for what must outlive the process."""

    def __init__(
        self, functions: Sequence[LoadedFunction], settings: HostJson, *, environment: Mapping[str, str], state: Path
    ) -> None:
        check_kinds(functions)
        check_settings(functions, environment)
        self.functions, self._settings, self._environment, self._state = functions, settings, environment, state
        self._invoker = Invoker(timeout_seconds=settings.function_timeout_seconds)
        self._accounts = Accounts(environment)
        self._outputs = OutputSender(self._accounts, is_base64=settings.queues.base64, on_sent=self._poll_queue)
        self._timers = [self._timer(f) for f in functions if f.trigger.type == "timerTrigger"]
        self._queues: list[QueueListener] = []
        self._listening: list[asyncio.Task[None]] = []
        self._server = Server(functions, route_prefix=settings.route_prefix, run=self.run, run_by_hand=self.run_by_hand)

    async def start(self, port: int) -> str:
        """Begin to serve on 127.0.0.1; returns the URL. Port 0 takes a free one."""
        url = await self._server.start(port)
        self._queues = [self._queue(f) for f in self.functions if f.trigger.type == "queueTrigger"]
        self._listening = [asyncio.create_task(listener.listen()) for listener in self._listeners]
        for task in self._listening:
            task.add_done_callback(_tell_crash)
        log.info("host serves functions=%d url=%s", len(self.functions), url)
        if not self.functions:
            log.warning("no functions found: is each blueprint registered in function_app.py?")
        return url

    async def stop(self, *, grace_seconds: float = GRACE_SECONDS) -> int:
        """Take nothing new, let running functions finish for a while; returns how many were left running."""
        for listener in self._listeners:
            listener.stop()
        ending = [asyncio.create_task(self._server.stop()), *self._listening]
        _, late = await asyncio.wait(ending, timeout=grace_seconds)
        for task in late:
            task.cancel()
        await self._accounts.close()
        self._invoker.close()
        if self._invoker.running:
            log.warning("host stops with functions still running: %d", self._invoker.running)
        return self._invoker.running

    async def run(self, function: LoadedFunction, data: Datum, metadata: Mapping[str, Datum] | None = None) -> Outcome:
        """Invoke the function and send its outputs; queues are polled soon after, since it may have sent messages."""
        outcome = await self._outputs.send(function, await self._invoker.invoke(function, data, metadata or {}))
        if function.trigger.type != "httpTrigger" or data.value["method"].value not in ("GET", "HEAD", "OPTIONS"):
            self._poll_queues()
        return outcome

    async def run_by_hand(self, function: LoadedFunction, text: str) -> Outcome:
        """Invoke the function with a text, as the host's admin route does."""
        kind = function.trigger.type
        if kind == "timerTrigger":
            return await self.run(function, timer_datum(None, past_due=False))
        return await self.run(function, Datum(text, "string" if kind == "queueTrigger" else "json"))

    @property
    def _listeners(self) -> list[QueueListener | TimerListener]:
        return [*self._queues, *self._timers]

    def _timer(self, function: LoadedFunction) -> TimerListener:
        trigger = function.trigger
        text = resolve(trigger.text("schedule"), self._environment)
        try:
            schedule = parse_schedule(text)
        except ScheduleRefused as fault:
            raise AppRefused(f"Timer {function.name}: {fault}.", next="write it like `0 */5 * * * *`") from fault
        return TimerListener(
            schedule,
            StatusFile(self._state / "timers" / f"{function.name}.json"),
            lambda data: self.run(function, data),
            run_on_startup=bool(trigger.settings.get("runOnStartup")),
            use_monitor=trigger.settings.get("useMonitor") is not False,
        )

    def _queue(self, function: LoadedFunction) -> QueueListener:
        queue = self._accounts.queue(function.trigger)
        return QueueListener(
            queue,
            queue.poison(self._accounts.service(function.trigger)),
            self._settings.queues,
            lambda data, metadata: self.run(function, data, metadata),
            on_poison=self._poll_queue,
        )

    def _poll_queues(self) -> None:
        for listener in self._queues:
            if not listener.queue.name.endswith("-poison"):
                listener.poll_soon()

    def _poll_queue(self, name: str) -> None:
        for listener in self._queues:
            if listener.queue.name == name:
                listener.poll_soon()


def check_kinds(functions: Iterable[LoadedFunction]) -> None:
    """Raise `AppRefused` for triggers and outputs that this host does not serve."""
    for function in functions:
        for binding in function.bindings:
            if binding.type not in (SERVED_OUTPUTS if binding.is_out else SERVED_TRIGGERS):
                raise AppRefused(
                    f"Function {function.name} has a binding of type {binding.type}, not served by the local host.",
                    next=f"use {', '.join(SERVED_TRIGGERS + SERVED_OUTPUTS)}, or run `func start`",
                )


def _tell_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        log.error('a trigger\'s listener ended: %r next="restart the host and report this"', task.exception())
