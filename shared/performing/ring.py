"""One answer to the doorbell of `perform`, and when it is to be rung again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

RING_AHEAD = timedelta(minutes=2)
CLOSE = timedelta(seconds=1)


@dataclass(slots=True)
class Ring:
    """One answer to the doorbell: what it knows of its model, and when it must be rung for again.

    `ahead` is what the workers' common time is ahead of this machine's. `is_still` None means: not known since the
    last command. `again` are the moments at which what was put back is due; `urgency` is the last command's.
    """

    model: str
    clock: Callable[[], datetime]
    ahead: timedelta
    is_still: bool | None
    again: list[datetime] = field(default_factory=list)
    urgency: int = 0

    def now(self) -> datetime:
        """The time that all workers agree on."""
        return self.clock() + self.ahead

    def waits(self) -> list[timedelta]:
        """How long from now to ring for what was put back, once for moments close together; forgets them."""
        now, chosen = self.now(), list[datetime]()
        for due in sorted(self.again, reverse=True):
            if not chosen or chosen[-1] - due > CLOSE:
                chosen.append(due)
        self.again.clear()
        return [min(max(due - now, timedelta(0)), RING_AHEAD) for due in reversed(chosen)]
