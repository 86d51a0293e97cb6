"""The journal as the state machine sees it: segments closed and taken from the table, or tried again later; rows rebuilt."""

from __future__ import annotations

from dataclasses import replace

from shared.events import LedgerRebuilt, SegmentClosed
from shared.folding.turn import Turn
from shared.journaling.segments import AGAIN_AFTER_LINES
from shared.moves.stale import Stale
from shared.state import Archived, Release


def segment_closed(turn: Turn, event: SegmentClosed, release: Release | None) -> str:
    """The blob stands: the head keeps where the journal goes on, and the table's rows may go."""
    archived = turn.head.archived
    if event.segment != archived.segment + 1:
        raise Stale(f"segment {event.segment} was closed before")
    turn.set_head(archived=Archived(event.segment, event.last, event.hash, event.sha256))
    turn.send("trim_journal", last=event.last)
    return f"lines up to {event.last} stand in {event.blob}"


def rebuilt(turn: Turn, event: LedgerRebuilt) -> str:
    """The journal was folded again into new rows. What serves is asked: it may have changed in lines that were lost."""
    head = turn.head
    turn.set_head(next_release=head.next_release + event.releases, next_command=head.next_command + event.commands)
    lost = "; lines after it were lost" if event.commands else ""
    why = f"{event.by}: {event.why}; from {event.lines} lines of the journal{lost}"
    turn.note("ledger rebuilt", why=why, level="warning")
    turn.send("observe_champion")
    return why


def not_closed(turn: Turn) -> None:
    """Closing was given up: the lines stay in the table, and it is tried again when more stand there."""
    again_at = turn.head.next_line + AGAIN_AFTER_LINES
    turn.set_head(archived=replace(turn.head.archived, closing=0, again_at=again_at))
