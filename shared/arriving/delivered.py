"""An event as it arrives, and as it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared import events


@dataclass(frozen=True, slots=True)
class Delivered:
    """One event as a trigger got it, whichever schema it came in. `topic` is the CloudEvents `source` there."""

    id: str
    topic: str
    subject: str
    type: str
    time: datetime | None
    data: object


@dataclass(frozen=True, slots=True)
class Routed:
    """An event and the model that it concerns."""

    model: str
    event: events.Event
