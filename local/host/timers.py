"""Timer triggers: one run at a time, the next occurrence remembered, a missed one made up once.

Contract: Azure/azure-webjobs-sdk-extensions, `TimerListener.cs` and `ScheduleMonitor.cs`. Times are UTC.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.functions.meta import Datum

from local.host.invoke import Outcome
from local.host.ncrontab import Schedule

log = logging.getLogger("host.timers")
Clock = Callable[[], datetime]
Run = Callable[[Datum], Awaitable[Outcome]]
MONITOR_FROM = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """What is remembered of a timer. `last` is None before the first run."""

    last: datetime | None
    next: datetime
    last_updated: datetime

    def as_wire(self) -> dict[str, str]:
        """The document that Azure's host keeps per timer and shows to the function."""
        last = self.last or datetime.min.replace(tzinfo=UTC)
        return {"Last": last.isoformat(), "Next": self.next.isoformat(), "LastUpdated": self.last_updated.isoformat()}

    @classmethod
    def from_wire(cls, document: dict[str, str]) -> ScheduleStatus:
        """Read the document back."""
        last, next_, updated = (datetime.fromisoformat(document[key]) for key in ("Last", "Next", "LastUpdated"))
        return cls(None if last.year == 1 else last, next_, updated)


@dataclass(frozen=True, slots=True)
class StatusFile:
    """Where a timer's status lies; written whole or not at all."""

    path: Path

    def read(self) -> ScheduleStatus | None:
        """The status, or None if there is none that can be read."""
        try:
            return ScheduleStatus.from_wire(json.loads(self.path.read_text()))
        except (OSError, ValueError, KeyError):
            return None

    def write(self, status: ScheduleStatus) -> None:
        """Replace the status."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.path.with_suffix(".new")
        scratch.write_text(json.dumps(status.as_wire()))
        scratch.replace(self.path)


def is_monitored(schedule: Schedule, now: datetime) -> bool:
    """Whether missed runs are made up: not for schedules that recur within less than a minute."""
    upcoming = schedule.occurrences_after(now, 6)
    return all(later - earlier >= MONITOR_FROM for earlier, later in itertools.pairwise(upcoming))


def status_at_start(found: ScheduleStatus | None, schedule: Schedule, now: datetime) -> ScheduleStatus:
    """The status to go on from. A changed schedule counts from now, so that it is not taken for a missed run."""
    if found is None:
        return ScheduleStatus(None, schedule.next_after(now), now)
    expected = schedule.next_after(found.last or found.last_updated)
    if found.next == expected:
        return found
    upcoming = schedule.next_after(now) if now > expected else expected
    return ScheduleStatus(None, upcoming, now if now > expected else found.last_updated)


def utc_now() -> datetime:
    """The clock of the laptop."""
    return datetime.now(UTC)


class TimerListener:
    """Serves one timer trigger. An exception of the function is logged by `run` and changes nothing here."""

    def __init__(
        self,
        schedule: Schedule,
        file: StatusFile,
        run: Run,
        *,
        run_on_startup: bool = False,
        use_monitor: bool = True,
        clock: Clock = utc_now,
    ) -> None:
        self._schedule, self._run, self._run_on_startup, self._clock = schedule, run, run_on_startup, clock
        self._file = file if use_monitor and is_monitored(schedule, clock()) else None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Start no more runs; one that goes on is finished."""
        self._stopping.set()

    async def listen(self) -> None:
        """Serve until stopped."""
        status = status_at_start(self._file.read() if self._file else None, self._schedule, self._clock())
        self._keep(status)
        if self._clock() > status.next:
            status = await self._run_now(status, past_due=True)
        elif self._run_on_startup:
            status = await self._run_now(status)
        while not await self._stopped_within((status.next - self._clock()).total_seconds()):
            status = await self._run_now(status, not_before=status.next)

    async def _run_now(
        self, status: ScheduleStatus, *, past_due: bool = False, not_before: datetime | None = None
    ) -> ScheduleStatus:
        """Run once. `not_before` is the occurrence meant, lest a clock that is early names it again as the next."""
        started = self._clock()
        at = max(started, not_before or started)
        await self._run(timer_datum(status if self._file else None, past_due=past_due))
        after = ScheduleStatus(at, self._schedule.next_after(at), at)
        self._keep(after)
        return after

    def _keep(self, status: ScheduleStatus) -> None:
        if self._file:
            self._file.write(status)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), max(seconds, 0.001))
            return True
        except TimeoutError:
            return self._stopping.is_set()


def timer_datum(status: ScheduleStatus | None, *, past_due: bool) -> Datum:
    """What the host sends for a timer; without a monitor there is no status."""
    document = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": status.as_wire() if status else None,
        "IsPastDue": past_due,
    }
    return Datum(json.dumps(document), "json")
