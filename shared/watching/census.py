"""Where every model stands at one moment: what waits, for how long, and what does not move. Read, never decided on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.retraining.spending import DAY, MONTH, used
from shared.state import LIVE, Release
from shared.table.rows import Snapshot

SOON = timedelta(hours=4)
STUCK = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Standing:
    """One model: its open releases by state, the age of its oldest undecided event, and by how much its time is over.

    `releases_day` were opened in the last 24 hours; runs took `seconds_day` in these, and `seconds_month` in 30 days.
    """

    model: str
    states: tuple[str, ...] = ()
    dead: int = 0
    oldest: timedelta = timedelta(0)
    overdue: timedelta = timedelta(0)
    expiring: tuple[Release, ...] = ()
    live: tuple[Release, ...] = ()
    releases_day: int = 0
    seconds_day: float = 0.0
    seconds_month: float = 0.0

    @property
    def is_stuck(self) -> bool:
        """Whether its time came long ago: the sweep has rung again and again since."""
        return self.overdue > STUCK


@dataclass(slots=True)
class Census:
    """The sums over all models that could be read."""

    models: int = 0
    states: Counter[str] = field(default_factory=Counter)
    dead: int = 0
    stuck: int = 0
    oldest: timedelta = timedelta(0)
    releases_day: int = 0
    seconds_day: float = 0.0
    seconds_month: float = 0.0

    def add(self, one: Standing) -> None:
        """Count one more model."""
        self.models += 1
        self.states.update(one.states)
        self.dead += one.dead
        self.stuck += one.is_stuck
        self.oldest = max(self.oldest, one.oldest)
        self.releases_day += one.releases_day
        self.seconds_day += one.seconds_day
        self.seconds_month += one.seconds_month


def standing(model: str, seen: Snapshot, now: datetime) -> Standing:
    """What a range read of a model says of it. A model that stands still on purpose is not overdue."""
    head = seen.head
    oldest = max((now - waiting.event.at for waiting in seen.inbox), default=timedelta(0))
    if head is None:
        return Standing(model, oldest=oldest)
    overdue = now - head.wake_at if head.wake_at is not None and not head.is_still else timedelta(0)
    day, month = used(head.spent, now, DAY), used(head.spent, now, MONTH)
    return Standing(
        model,
        tuple(sorted(release.state for release in seen.releases.values())),
        head.dead,
        max(oldest, timedelta(0)),
        max(overdue, timedelta(0)),
        () if head.is_still else tuple(_expiring(seen.releases.values(), now)),
        tuple(release for release in seen.releases.values() if release.state == LIVE),
        day.releases,
        day.seconds,
        month.seconds,
    )


def _expiring(releases: Iterable[Release], now: datetime) -> Iterator[Release]:
    for release in releases:
        if (
            release.state == "awaiting approval"
            and release.deadline is not None
            and timedelta(0) < release.deadline - now <= SOON
        ):
            yield release
