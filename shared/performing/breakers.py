"""The breakers of all platforms: read with the freeze, written only when one changes, each guarded by its row's ETag.

    closed -> open       | a crash before it: the next failures open it; after it: all wait, the first ring after `until` probes
    open -> probing      | a crash after it: the probe's lease ends, and the next ring probes
    probing -> open      | a crash before it: as above; after it: all wait for longer
    probing -> closed    | a crash before it: as above, one more probe; after it: all go on

Who loses a race, or cannot write, does nothing: the other's state holds, or the lease ends. A row of a later release
is left alone, and held nobody up: this worker then goes on as if there were no breaker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import log
from shared.errors import NewerForm, Retryable
from shared.performing import breaker
from shared.performing.breaker import Breaker, Heard
from shared.state import Command
from shared.storage.port import Row
from shared.table.system import System

ROW = "!breaker:"
PLATFORMS: Mapping[str, str] = {"training": "the ML platform's runs and registry", "endpoints": "the endpoints"}
RUNG_EARLIER = timedelta(seconds=1)
NEXT = "docs/runbook.md#open-breaker"


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to ask a platform. `probe` is the row that this command wrote as the probe, None for all others."""

    platform: str = ""
    probe: Row | None = None


class Breakers:
    """Says whether commands may ask their platforms now, and hears how it went."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._failures: Counter[str] = Counter()
        self._rung: dict[str, datetime] = {}

    def held(self, model: str, command: Command, now: datetime) -> datetime | None:
        """When to look again at a command that may not ask its platform now; None if it may."""
        stands = self._stands(breaker.platform_of(command))
        free = breaker.free_at(stands)
        if stands is None or free is None or free <= now:
            return None
        return breaker.look_again_at(stands, model, now)

    def is_rung(self, model: str, at: datetime, now: datetime) -> bool:
        """Whether a ring of this process for a held model is under way and comes in time, so that rings do not multiply."""
        under_way = self._rung.get(model)
        return under_way is not None and now < under_way <= at + RUNG_EARLIER

    def rung(self, model: str, at: datetime) -> None:
        """A ring for a held model is on its way."""
        self._rung[model] = at

    def enter(self, command: Command, now: datetime, lease: timedelta) -> Pass | None:
        """Leave to ask the command's platform, as the probe where its breaker is not closed; None if another probes."""
        platform = breaker.platform_of(command)
        row, stands = self._row(platform), self._stands(platform)
        free = breaker.free_at(stands)
        if row is None or stands is None or free is None:
            return Pass(platform)
        if free > now:
            return None
        probe = self._system.keep(row.key, breaker.text(breaker.probing(stands, now, lease)), row)
        return Pass(platform, probe) if probe else None

    def leave(self, passed: Pass, heard: Heard, now: datetime, why: str = "") -> None:
        """Say how it went. What cannot be written is told by the next: the lease of a probe ends."""
        if not passed.platform:
            return
        try:
            self._hear(passed, heard, now, why)
        except Retryable as error:
            log.warning("breaker not written", platform=passed.platform, why=error.what)

    def all(self) -> list[Breaker]:
        """Those that are not closed, for people."""
        found = [self._stands(platform) for platform in PLATFORMS]
        return [one for one in found if one is not None and not one.is_closed]

    def _hear(self, passed: Pass, heard: Heard, now: datetime, why: str) -> None:
        platform = passed.platform
        if passed.probe is not None:
            self._end(passed.probe, heard, now, why)
        elif heard == "answer":
            self._failures[platform] = 0
        elif heard == "silence":
            self._failures[platform] += 1
            stands = self._stands(platform)
            if self._failures[platform] >= breaker.OPENS_AFTER and (stands is None or stands.is_closed):
                self._open(platform, stands, now, why)

    def _open(self, platform: str, stands: Breaker | None, now: datetime, why: str) -> None:
        row = self._row(platform)
        if row is not None and _is_newer(row):
            return
        after = breaker.opened(platform, stands, now, why)
        if self._system.keep(ROW + platform, breaker.text(after), row):
            self._failures[platform] = 0
            _tell_open(after)

    def _end(self, probe: Row, heard: Heard, now: datetime, why: str) -> None:
        before = breaker.loaded(probe.body)
        after = breaker.after_probe(before, heard, now, why)
        if not self._system.keep(probe.key, breaker.text(after), probe):
            return
        self._failures[after.platform] = 0
        if after.is_closed:
            silent = (now - after.since).total_seconds()
            log.info("platform answers again", platform=after.platform, breaker="closed", seconds=silent)
        elif heard == "silence":
            _tell_open(after)

    def _row(self, platform: str) -> Row | None:
        return self._system.row(ROW + platform) if platform else None

    def _stands(self, platform: str) -> Breaker | None:
        row = self._row(platform)
        if row is None:
            return None
        try:
            return breaker.loaded(row.body)
        except NewerForm:
            return None
        except (ValueError, KeyError, TypeError):  # damaged: it is written anew when it opens
            return None


def _is_newer(row: Row) -> bool:
    try:
        breaker.loaded(row.body)
    except NewerForm:
        return True
    except (ValueError, KeyError, TypeError):
        return False
    return False


def _tell_open(opened: Breaker) -> None:
    log.warning(
        "platform does not answer, its commands wait",
        platform=opened.platform,
        breaker="open",
        until=opened.until.isoformat(timespec="seconds"),
        why=opened.why,
        next=NEXT,
    )
