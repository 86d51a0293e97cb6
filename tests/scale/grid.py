"""Event Grid's retry schedule, as documented: https://learn.microsoft.com/azure/event-grid/delivery-and-retry."""

from __future__ import annotations

import random

MINUTE, HOUR = 60.0, 3600.0
SCHEDULE_SECONDS = (10.0, 30.0, MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR)
TIME_TO_LIVE_SECONDS = 24 * HOUR
DELAYED_AFTER = 10
FIRST_HOLD, LAST_HOLD = 3, 6  # steps of the schedule: 5 minutes to an hour
JITTER = 0.2


def retry_after(attempt: int, chance: random.Random) -> float:
    """Seconds until the attempt after the `attempt`-th (from 1) is due, with jitter.

    >>> [round(retry_after(n, random.Random(1))) for n in (1, 4, 7)]
    [9, 256, 3073]
    """
    return SCHEDULE_SECONDS[min(attempt, len(SCHEDULE_SECONDS)) - 1] * chance.uniform(1 - JITTER, 1 + JITTER)


class Delivery:
    """Delayed delivery: while an endpoint keeps failing, new events to it are held back too, each time for longer.

    Microsoft says "after some 10 failures" and "up to several hours", but no times; here the holds are the schedule's own
    steps from 5 minutes to an hour.
    """

    def __init__(self) -> None:
        self.failures = 0
        self.holds = 0
        self.held_until = 0.0

    def failed(self, now: float, chance: random.Random) -> None:
        """The endpoint did not take an event."""
        self.failures += 1
        if self.failures >= DELAYED_AFTER and self.held_until <= now:
            step = min(FIRST_HOLD + self.holds, LAST_HOLD)
            self.held_until = now + SCHEDULE_SECONDS[step] * chance.uniform(1 - JITTER, 1 + JITTER)
            self.failures, self.holds = 0, self.holds + 1

    def succeeded(self) -> None:
        """The endpoint took an event."""
        self.failures, self.holds, self.held_until = 0, 0, 0.0
