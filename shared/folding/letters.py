"""A dead letter as the fold finds it: what of it can happen again, and the rows that a replay or a discard comes to.

before                 | the letter's row; the person's request in the inbox
crash before the commit | nothing happened; the request is decided by the next fold
crash after, no ring   | the letter is gone, and what it was about stands in the inbox or outbox; the sweep rings
asked twice            | the second request finds no letter, and is stale
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared import events, state
from shared.state import Command
from shared.storage.port import Delete, Insert, Put, Row, Write
from shared.table import forms, rows
from shared.table.room import stored_size

DEAD, DISCARDED = "dead:", "discarded:"
FOUND_ROOM = 8 * 1024
Asked = events.ReplayRequested | events.DiscardRequested
ASKED = (events.ReplayRequested, events.DiscardRequested)


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter's row, what the journal keeps of it (`found`), and the event that a replay lets be decided again."""

    row: Row
    found: Mapping[str, Any]
    event: events.Event | None = None


def opened(row: Row) -> Letter:
    """A letter from its row. What cannot happen again says so in `found["unreadable"]`; nothing is raised."""
    try:
        body: Mapping[str, Any] = json.loads(row.body)
        kind = str(body["kind"])
        letter = _OPENED[kind](row, body)
    except Exception as error:  # noqa: BLE001 - a letter that nobody can read can still be discarded
        return Letter(row, {"kind": "row", "unreadable": f"{type(error).__name__}: {error}"[:300]})
    if (size := stored_size(letter.found)) > FOUND_ROOM:
        return Letter(row, {"kind": kind, "unreadable": f"it takes {size} characters, at most {FOUND_ROOM} have room"})
    return letter


def _event(row: Row, body: Mapping[str, Any]) -> Letter:
    event = events.load(body["event"])
    return Letter(row, {"kind": "event", "event": {"kind": type(event).__name__, "id": event.id}}, event)


def _command(row: Row, body: Mapping[str, Any]) -> Letter:
    command = state.loads(Command, json.dumps(body["command"]))
    plain = {"kind": command.kind, "release": command.release, "payload": dict(command.payload)}
    return Letter(row, {"kind": "command", "command": plain})


def _poison(row: Row, body: Mapping[str, Any]) -> Letter:
    return Letter(row, {"kind": "poison", "queue": str(body["queue"])})


def _row(row: Row, body: Mapping[str, Any]) -> Letter:
    """A damaged row: read again as it stood there, in case that today's code can."""
    stood = Row(body["row"], body["text"], "")
    if stood.key.startswith(rows.OUTBOX):
        return _command(row, {"command": json.loads(stood.body)})
    event = rows.waiting_of(stood).event
    return _event(row, {"event": events.dump(event)})


_OPENED = {"event": _event, "command": _command, "poison": _poison, "row": _row}


def again(letter: Letter, line: int) -> events.Event | None:
    """The event that a replay puts back into the inbox, under an identity of its own: `line` is that of the replay."""
    return replace(letter.event, id=f"{letter.event.id}-r{line}") if letter.event is not None else None


def writes(letter: Letter, asked: Asked, line: int, now: datetime) -> list[Write]:
    """The rows of a request that was taken: the letter goes, and what it was about comes back or is kept apart."""
    gone: list[Write] = [Delete(letter.row.key, letter.row.etag)]
    if isinstance(asked, events.DiscardRequested):
        kept = {"at": now.isoformat(), "by": asked.by, "why": asked.why, "letter": letter.row.body}
        return [*gone, *_kept(letter.row.key, kept)]
    event = again(letter, line)
    return [*gone, Insert(rows.inbox_key(event), rows.inbox_body(event))] if event is not None else gone


def _kept(key: str, kept: Mapping[str, Any]) -> list[Write]:
    """What was discarded, kept apart; a letter that leaves no room for who discarded it is kept as it stood."""
    text = forms.text(kept)
    if len(text) > rows.BODY_ROOM:
        text = str(kept["letter"])
    return [Put(key.replace(DEAD, DISCARDED, 1), text)]
