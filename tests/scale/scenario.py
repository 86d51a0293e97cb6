"""What is simulated, and what was found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scenario:
    """`sample` of 20 simulates every twentieth model, with a twentieth of the workers and of the account's transactions."""

    models: int = 1000
    events_a_day: int = 1_000_000
    hours: float = 8.0
    outage_from_hour: float = 1.0
    outage_hours: float = 2.0
    workers: int = 120
    sample: int = 20
    seed: int = 1


@dataclass(slots=True)
class Moment:
    """What could be seen at the end of one minute; depths and counts are of the whole installation."""

    minute: int
    undelivered: int
    waiting: int
    advance: int
    perform: int
    oldest_seconds: float
    busy: dict[str, float]
    transactions_a_second: float


@dataclass(slots=True)
class Found:
    """A finished simulation."""

    scenario: Scenario
    moments: list[Moment]
    calls: dict[str, int]
    invocations: dict[str, int]
    worker_seconds: float
    events: int
    delivered_late: int
    expired: int
    throttled: int
    poisoned: int
    dead: int
    peak_transactions: int
    peak_partition: int
    drained_minutes: float
