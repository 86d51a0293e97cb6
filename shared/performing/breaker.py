"""A circuit breaker: whether a platform is asked, decided from what its row says and what time it is. Pure.

closed    everybody asks; failures are counted in each process
open      nobody asks before `until`, but for traffic, which always asks
probing   one command asks, until its lease is over; its answer closes the breaker, its silence opens it for longer
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from shared import names
from shared.commands import KINDS
from shared.state import Command
from shared.table import forms

State = Literal["closed", "open", "probing"]
Heard = Literal["answer", "silence", "nothing"]
OPENS_AFTER = 10  # more than the tries of one command, so that one model alone is served as ever
FIRST_SECONDS, LONGEST_SECONDS = 15, 300
PROBE_WATCHED = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Breaker:
    """How it stands with one platform. `opened` counts openings without an answer between, since `since`."""

    platform: str
    state: State
    at: datetime
    until: datetime
    since: datetime
    opened: int = 0
    why: str = ""

    @property
    def is_closed(self) -> bool:
        """Whether the platform is asked as if there were no breaker."""
        return self.state == "closed"


def free_at(breaker: Breaker | None) -> datetime | None:
    """From when on a command may ask the platform as the probe; None if the breaker holds nobody."""
    return None if breaker is None or breaker.is_closed else breaker.until


def look_again_at(breaker: Breaker, model: str, now: datetime) -> datetime:
    """When a model rings for a command that is held: spread over a quarter more, and soon where a probe is under way."""
    free = free_at(breaker) or now
    if breaker.state == "probing":
        free = min(free, now + PROBE_WATCHED)
    wait = max((free - now).total_seconds(), 1.0)
    return now + timedelta(seconds=wait * (1 + int(names.digest(model)[:6], 16) % 100 / 400))


def opened(platform: str, before: Breaker | None, now: datetime, why: str) -> Breaker:
    """Open, for longer than the time before: 15, 30, 60, ... seconds, at most five minutes, by up to a quarter less."""
    again = before is not None and not before.is_closed
    count, since = (before.opened + 1, before.since) if again and before else (1, now)
    spread = int(names.digest(f"{platform}:{now.isoformat()}")[:6], 16) % 100
    return Breaker(platform, "open", now, now + pause(count, spread), since, count, why[:500])


def pause(count: int, spread: int) -> timedelta:
    """How long the `count`-th opening lasts; `spread` of 0 to 99 shortens it.

    >>> [pause(count, 0).total_seconds() for count in (1, 2, 3, 5, 6, 50)]
    [15.0, 30.0, 60.0, 240.0, 300.0, 300.0]
    >>> pause(1, 80).total_seconds()
    12.0
    """
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(count - 1, 10))
    return timedelta(seconds=longest * (1 - spread / 400))


def probing(breaker: Breaker, now: datetime, lease: timedelta) -> Breaker:
    """One command asks now; if it is never heard of again, another may once its lease is over."""
    return replace(breaker, state="probing", at=now, until=now + lease)


def after_probe(breaker: Breaker, heard: Heard, now: datetime, why: str) -> Breaker:
    """What the probe's end makes of it. Where it says nothing of the platform, the next one may probe at once."""
    if heard == "answer":
        return replace(breaker, state="closed", at=now, until=now)
    if heard == "silence":
        return opened(breaker.platform, breaker, now, why)
    return replace(breaker, state="open", at=now, until=now)


def platform_of(command: Command) -> str:
    """The platform that a command asks, or ""."""
    kind = KINDS.get(command.kind)
    return kind.platform if kind else ""


def text(breaker: Breaker) -> str:
    """The text of its row."""
    plain = {name: getattr(breaker, name) for name in Breaker.__slots__}
    return forms.text({**plain, **{name: plain[name].isoformat() for name in ("at", "until", "since")}})


def loaded(body: str) -> Breaker:
    """What a row says; `NewerForm` if a later release wrote it."""
    found: Mapping[str, Any] = forms.read("breaker", body)
    known = {name: found[name] for name in Breaker.__slots__ if name in found}
    return Breaker(**{**known, **{name: datetime.fromisoformat(found[name]) for name in ("at", "until", "since")}})
