"""A failing history made short: delta debugging over its steps, then simpler faults, workers and clocks.

The shorter history fails by the same oracle, not by the same words: what fails may read differently once less happens.
It ends after so many plays or so many seconds, whichever comes first: a test that shrinks must not run out of its own time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.histories.history import History, Step

PLAYS_AT_MOST = 400
SECONDS_AT_MOST = 180
Fails = Callable[[History], bool]


class _Budget:
    """Asks whether a history still fails, so many times and for so long and not more."""

    def __init__(self, fails: Fails, plays: int) -> None:
        self._fails = fails
        self.left = plays
        self._until = time.monotonic() + SECONDS_AT_MOST

    def still(self, history: History) -> bool:
        """Whether it fails; no more than asked for may be tried."""
        if time.monotonic() > self._until:
            self.left = 0
        if self.left <= 0:
            return False
        self.left -= 1
        return self._fails(history)


def shrink(history: History, fails: Fails, *, plays_at_most: int = PLAYS_AT_MOST) -> History:
    """The shortest history that could be found in so many plays. It fails, if the given one does."""
    budget = _Budget(fails, plays_at_most)
    before = None
    while before != history and budget.left > 0:
        before = history
        history = _fewer_steps(history, budget)
        history = _simpler(history, budget)
    return history


def _fewer_steps(history: History, budget: _Budget) -> History:
    """Leave out chunks, large ones first, down to single steps."""
    size = max(1, len(history.steps) // 2)
    while True:
        begin = 0
        while begin < len(history.steps):
            less = history.with_steps(history.steps[:begin] + history.steps[begin + size :])
            if budget.still(less):
                history = less
            else:
                begin += size
        if size == 1:
            return history
        size //= 2


def _simpler(history: History, budget: _Budget) -> History:
    """Clocks that agree, one worker, no fault or an earlier one, wherever it still fails."""
    if history.skews and budget.still(replace(history, skews={})):
        history = replace(history, skews={})
    for place in range(len(history.steps)):
        for simpler in _simpler_steps(history.steps[place]):
            steps = (*history.steps[:place], simpler, *history.steps[place + 1 :])
            if budget.still(history.with_steps(steps)):
                history = history.with_steps(steps)
                break
    return history


def _simpler_steps(step: Step) -> Iterator[Step]:
    if step.fault is not None:
        yield replace(step, fault=None)
    if step.by != "A":
        yield replace(step, by="A")
    for call in (1, 2, 3, 4, step.fault.call // 2) if step.fault is not None else ():
        if step.fault is not None and 0 < call < step.fault.call:
            yield replace(step, fault=replace(step.fault, call=call))
