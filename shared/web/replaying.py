"""What a replay of a dead letter would come to, and what a person asks of one. Asking is safe to repeat."""

from __future__ import annotations

from dataclasses import dataclass

from shared import events
from shared.errors import EventRefused, Permanent
from shared.folding.foreseen import Change, Foreseen, Step
from shared.undelivered import Entry
from shared.web import asking
from shared.web.answers import NotNow
from shared.web.letters import UNDELIVERED, DeadLetter
from shared.wire import Routed
from shared.wiring import App

OF_LETTER: dict[str, type[events.ReplayRequested | events.DiscardRequested]] = {
    "replay": events.ReplayRequested,
    "discard": events.DiscardRequested,
}


@dataclass(frozen=True, slots=True)
class Handled:
    """What a request about a letter came to: the event that waits for its decision, or what became of each event."""

    event: str
    new: bool
    answers: tuple[str, ...] = ()


# What a replay would do


def foresee(app: App, letter: DeadLetter) -> Foreseen:
    """What a replay would come to now. Nothing is written."""
    if letter.kind == UNDELIVERED:
        return _foresee_lost(app, letter)
    asked = events.ReplayRequested(id="foreseen", at=app.clock(), by="you", why="dry run", letter=letter.key)
    found = app.fold.foresee(letter.model, asked)
    return found or Foreseen((Step("ReplayRequested", "waits", "its model has no head yet"),), (), (), ())


def _foresee_lost(app: App, letter: DeadLetter) -> Foreseen:
    lost = app.undelivered.read(letter.key)
    if lost.fault:
        return Foreseen((Step(letter.what, "refused", lost.fault),), (), (), ())
    return _together([_foresee_entry(app, entry) for entry in lost.entries])


def _foresee_entry(app: App, entry: Entry) -> Foreseen:
    kind = entry.delivered.type.rsplit(".", 1)[-1]
    routed = app.undelivered.route(entry)
    if not isinstance(routed, Routed):
        return Foreseen((Step(kind, "refused", routed.why),), (), (), ())
    if app.book.has_seen(routed.model, routed.event.id):
        return Foreseen((Step(kind, "seen before", f"{routed.model} has it already, so nothing changes"),), (), (), ())
    found = app.fold.foresee(routed.model, routed.event)
    return found or Foreseen((Step(kind, "waits", f"{routed.model} has no head yet"),), (), (), ())


def _together(every: list[Foreseen]) -> Foreseen:
    steps = tuple(step for one in every for step in one.steps)
    changes: tuple[Change, ...] = tuple(change for one in every for change in one.changes)
    return Foreseen(steps, changes, tuple(c for one in every for c in one.commands), ())


# Asking


def ask(app: App, action: str, letter: DeadLetter, by: asking.Asked) -> Handled:
    """Replay or discard a letter in the name of a person. Safe to repeat: a second time nothing happens twice."""
    if letter.kind == UNDELIVERED:
        return _replay_lost(app, letter, by) if action == "replay" else _discard_lost(app, letter, by)
    asked = OF_LETTER[action](**by.stamp(app), letter=letter.key)
    try:
        return Handled(asked.id, app.intake.accept(letter.model, asked))
    except EventRefused as refused:
        raise NotNow(refused.what, next=refused.next) from refused


def _replay_lost(app: App, letter: DeadLetter, by: asking.Asked) -> Handled:
    try:
        answers = app.undelivered.replay(letter.key, by=by.by, why=by.why)
    except Permanent as refused:
        raise NotNow(refused.what, next=refused.next) from refused
    said = [answer for answer in answers if answer.answer == "refused"]
    if said:
        what = f"{len(said)} of {len(answers)} events were refused, the others are recorded: {said[0].why}."
        todo = said[0].next or f"baton deadletters discard {letter.id} --why ..."
        raise NotNow(what, next=todo)
    return Handled("", True, tuple(f"{answer.answer} for {answer.model}" for answer in answers))


def _discard_lost(app: App, letter: DeadLetter, by: asking.Asked) -> Handled:
    try:
        app.undelivered.discard(letter.key, by=by.by, why=by.why)
    except Permanent as refused:
        raise NotNow(refused.what, next=refused.next) from refused
    return Handled("", True)
