"""A world that is run as the host runs it: doorbells call the functions, a timer sweeps, and the process may end anywhere."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from tests.crashes.recorded import (
    Record,
    RecordedBlobs,
    RecordedEndpoints,
    RecordedNotifier,
    RecordedRegistry,
    RecordedTrainer,
)
from tests.world import World

BEAT = timedelta(seconds=30)
T = TypeVar("T")


@dataclass
class Installation:
    """A world with its queues. `waiting` are rings by when they are due, as (due, queue, model)."""

    world: World
    record: Record
    waiting: list[tuple[datetime, str, str]] = field(default_factory=list)

    @classmethod
    def new(cls, home: Path) -> Installation:
        """An installation where nothing was published yet."""
        record: Record = []
        world = World(
            home,
            blobs=RecordedBlobs(record=record),
            trainer=RecordedTrainer(record),
            registry=RecordedRegistry(record),
            endpoints=RecordedEndpoints(record),
            notifier=RecordedNotifier(record),
        )
        return cls(world, record)

    def fork(self) -> Installation:
        """The same moment again, in a process of its own: what happens to one does not happen to the other."""
        kept: dict[int, object] = {}
        parts = ("table", "bells", "blobs", "trainer", "registry", "endpoints", "notifier", "announced")
        for part in parts:
            inside = getattr(getattr(self.world, part), "__dict__", {})
            kept |= {id(lock): lock for lock in inside.values() if hasattr(lock, "acquire")}
        twin = {part: copy.deepcopy(getattr(self.world, part), kept) for part in parts}
        twin["table"].clock = None  # the twin's own, from now on
        record = twin["notifier"].record
        world = World(self.world.home, now=self.world.now, sizes=self.world.sizes, **twin)
        return Installation(world, record, list(self.waiting))

    # The host

    def work(self) -> None:
        """Answer every ring that is due, and those that they bring, without moving the clock."""
        while due := self._due():
            for queue, model in due:
                self.answer(queue, model)

    def _due(self) -> list[tuple[str, str]]:
        self.waiting += [(self.world.now + after, queue, model) for queue, model, after in self.world.bells.rung]
        self.world.bells.rung.clear()
        due = {(queue, model) for at, queue, model in self.waiting if at <= self.world.now}
        self.waiting = [ring for ring in self.waiting if ring[0] > self.world.now]
        return sorted(due)

    def answer(self, queue: str, model: str) -> None:
        """What the queue's function does with one ring."""
        doors = self.world.app.doors
        doors.advance(model) if queue == "advance" else doors.perform(model)

    def let_time_pass(self, span: timedelta) -> None:
        """Beat by beat: the sweep, then whatever is due."""
        until = self.world.now + span
        while self.world.now < until:
            self.world.now = min(until, self.world.now + BEAT)
            self.world.app.sweeper.sweep()
            self.work()

    def end_the_process(self) -> None:
        """The process is gone with all its memory, and every ring with it; another one starts."""
        self.world.bells.rung.clear()
        self.waiting.clear()
        self.world.restart()

    # Bringing about

    def until_waits(self, kind: str, *, model: str = "m") -> None:
        """Work step by step until a command of this kind is due in the outbox and nothing of it is done yet."""
        for _ in range(200):
            self.world.app.fold.advance(model)
            found = [command for command, _, _ in self.world.app.book.commands(model) if command.kind == kind]
            if found:
                self.world.now = max(self.world.now, found[0].due)
                return
            if not self.world.perform_and_end(model):
                self.world.now += BEAT
        raise AssertionError(f"{kind} never waits")

    def until(self, holds: Callable[[World], bool]) -> None:
        """Let time pass until something holds."""
        for _ in range(200):
            if holds(self.world):
                return
            self.let_time_pass(BEAT)
        raise AssertionError("it never holds")
