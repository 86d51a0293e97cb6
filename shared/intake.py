"""Taking events in: understood, kept once, and rung for, in well under a second.

An event is acknowledged once it is recorded, also where it was refused; only a failure to record it
makes the delivery fail, so that Event Grid comes again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared import events, log, names, wire
from shared.errors import EventRefused
from shared.ledger import Ledger
from shared.storage.port import Bells
from shared.traces import context
from shared.traces.port import UNTOLD, Span, Tracer


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a delivered event: accepted for a model, seen before, or refused for the reason in `why`."""

    answer: Literal["accepted", "seen before", "refused"]
    model: str
    why: str
    next: str = ""


class Intake:
    """The way in for world events and, after authentication elsewhere, for what people ask."""

    def __init__(
        self,
        book: Ledger,
        bells: Bells,
        sources: wire.Sources,
        *,
        clock: Callable[[], datetime],
        tracer: Tracer = UNTOLD,
    ) -> None:
        self._book = book
        self._bells = bells
        self._sources = sources
        self._clock = clock
        self._tracer = tracer
        self._known: set[str] = set()

    def receive(self, delivered: wire.Delivered) -> Received:
        """Record one delivered event. Safe to repeat; raises only if storage could not record it."""
        try:
            routed = self.route(delivered)
            new = self.accept(routed.model, routed.event)
        except EventRefused as refused:
            self._ignore(delivered, refused.what, refused.next)
            return Received("refused", "", refused.what, refused.next)
        return Received("accepted" if new else "seen before", routed.model, type(routed.event).__name__)

    def route(self, delivered: wire.Delivered) -> wire.Routed:
        """The event and its model, with nothing recorded; `EventRefused` as the wire or the list of models says."""
        routed = wire.read(delivered, self._sources, self._clock())
        if not self._knows(routed.model):
            todo = f"if it should be one: `baton publish models/{routed.model}`, then send it again, a file by dropping it again"
            raise EventRefused(f"no model is published under the name {routed.model}", next=todo)
        return routed

    def accept(self, model: str, event: events.Event) -> bool:
        """Record an event for its model and ring; False if it was seen before (rung all the same, in case that was lost).

        The trace that it carries is that of what brought it about, if that is known.
        """
        began, brought = self._clock(), event.trace
        event = replace(event, trace=self._trace_of(model, event)) if self._tracer.is_on or brought else event
        new = self._book.record(model, event)
        self._bells.ring("advance", model)
        if not new:
            log.info("event seen before", model=model, event=event.id[:16], kind=type(event).__name__)
        if self._tracer.is_on:
            self._tracer.tell(_received(model, event, brought, began, self._clock(), is_new=new))
        return new

    def _trace_of(self, model: str, event: events.Event) -> str:
        """The context that goes with the event from here on: the same for each delivery of it."""
        if not self._tracer.is_on:
            return ""
        return context.child(event.trace, f"receive {event.id}") or context.root(model, event.id)

    def _knows(self, model: str) -> bool:
        if model not in self._known and self._book.knows(model):
            self._known.add(model)
        return model in self._known

    def _ignore(self, delivered: wire.Delivered, reason: str, todo: str) -> None:
        parts = (delivered.topic, delivered.type, delivered.id, delivered.subject)
        topic, kind, number, subject = (part.encode(errors="replace").decode() for part in parts)
        identity = names.identity_key(topic, kind, number, subject)
        details = {"type": kind[:200], "subject": subject[:500], "next": todo}
        self._book.ignore(identity, reason, details, self._clock())
        log.warning("event not taken", why=reason, subject=subject[:200], event=identity[:16], next=todo)


def _received(model: str, event: events.Event, brought: str, began: datetime, ended: datetime, *, is_new: bool) -> Span:
    """What taking an event in took. A repeat is a span of its own, below the first."""
    kind = type(event).__name__
    name = f"receive {kind}" if is_new else f"receive {kind} again"
    own = event.trace if is_new else context.child(event.trace, f"again {began.isoformat()}")
    about = {"baton.model": model, "baton.event": event.id, "baton.kind": kind}
    return Span(name, own, brought if is_new else event.trace, began, ended, "consumer", about)
