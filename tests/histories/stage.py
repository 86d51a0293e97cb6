"""Where a history is played: an installation in memory with two workers, their doorbells and their clocks.

Rings are what sets work going, as with the real queues: a lost one is made up for by the sweep, one whose function
failed comes again, one whose process ended comes again later. Nothing of the ledger is asked to know what is left to do.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared import events, wire, wiring
from shared.errors import BatonError, LedgerConflict
from shared.journaling.segments import Sizes
from shared.state import Head, loads
from shared.table.rows import HEAD
from shared.traces.port import UNTOLD, Span
from tests.compat import old
from tests.compat.released import released
from tests.fakes.storage import MemoryNotifier
from tests.fakes.trapped import Crash
from tests.histories.history import WORKERS, Fault, History, Step
from tests.histories.notes import Delivery, Notes
from tests.histories.platform import (
    HistoryEndpoints,
    HistoryRegistry,
    HistoryTrainer,
    TimedBells,
    versions_registered,
)
from tests.histories.ports import Watch, Watched
from tests.histories.sabotage import SABOTAGES
from tests.world import World

AFTER_AN_ERROR, AFTER_A_CRASH = timedelta(seconds=30), timedelta(minutes=10)
TRIES_OF_A_RING = 5
SWEEP_EVERY = timedelta(minutes=2)
QUIET = timedelta(minutes=13)
AT_MOST = 400
TURNS_AT_MOST = 5000
TAKEN_FOR = timedelta(days=3)  # what Baton takes of an event's age


class Kept:
    """A listener: with one, rows carry traces, and whatever else is promised must hold all the same."""

    is_on = True

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def tell(self, span: Span) -> None:
        self.spans.append(span)


class NeverAtRest(Exception):
    """What is at rest rings for ever: told as a finding, where a test would run out of its time."""


class Stage:
    """One installation, with what the history did to it."""

    def __init__(self, home: Path, history: History, *, tell: Callable[[str], None] | None = None) -> None:
        self.history = history
        self.notes = Notes()
        bells = TimedBells(lambda: self.world.now)
        self.is_old = bool(history.began)
        self.refusals: tuple[type[Exception], ...] = (BatonError,)
        if self.is_old:
            self.refusals = (BatonError, released("errors").BatonError)
        self.world = (old.OldWorld if self.is_old else World)(
            home,
            bells=bells,
            trainer=HistoryTrainer(lambda: 1 if self.is_old else 2),
            registry=HistoryRegistry(),
            endpoints=HistoryEndpoints(),
            notifier=MemoryNotifier(),
            sizes=Sizes(lines=10, kept=8),
            tracer=Kept() if history.seed % 2 else UNTOLD,
        )
        if isinstance(self.world, old.OldWorld):
            self.world.upgrade()  # what only looks on is today's code, always
        self.bells = bells
        self.watch = Watch(self.world.table, lambda: self.world.now, told=tell)
        self.apps: dict[str, wiring.App] = {}
        self.deliveries: dict[str, tuple[str, wire.Delivered]] = {}
        self.unanswered: dict[str, None] = {}
        self.again: list[Callable[[wiring.App], object]] = []
        self.silent: set[str] = set()
        self._announced: set[str] = set()
        self._sweep_at = self.world.now
        for name in WORKERS:
            self.start(name)

    def begun(self) -> list[str]:
        """The models that stand in the ledger by now."""
        return [model for model in self.history.models if (model, HEAD) in self.world.table.rows]

    # Workers

    def start(self, name: str) -> None:
        """A worker's process begins, with nothing in its memory."""
        skew = timedelta(seconds=self.history.skews.get(name, 0))
        if self.is_old:
            self.apps[name] = old.worker(self.world, skew=skew, through=self._behind)
        else:
            self.apps[name] = self.world.worker(skew=skew, through=self._behind)

    def upgrade(self) -> None:
        """Both workers end, and go on with today's code."""
        self.is_old = False
        for name in WORKERS:
            self.start(name)

    def _behind(self, role: str, port: Any) -> Any:
        broken = SABOTAGES[self.history.broken](role, port) if self.history.broken else port
        return Watched(self.watch, role, broken)

    def run(self, step: Step) -> None:
        """One step, as a process that may end in it."""
        from tests.histories.acts import ACTS

        if step.fault is not None:
            self.watch.arm(step.fault)
        self.watch.meanwhile = functools.partial(self._meanwhile, step)
        self.survive(step.by, lambda: ACTS[step.act](self, step))

    def survive(self, by: str, act: Callable[[], object]) -> bool:
        """Do one thing as a process that may end in it; True if it came through."""
        try:
            act()
        except Crash:
            self.start(by)
            return False
        except self.refusals as error:
            self.tell(f"refused: {error.what}")
            return False
        return True

    def _meanwhile(self, step: Step, fault: Fault) -> None:
        """The worker stands still: time passes, and the other one goes on with the same model."""
        other = next(name for name in WORKERS if name != step.by)
        self.world.now += timedelta(seconds=int(fault.detail or 0))
        model = step.words[0] if step.words and step.words[0] in self.history.models else ""
        for name in [model] if model else self.history.models:
            self.survive(other, lambda name=name: self.settle(name, other))  # type: ignore[misc]

    def tell(self, what: str) -> None:
        """Narrate, where somebody listens."""
        if self.watch.told is not None:
            self.watch.told(what)

    # Doorbells

    def settle(self, model: str, by: str) -> None:
        """Answer the model's rings and let the platform's events in, until nothing rings any more. Time stands still."""
        for _ in range(AT_MOST):
            if not self._answer_one(model, by) and not self.announce(model, by):
                return
        self.watch.find("rest", f"{model} rings for ever")

    def _answer_one(self, model: str, by: str) -> bool:
        ring = self.bells.take(model)
        if ring is None:
            return False
        try:
            answer(self.apps[by], ring.queue, model)
        except Crash:
            self.bells.put_back(ring, AFTER_A_CRASH)
            raise
        except self.refusals as error:
            self.tell(f"{ring.queue} {model} failed, its ring comes again: {error.what}")
            self.bells.put_back(ring, AFTER_AN_ERROR)
        except Exception as error:  # noqa: BLE001 - what the product raises is what is looked for
            self.watch.find("raised", f"{ring.queue} raised {type(error).__name__}: {error}")
        return True

    # Event Grid and the platform

    def deliver(self, name: str, by: str, *, new_id: bool = False) -> None:
        """Event Grid delivers; what is not acknowledged stays to be delivered again."""
        model, delivered = self.deliveries.get(name, ("", None))
        if delivered is None or not self.notes.of("publish", model):
            return
        if new_id:
            delivered = wire.Delivered(f"{delivered.id}-b", *_rest(delivered))
        now = self.world.now + timedelta(seconds=self.history.skews.get(by, 0))
        refused = name in self.notes.forged or (delivered.time is not None and delivered.time < now - TAKEN_FOR)
        acknowledged = False
        self.unanswered[name] = None
        try:
            self.apps[by].intake.receive(delivered)
            acknowledged = True
            self.unanswered.pop(name, None)
        finally:
            self.notes.deliveries.append(Delivery(name, delivered.id, refused, acknowledged))

    def announce(self, model: str, by: str) -> int:
        """The platform's own events about what became of our work; returns how many were new."""
        new = {
            name: delivered
            for name, delivered in self.world.trainer.announcements(model, self.world.now)
            if name not in self._announced
        }
        new |= {
            name: delivered
            for name, delivered in versions_registered(self.world.registry, model, self.world.now)
            if name not in self._announced
        }
        self._announced |= new.keys()
        for name, delivered in new.items():
            self.deliveries[name] = (model, delivered)
            if model not in self.silent:
                self.deliver(name, by)
        return 0 if model in self.silent else len(new)

    # People

    def ask(self, model: str, event: events.PersonEvent, by: str) -> None:
        """A person asks through a worker's page. Where the history must end as another does, they ask until it is taken."""
        self.notes.people[event.id] = (model, event, False)
        if self.history.kind == "same":
            self.again.append(lambda app: self._accept(app, model, event))
        self._accept(self.apps[by], model, event)

    def _accept(self, app: wiring.App, model: str, event: events.PersonEvent) -> None:
        if not self.notes.people[event.id][2]:
            if isinstance(event, events.ModelPublished):
                app.book.list_model(model)
            app.intake.accept(model, event)
            self.notes.people[event.id] = (model, event, True)

    # Coming to rest

    def rest(self) -> None:
        """Everything answers; what was not acknowledged comes again; time passes until nothing has happened for long."""
        self.watch.disarm()
        self.silent.clear()
        for name in list(self.unanswered):
            self.deliver(name, "A")
        for again in self.again:
            again(self.apps["A"])
        changed, written = self.world.now, -1
        turn, left, began = 0, TURNS_AT_MOST, self.world.now
        while self.world.now < changed + QUIET:
            left -= 1
            if not left:
                raise NeverAtRest(f"{TURNS_AT_MOST} turns since {began:%H:%M:%S}, and it is {self.world.now:%H:%M:%S}")
            for model in self.history.models:
                turn += 1
                self._work(model, WORKERS[turn % 2])
            if written != (now_written := self.lines()):
                changed, written = self.world.now, now_written
            self._go_on()

    def _work(self, model: str, by: str) -> None:
        for name in (by, *WORKERS):
            self.settle(model, name)

    def lines(self) -> int:
        """How many journal lines there are."""
        heads = [self.world.table.rows.get((model, HEAD)) for model in self.history.models]
        return sum(loads(Head, head[0]).next_line - 1 for head in heads if head)

    def _go_on(self) -> None:
        """To the next ring or the next sweep, whichever is sooner."""
        ring_at = self.bells.next_at()
        if ring_at is not None and ring_at < self._sweep_at:
            self.world.now = max(self.world.now, ring_at)
            return
        self.world.now = max(self.world.now, self._sweep_at)
        self._sweep_at = self.world.now + SWEEP_EVERY
        self.apps["A"].sweeper.sweep()


def answer(app: wiring.App, queue: str, model: str) -> None:
    """What the function behind a queue does with a ring (functions/advance.py, functions/perform.py)."""
    if queue == "perform":
        app.performer.perform(model)
        return
    try:
        folded = app.fold.advance(model)
    except LedgerConflict:
        app.bells.ring("advance", model, after=timedelta(seconds=3))
        return
    if folded.more:
        app.bells.ring("advance", model)


def _rest(delivered: wire.Delivered) -> tuple[Any, ...]:
    return delivered.topic, delivered.subject, delivered.type, delivered.time, delivered.data
