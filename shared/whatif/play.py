"""Plays a past through a policy: what it would have trained when, what that costs, and how long a stale model serves. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that happened: a file with rows, a monitor's report with its number, a published folder, a request."""

    at: datetime
    kind: str
    rows: int = 0
    number: float = 0.0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model: trained at this moment on all files up to this number."""

    at: datetime
    files: int


class Past(Protocol):
    """What happened, and what is true of models in it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def begin(self) -> datetime:
        """Its first moment: a model that was trained then serves."""

    @property
    def end(self) -> datetime:
        """Its last moment."""

    @property
    def signals(self) -> tuple[Signal, ...]:
        """What happened, in order."""

    @property
    def changes(self) -> tuple[datetime, ...]:
        """When the truth changed, as far as it is known."""

    @property
    def alerts_from(self) -> float:
        """From which number on the monitor itself alerts; a lower one is a report without an alert."""

    def seen_by_monitor(self, signal: Signal, champion: Trained) -> float:
        """The number of a report, against what the serving model was trained on."""

    def loss(self, model: Trained, at: datetime) -> float:
        """How much worse the model is than the best possible: 0 is none, 1 what a whole change costs."""

    def passes(self, candidate: Trained, champion: Trained) -> bool:
        """Whether the gates would have found the candidate better."""

    def is_needed(self, candidate: Trained, champion: Trained) -> bool:
        """Whether it really is better, whatever the gates found."""


class Decider(Protocol):
    """A policy: hears what happens, and says when to train."""

    def hear(self, signal: Signal | None, now: datetime) -> bool:
        """Whether a training begins now. `signal` is None when a moment has come that it asked for."""

    def ended(self, now: datetime, *, promoted: bool, seconds: float) -> bool:
        """A training is over; whether the next one begins at once."""

    def look_at(self, now: datetime) -> datetime | None:
        """When it wants to be asked again, if nothing happens before."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is assumed: how long a training takes, a person's approval, and what things cost, in one currency."""

    minutes: float = 12.0
    price_per_minute: float = 0.5
    approval_hours: float = 2.0
    stale_hour: float = 1.0
    stale_from: float = 0.1


@dataclass(frozen=True, slots=True)
class Attempt:
    """A training: when it began, whether it was promoted, whether it was needed."""

    at: datetime
    promoted: bool
    needed: bool


@dataclass
class Played:
    """What a policy did with a past. `false` counts trainings of a model that was no better than the one that served."""

    past: str
    policy: str
    attempts: list[Attempt] = field(default_factory=list)
    stale: list[tuple[datetime, datetime]] = field(default_factory=list)
    lost: float = 0.0
    minutes: float = 0.0

    @property
    def false(self) -> int:
        """Trainings that nothing had changed for."""
        return sum(not one.needed for one in self.attempts)

    @property
    def promoted(self) -> int:
        """Trainings whose model went live."""
        return sum(one.promoted for one in self.attempts)

    @property
    def stale_hours(self) -> float:
        """Hours in which a model served that was worse than need be, beyond `Terms.stale_from`."""
        return sum((end - begin) / HOUR for begin, end in self.stale)

    def money(self, terms: Terms) -> float:
        """What the trainings cost."""
        return self.minutes * terms.price_per_minute

    def cost(self, terms: Terms) -> float:
        """Trainings, and the loss by stale models: `stale_hour` for an hour of the whole loss."""
        return self.money(terms) + self.lost * terms.stale_hour


def play(past: Past, decider: Decider, *, policy: str, terms: Terms) -> Played:
    """Play a past through a policy, one training at a time; the model of the first moment serves until a better one does."""
    return _Playing(past, decider, Played(past.name, policy), terms).run()


class _Playing:
    """One run of `play`: the queue of what happens next, the model that serves, the training under way."""

    def __init__(self, past: Past, decider: Decider, played: Played, terms: Terms) -> None:
        self.past, self.decider, self.played, self.terms = past, decider, played, terms
        self.champion = Trained(past.begin, 0)
        self.files = 0
        self.training: Trained | None = None
        self.at = past.begin
        self.pushed = 0
        self.queue: list[tuple[datetime, int, str, Signal | Trained | None]] = []
        for signal in past.signals:
            self._push(signal.at, "signal", signal)

    def _push(self, at: datetime, what: str, about: Signal | Trained | None = None) -> None:
        self.pushed += 1
        heapq.heappush(self.queue, (at, self.pushed, what, about))

    def run(self) -> Played:
        """Until the past is over."""
        looks: set[datetime] = set()
        while self.queue and self.queue[0][0] <= self.past.end:
            now, _, what, about = heapq.heappop(self.queue)
            self._serve_until(now)
            self._take(now, what, about)
            again = self.decider.look_at(now)
            if again is not None and again > now and again not in looks:
                looks.add(again)
                self._push(again, "look")
        self._serve_until(self.past.end)
        return self.played

    def _take(self, now: datetime, what: str, about: Signal | Trained | None) -> None:
        if what == "live":
            assert isinstance(about, Trained)
            self.champion = about
        elif what == "trained":
            self._trained(now)
        elif self.decider.hear(self._heard(about), now):
            self._begin(now)

    def _heard(self, signal: Signal | Trained | None) -> Signal | None:
        if not isinstance(signal, Signal):
            return None
        self.files += signal.kind == "file"
        if signal.kind != "report":
            return signal
        number = self.past.seen_by_monitor(signal, self.champion)
        return Signal(signal.at, signal.kind, signal.rows, number, signal.name)

    def _begin(self, now: datetime) -> None:
        assert self.training is None, "one training at a time"
        self.training = Trained(now, self.files)
        self._push(now + timedelta(minutes=self.terms.minutes), "trained")

    def _trained(self, now: datetime) -> None:
        candidate, self.training = self.training, None
        assert candidate is not None
        promoted = self.past.passes(candidate, self.champion)
        needed = self.past.is_needed(candidate, self.champion)
        self.played.attempts.append(Attempt(candidate.at, promoted, needed))
        self.played.minutes += self.terms.minutes
        if promoted:
            self._push(now + self.terms.approval_hours * HOUR, "live", candidate)
        if self.decider.ended(now, promoted=promoted, seconds=self.terms.minutes * 60):
            self._begin(now)

    def _serve_until(self, now: datetime) -> None:
        """Add up the loss of the model that serves, hour by hour."""
        while self.at < now:
            until = min(now, self.at + HOUR)
            loss = self.past.loss(self.champion, self.at)
            self.played.lost += loss * ((until - self.at) / HOUR)
            if loss > self.terms.stale_from:
                self._stale(self.at, until)
            self.at = until

    def _stale(self, begin: datetime, end: datetime) -> None:
        spans = self.played.stale
        if spans and spans[-1][1] == begin:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))


def total(played: Iterable[Played], terms: Terms) -> float:
    """The cost of several pasts together."""
    return sum(one.cost(terms) for one in played)
