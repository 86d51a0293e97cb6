"""One worker of this process for each model at a time; who waits with something urgent goes before the others."""

from __future__ import annotations

import heapq
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

Waiting = tuple[int, int, threading.Event]


class Turnstile:
    """Lets one in for each model. Those who wait come in by urgency (0 before 5), then in the order in which they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._order = count()
        self._busy: set[str] = set()
        self._waiting: dict[str, list[Waiting]] = defaultdict(list)

    @contextmanager
    def turn(self, model: str, urgency: int) -> Iterator[None]:
        """Be the model's only worker here for the block. Not to be nested for one model."""
        self._enter(model, urgency)
        try:
            yield
        finally:
            self._leave(model)

    def _enter(self, model: str, urgency: int) -> None:
        with self._lock:
            if model not in self._busy:
                self._busy.add(model)
                return
            called = threading.Event()
            heapq.heappush(self._waiting[model], (urgency, next(self._order), called))
        called.wait()

    def _leave(self, model: str) -> None:
        """Hand the turn to the next, who need not ask for it; nothing is remembered of a model for which nobody waits."""
        with self._lock:
            if waiting := self._waiting.get(model):
                heapq.heappop(waiting)[2].set()
            else:
                self._waiting.pop(model, None)
                self._busy.discard(model)
