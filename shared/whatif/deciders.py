"""Policies that can be played: ours, by the very code that decides in production, and three common ones to compare with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from shared import events, release
from shared.folding.turn import Decision, Turn
from shared.moves import opening, shipping
from shared.retraining import schedules, spending
from shared.spec import Spec
from shared.state import Champion, Head, Release
from shared.whatif.play import Signal

DAY = timedelta(days=1)
FOLDER = "folder"
PERSON_LOOKS_AFTER = timedelta(hours=24)


class _SameRules(Mapping[str, Spec]):
    """The rules under test, whatever the folder."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    def __getitem__(self, folder: str) -> Spec:
        return self._spec

    def __iter__(self) -> Iterator[str]:
        return iter((FOLDER,))

    def __len__(self) -> int:
        return 1


class OurPolicy:
    """`model.yaml`'s rules: signals become the events that they are, decided by `release.decide` on a head of its own.

    The monitor alerts from `alerts_from` on; without a `drift_limit` of the rules what is below it is its life sign alone.
    Where the breaker opens, a person looks a day later and asks for a retrain, as docs/retraining.md says.
    """

    def __init__(self, spec: Spec, begin: datetime, alerts_from: float = 0.0) -> None:
        self._rules = _SameRules(spec)
        self._alerts_from = alerts_from
        self._spec = spec
        champion = Champion("1", "first", f"{spec.name}-0001", FOLDER, begin)
        self._head = Head(spec.name, FOLDER, "author", next_release=2, champion=champion)
        self._open: Mapping[str, Release] = {}
        self._looked_at: datetime | None = None
        self._heard = 0
        self.why: list[tuple[datetime, str, str]] = []

    def hear(self, signal: Signal | None, now: datetime) -> bool:
        """Decide on one signal, then on what is due."""
        was = self._head.building
        for event in self._events(signal, now):
            self._decide(event, now)
        self._due(now)
        return bool(self._head.building) and not was

    def ended(self, now: datetime, *, promoted: bool, seconds: float) -> bool:
        """End the release, promoted or held; the next one may begin."""
        turn = Turn(self._rules, self._head, self._open, "what-if", now)
        done = turn.releases[turn.head.building]
        turn.set_head(spent=spending.added(turn.head.spent, now, seconds=seconds))
        if promoted:
            del turn.releases[done.id]
            turn.set_head(building="", useless=0, champion=Champion(done.id, done.id, done.id, FOLDER, now))
            shipping.reset_drift(turn)
        else:
            turn.end(done, "held", "no better")
        opening.open_next(turn)
        self._keep(turn.decision("taken", ""), now)
        self._looked_at = now + PERSON_LOOKS_AFTER if self._is_open() else None
        self._due(now)
        return bool(self._head.building)

    def look_at(self, now: datetime) -> datetime | None:
        """The earliest deadline of head and schedule, or when a person looks."""
        waits = release.wake_at(replace(self._head, outstanding=0, later=()), {}, ring_again_at=now)
        moments = [moment for moment in (waits, self._looked_at) if moment is not None]
        return min(moments, default=None)

    def _is_open(self) -> bool:
        return self._head.useless >= self._spec.retrain.breaker

    def _events(self, signal: Signal | None, now: datetime) -> Iterator[events.Event]:
        self._heard += 1
        name = signal.name if signal is not None and signal.name else f"e{self._heard}"
        if signal is None:
            if self._looked_at is not None and now >= self._looked_at and self._is_open():
                self._looked_at = None
                yield events.RetrainRequested(id=name, at=now, by="somebody", why="the breaker is open")
        elif signal.kind == "file":
            yield events.FileAccepted(
                id=name,
                at=now,
                command=0,
                blob=name,
                etag=name,
                sha256=name,
                rows=signal.rows,
                size=0,
                stored=name,
                report="",
            )
        elif signal.kind == "report":
            run = f"run-{name}"
            if self._spec.retrain.drift_limit <= 0 and signal.number < self._alerts_from:
                yield events.MonitorReported(id=name, at=now, run_id=run)
                return
            yield events.DriftDetected(id=name, at=now, monitor=self._spec.name, run_id=run, coefficient=signal.number)
        elif signal.kind == "folder":
            yield events.ModelPublished(id=name, at=now, by="author", folder=name)
        else:
            yield events.RetrainRequested(id=name, at=now, by="somebody", why="asked")

    def _due(self, now: datetime) -> None:
        for deadline in release.due(self._head, {}, now):
            self._decide(deadline, now)
        read = schedules.read(self._head, self._spec, now)
        for event in [read] if read is not None else schedules.due(self._head, self._spec, now):
            self._decide(event, now)

    def _decide(self, event: events.Event, now: datetime) -> None:
        self._keep(release.decide(self._rules, self._head, self._open, event, now), now)

    def _keep(self, decision: Decision, now: datetime) -> None:
        self._head, self._open = decision.head, decision.releases
        self.why += [(now, note.what, note.why) for note in decision.notes]


class EveryDay:
    """A training each day at the same time, whatever came."""

    def __init__(self, begin: datetime) -> None:
        self._next = begin + DAY
        self._busy = False

    def hear(self, signal: Signal | None, now: datetime) -> bool:
        """At its time."""
        if now < self._next or self._busy:
            return False
        self._next, self._busy = now + DAY, True
        return True

    def ended(self, now: datetime, *, promoted: bool, seconds: float) -> bool:
        """It waits for its time again."""
        self._busy = False
        return False

    def look_at(self, now: datetime) -> datetime | None:
        """Its next time."""
        return self._next


class EveryDrop:
    """A training for each file; those that come while it trains make one more."""

    def __init__(self) -> None:
        self._busy = self._again = False

    def hear(self, signal: Signal | None, now: datetime) -> bool:
        """A file."""
        if not self._is_cause(signal):
            return False
        if self._busy:
            self._again = True
            return False
        self._busy = True
        return True

    def _is_cause(self, signal: Signal | None) -> bool:
        return signal is not None and signal.kind == "file"

    def ended(self, now: datetime, *, promoted: bool, seconds: float) -> bool:
        """Again, if something came meanwhile."""
        self._busy, self._again = self._again, False
        return self._busy

    def look_at(self, now: datetime) -> datetime | None:
        """Never by itself."""
        return None


class AtLimit(EveryDrop):
    """A training for each report of the monitor above a limit, as in "PSI > 0.2"."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self._limit = limit

    def _is_cause(self, signal: Signal | None) -> bool:
        return signal is not None and signal.kind == "report" and signal.number > self._limit
