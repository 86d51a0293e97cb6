"""Events on their way: from Event Grid, which tries again, to the inboxes where they wait for a decision."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

from shared import names, wire
from shared.storage.port import StorageBusy
from shared.wiring import App
from tests.scale.account import Meter
from tests.scale.grid import TIME_TO_LIVE_SECONDS, Delivery, retry_after
from tests.scale.timeline import Timeline
from tests.scale.triggers import INVOCATION_SECONDS, Triggers

LET_GO_WITHIN_SECONDS = 60.0


class Deliveries:
    """What is undelivered, since when, by event; what waits for a decision, since when, by model."""

    def __init__(
        self,
        app: App,
        triggers: Triggers,
        timeline: Timeline,
        meter: Meter,
        *,
        chance: random.Random,
        count: Counter[str],
    ) -> None:
        self._app, self._triggers, self._timeline, self._meter = app, triggers, timeline, meter
        self._chance, self._count = chance, count
        self._endpoints: dict[str, Delivery] = defaultdict(Delivery)
        self.undelivered: dict[str, float] = {}
        self.waiting: dict[str, list[float]] = defaultdict(list)

    def since(self) -> list[float]:
        """When each undelivered event and the oldest waiting one of each model were sent."""
        return [*self.undelivered.values(), *(min(since) for since in self.waiting.values() if since)]

    def deliver(self, event: wire.Delivered, attempt: int, since: float) -> None:
        """One attempt, counted from 1, at an event that was first sent at `since`; the next is planned if the app does not take it."""
        grid, now = self._endpoints[event.type], self._meter.now
        self.undelivered.setdefault(event.id, since)
        if now - since > TIME_TO_LIVE_SECONDS:
            self._count["expired"] += 1
            return
        if now < grid.held_until:
            self._timeline.at(
                grid.held_until + self._chance.uniform(0, LET_GO_WITHIN_SECONDS),
                lambda: self.deliver(event, attempt, since),
            )
            return
        self._count["deliveries"] += 1
        self._meter.busy_seconds = 0.0
        try:
            self._app.intake.receive(event)
        except StorageBusy:
            grid.failed(now, self._chance)
            wait = retry_after(attempt, self._chance)
            self._timeline.at(now + wait, lambda: self.deliver(event, attempt + 1, since))
            return
        grid.succeeded()
        self._count["late"] += attempt > 1
        self.waiting[_model_of(event)].append(self.undelivered.pop(event.id))
        self._count["intake"] += 1
        self._count["worker_ms"] += int(1000 * (self._meter.busy_seconds + INVOCATION_SECONDS))
        self._triggers.send()


def _model_of(event: wire.Delivered) -> str:
    parts = event.subject.rsplit("/blobs/", 1)
    name = parts[1].split("/")[0] if len(parts) == 2 else event.subject.rsplit("/", 1)[-1]
    return names.release_of_run(name).rsplit("-", 1)[0] if names.release_of_run(name) else name
