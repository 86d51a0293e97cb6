"""What really happened in a history, as the history itself saw it: the only thing that the oracles believe."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared import events


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt of Event Grid: of which event, under which id, whether Baton must refuse it, whether it was acknowledged."""

    name: str
    id: str
    must_be_refused: bool
    acknowledged: bool


@dataclass
class Standstill:
    """When everything surely stood still: from the answer to who froze it to the first attempt to end that."""

    spans: list[tuple[datetime, datetime]] = field(default_factory=list)
    since: datetime | None = None

    def begin(self, now: datetime) -> None:
        """It was said to be frozen."""
        self.since = self.since or now

    def end(self, now: datetime) -> None:
        """Somebody asked for it to go on."""
        if self.since is not None:
            self.spans.append((self.since, now))
        self.since = None


@dataclass
class Notes:
    """What really happened, as the history itself saw it: the only thing that the oracles believe."""

    deliveries: list[Delivery] = field(default_factory=list)
    forged: set[str] = field(default_factory=set)
    people: dict[str, tuple[str, events.PersonEvent, bool]] = field(default_factory=dict)
    happened: list[tuple[datetime, str, str, str]] = field(default_factory=list)
    waited: timedelta = timedelta(0)
    freezes: int = 0
    sure: set[tuple[str, str, int]] = field(default_factory=set)
    still: Standstill = field(default_factory=Standstill)

    def note(self, at: datetime, what: str, model: str, detail: str = "") -> None:
        """One thing that happened."""
        self.happened.append((at, what, model, detail))

    def of(self, what: str, model: str) -> list[str]:
        """The details of everything of this kind that happened to a model."""
        return [detail for _, found, of, detail in self.happened if (found, of) == (what, model)]
