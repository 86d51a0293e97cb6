"""Time as a heap of what is to happen; the meter tells how late it is."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.scale.account import Meter

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)


class Timeline:
    """What is due at the same moment happens in the order in which it was planned."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return self._meter.now

    def at(self, when: float, happens: Callable[[], None]) -> None:
        """Let this happen so many seconds after the beginning."""
        heapq.heappush(self._heap, (when, next(self._order), happens))

    def clock(self) -> datetime:
        """The time that the installation sees."""
        return BEGIN + timedelta(seconds=self.now)

    def play(self, end: float) -> None:
        """Everything that is due until then."""
        while self._heap and self._heap[0][0] <= end:
            self._meter.now, _, happens = heapq.heappop(self._heap)
            happens()
