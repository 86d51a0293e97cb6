"""The app's queue triggers, as the Functions host serves them: workers, rings that wait, what failed comes again."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.storage.port import StorageBusy
from shared.wiring import App
from tests.scale.account import Meter, Queues
from tests.scale.timeline import Timeline

INVOCATION_SECONDS, AFTER_FAILURE_SECONDS, POISON_AFTER = 0.005, 30.0, 5
QUEUES = ("advance", "perform")


@dataclass
class Service:
    """One queue trigger: its messages, its workers, and the models that it serves now."""

    free: int
    ready: deque[tuple[str, int]] = field(default_factory=deque)
    serving: set[str] = field(default_factory=set)
    missed: set[str] = field(default_factory=set)
    busy_seconds: float = 0.0


class Triggers:
    """Both queue triggers with so many workers each; `advanced` is told each model whose waiting events were looked at."""

    def __init__(
        self,
        app: App,
        timeline: Timeline,
        meter: Meter,
        bells: Queues,
        *,
        workers: int,
        count: Counter[str],
        advanced: Callable[[str], None],
    ) -> None:
        self._app, self._timeline, self._meter, self._bells = app, timeline, meter, bells
        self._count, self._advanced = count, advanced
        self.services = {queue: Service(workers) for queue in QUEUES}

    def send(self) -> None:
        """What the invocation that has just ended rang, on its way to the queues."""
        sent, self._bells.sent = self._bells.sent, []
        for queue, model, after in sent:
            self._timeline.at(
                self._meter.now + self._meter.busy_seconds + after, lambda q=queue, m=model: self._rung(q, m, 1)
            )

    def _rung(self, queue: str, model: str, count: int) -> None:
        self.services[queue].ready.append((model, count))
        self.serve(queue)

    def serve(self, queue: str) -> None:
        """Answer rings while there are workers; nothing while the region is down."""
        service = self.services[queue]
        while service.free and service.ready and not self._meter.down:
            model, count = service.ready.popleft()
            self._meter.busy_seconds = 0.0
            for _ in ("taken", "removed"):
                self._meter.of_host("queue")
            if model in service.serving:
                service.missed.add(model)
            else:
                self._invoke(queue, model, count)

    def _invoke(self, queue: str, model: str, count: int) -> None:
        service, self._meter.busy_seconds = self.services[queue], 0.0
        service.free -= 1
        service.serving.add(model)
        self._count[queue] += 1
        answer = self._app.doors.advance if queue == "advance" else self._app.doors.perform
        failed = False
        try:
            answer(model)
        except StorageBusy:
            failed = True
        if queue == "advance":
            self._advanced(model)
        seconds = self._meter.busy_seconds + INVOCATION_SECONDS
        service.busy_seconds += seconds
        self._count["worker_ms"] += int(1000 * seconds)
        self.send()
        again = count + 1 if failed else 0
        self._timeline.at(self._meter.now + seconds, lambda: self._done(queue, model, again))

    def _done(self, queue: str, model: str, again: int) -> None:
        service = self.services[queue]
        service.free += 1
        service.serving.discard(model)
        if again > POISON_AFTER:
            self._count["poisoned"] += 1
        elif again:
            self._timeline.at(self._meter.now + AFTER_FAILURE_SECONDS, lambda: self._rung(queue, model, again))
        if model in service.missed:
            service.missed.discard(model)
            service.ready.append((model, 1))
        self.serve(queue)
