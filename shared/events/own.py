"""What Baton notices by itself: a moment that came, a wait for capacity, a row that cannot be read, an upgrade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from shared.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityAwaited(Event):
    """The platform has no room for a command of a release, which waits for it; not its outcome: it stays in the outbox."""

    family: ClassVar[str] = "outcome"
    command: int
    name: str
    release: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinePassed(Event):
    """A moment that the head or a release waited for is over; `of` is a release id, or `basket`."""

    family: ClassVar[str] = "time"
    of: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRead(Event):
    """The schedule of a folder became the model's. Its next moments are here, since time-zone rules change with the years."""

    family: ClassVar[str] = "time"
    folder: str
    retrain_at: datetime | None = None
    data_by: datetime | None = None
    quiet_from: datetime | None = None
    quiet_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDue(Event):
    """A moment of the schedule is over: `what` is retrain, data or quiet, `moment` when it was due, `next_at` the one after now.

    Quiet hours are over at their end; the next ones are from `next_at` until before `next_until`.
    """

    family: ClassVar[str] = "time"
    what: str
    moment: datetime
    next_at: datetime | None = None
    next_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSetAside(Event):
    """The row under key `row` cannot be read by any release of Baton: it went to the dead letters as it stood there."""

    family: ClassVar[str] = "ledger"
    row: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried(Event):
    """What the first fold after an upgrade found, in today's form: `of` is a release id, or "head" (with `open` ones).

    The journal is folded again from here on, whatever its older lines come to by today's rules.
    """

    family: ClassVar[str] = "time"
    of: str
    form: Mapping[str, Any]
