"""What follows a delivery attempt: done, again later, or a dead letter. Pure.

Source: https://learn.microsoft.com/azure/event-grid/delivery-and-retry, for a destination that is an Azure Function.
Not emulated: probation and delayed delivery (an endpoint that keeps failing is still tried on schedule).
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEDULE_SECONDS = (10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200)
SHORTEST_SECONDS = {401: 300, 404: 300, 408: 120, 503: 30}
NOT_RETRIED = {400: "BadRequest", 403: "Forbidden", 413: "PayloadTooLarge"}
OUTCOMES = {**NOT_RETRIED, 401: "Unauthorized", 404: "NotFound", 408: "TimedOut", 503: "Busy"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: `name` as in `lastDeliveryOutcome`; `status` 0 when there was no answer."""

    name: str
    status: int = 0

    @property
    def delivered(self) -> bool:
        """Only 200 to 204 count."""
        return 200 <= self.status <= 204


NOT_TRIED = Outcome("Probation")


@dataclass(frozen=True, slots=True)
class Delivered:
    """It arrived."""


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after so many seconds."""

    after_seconds: float


@dataclass(frozen=True, slots=True)
class Dead:
    """Give up, for a reason as in `deadLetterReason`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A subscription's bounds. `compress` divides every pause and the time to live, for people who do not have days."""

    max_delivery_attempts: int = 30
    ttl_minutes: float = 1440
    compress: float = 1.0

    @property
    def ttl_seconds(self) -> float:
        """How long after it was accepted an event is still tried."""
        return self.compressed(self.ttl_minutes * 60)

    def compressed(self, seconds: float) -> float:
        """So many seconds of Azure's, as they pass here."""
        return seconds / self.compress


def answered(status: int) -> Outcome:
    """The outcome that an HTTP status stands for."""
    return Outcome("Delivered" if 200 <= status <= 204 else OUTCOMES.get(status, "GenericError"), status)


def next_step(outcome: Outcome, *, attempts: int, policy: Policy, jitter: float = 1.0) -> Delivered | Again | Dead:
    """What to do after attempt number `attempts` (from 1). The time to live is looked at when the next one is due.

    >>> next_step(answered(500), attempts=1, policy=Policy())
    Again(after_seconds=10.0)
    >>> next_step(answered(404), attempts=1, policy=Policy(compress=600))
    Again(after_seconds=0.5)
    """
    if outcome.delivered:
        return Delivered()
    if outcome.status in NOT_RETRIED:
        return Dead(f"UndeliverableDueToHttp{NOT_RETRIED[outcome.status]}")
    if attempts >= policy.max_delivery_attempts:
        return Dead("MaxDeliveryAttemptsExceeded")
    pause = SCHEDULE_SECONDS[min(attempts, len(SCHEDULE_SECONDS)) - 1]
    return Again(policy.compressed(max(pause, SHORTEST_SECONDS.get(outcome.status, 0)) * jitter))
