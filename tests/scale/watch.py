"""What there is to see of the installation, minute by minute."""

from __future__ import annotations

from tests.scale.account import Meter
from tests.scale.deliveries import Deliveries
from tests.scale.scenario import Moment, Scenario
from tests.scale.timeline import Timeline
from tests.scale.triggers import QUEUES, Triggers

BUCKET_SECONDS = 60


class Watch:
    """Every minute's depths and counts, and how long after the outage nothing old was left."""

    def __init__(
        self, scenario: Scenario, timeline: Timeline, meter: Meter, triggers: Triggers, deliveries: Deliveries
    ) -> None:
        self._scenario, self._timeline, self._meter = scenario, timeline, meter
        self._triggers, self._deliveries = triggers, deliveries
        self._seen_calls = 0
        self.moments: list[Moment] = []
        self.drained_minutes = 0.0

    def look(self) -> None:
        """Write down this moment, and look again after the next minute."""
        scale, now = self._scenario.sample, self._meter.now
        made = sum(self._meter.calls.values())
        waiting = sum(map(len, self._deliveries.waiting.values()))
        depth = {queue: scale * len(self._triggers.services[queue].ready) for queue in QUEUES}
        busy = {
            q: min(1.0, s.busy_seconds / BUCKET_SECONDS * scale / self._scenario.workers)
            for q, s in self._triggers.services.items()
        }
        rate = scale * (made - self._seen_calls) / BUCKET_SECONDS
        oldest = now - min(self._deliveries.since(), default=now)
        self.moments.append(
            Moment(int(now // 60), scale * len(self._deliveries.undelivered), scale * waiting, depth["advance"], depth["perform"],
                   oldest, busy, rate)
        )  # fmt: skip
        outage_ends = (self._scenario.outage_from_hour + self._scenario.outage_hours) * 3600
        if now > outage_ends and oldest > 60:
            self.drained_minutes = (now - outage_ends) / 60
        self._seen_calls = made
        for service in self._triggers.services.values():
            service.busy_seconds = 0.0
        self._meter.forget()
        self._timeline.at(now + BUCKET_SECONDS, self.look)
