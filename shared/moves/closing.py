"""The journal's segments as the state machine sees them: closed, then taken from the table; or tried again later."""

from __future__ import annotations

from dataclasses import replace

from shared.events import SegmentClosed
from shared.moves.stale import Stale
from shared.segments import AGAIN_AFTER_LINES
from shared.state import Archived, Release
from shared.turn import Turn


def segment_closed(turn: Turn, event: SegmentClosed, release: Release | None) -> str:
    """The blob stands: the head keeps where the journal goes on, and the table's rows may go."""
    archived = turn.head.archived
    if event.segment != archived.segment + 1:
        raise Stale(f"segment {event.segment} was closed before")
    turn.set_head(archived=Archived(event.segment, event.last, event.hash, event.sha256))
    turn.send("trim_journal", last=event.last)
    return f"lines up to {event.last} stand in {event.blob}"


def not_closed(turn: Turn) -> None:
    """Closing was given up: the lines stay in the table, and it is tried again when more stand there."""
    again_at = turn.head.next_line + AGAIN_AFTER_LINES
    turn.set_head(archived=replace(turn.head.archived, closing=0, again_at=again_at))
