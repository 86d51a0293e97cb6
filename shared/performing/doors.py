"""Answering the doorbells of one process so that no model's flood takes the room of the others.

A ring says only that something waits, so a ring for a model that is already being served needs no worker of its own:
it is noted, its message is done with, and whoever serves the model rings once more when they leave. Were that process
to die in between, its own message comes back, and with it everything that waits.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from shared import log
from shared.errors import LedgerConflict, NewerForm
from shared.fold import Fold, Folded
from shared.perform import Performer
from shared.storage.port import Bells

FOLDS_A_RING = 5
PERFORMERS = 3
URGENT = 3
JITTER_SECONDS = (1.0, 5.0)


class Lanes:
    """At most `wide` workers of this process for one model at a time. Remembers nothing of a model nobody works for."""

    def __init__(self, wide: int) -> None:
        self._wide = wide
        self._taken: Counter[str] = Counter()
        self._missed: set[str] = set()
        self._lock = threading.Lock()

    def enter(self, model: str) -> bool:
        """Take a lane; False if all are taken, and then the last ring is noted for whoever leaves next."""
        with self._lock:
            if self._taken[model] >= self._wide:
                self._missed.add(model)
                return False
            self._taken[model] += 1
            return True

    def leave(self, model: str) -> bool:
        """Give the lane back; True if somebody rang in vain meanwhile, so that the model must be served again."""
        with self._lock:
            self._taken[model] -= 1
            if not self._taken[model]:
                del self._taken[model]
            missed = model in self._missed
            self._missed.discard(model)
            return missed


class Doors:
    """What the two doorbells call. Safe to call at any time and twice, for any model."""

    def __init__(self, fold: Fold, performer: Performer, bells: Bells) -> None:
        self._fold = fold
        self._performer = performer
        self._bells = bells
        self._advancing = Lanes(1)
        self._performing = Lanes(PERFORMERS)
        self._hurrying = Lanes(1)

    def advance(self, model: str) -> None:
        """Fold the model's inbox a few times; ring again if more waits, or later if other processes kept being faster."""
        with self._lane(self._advancing, "advance", model) as free:
            if not free:
                return
            try:
                folded = self._fold_some(model)
            except LedgerConflict:
                later = timedelta(seconds=random.uniform(*JITTER_SECONDS))  # noqa: S311 - jitter
                self._bells.ring("advance", model, after=later)
                return
            except NewerForm as newer:
                _left_alone("advance", model, newer)
                return
            if folded.more:
                self._bells.ring("advance", model)

    def _fold_some(self, model: str) -> Folded:
        """Fold a few times while more waits. What is to be done at once is done here, and rung for in case that we die."""
        for _ in range(FOLDS_A_RING):
            folded = self._fold.advance(model)
            if folded.immediate:
                self._hurry(model)
            if not folded.more:
                break
        return folded

    def perform(self, model: str) -> None:
        """Do the model's due commands; where enough workers do so already, only what is urgent, such as a roll-back."""
        try:
            self._perform(model)
        except NewerForm as newer:
            _left_alone("perform", model, newer)

    def _perform(self, model: str) -> None:
        with self._lane(self._performing, "perform", model) as free:
            if free:
                self._performer.perform(model)
                return
        self._hurry(model)

    def _hurry(self, model: str) -> None:
        with self._lane(self._hurrying, "perform", model) as free:
            if free:
                self._performer.perform(model, up_to=URGENT)

    @contextmanager
    def _lane(self, lanes: Lanes, queue: str, model: str) -> Iterator[bool]:
        free = lanes.enter(model)
        try:
            yield free
        finally:
            if free and lanes.leave(model):
                self._bells.ring(queue, model)


def _left_alone(queue: str, model: str, newer: NewerForm) -> None:
    """A model waits for a worker of a newer release. Its ring is done with: the sweep rings again each minute."""
    log.warning("model left to newer code", model=model, queue=queue, why=newer.what, next=newer.next)
