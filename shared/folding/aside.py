"""What cannot be decided: tried again in later folds, then set aside as a dead letter, so that it holds up nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.folding.draft import Draft
from shared.folding.turn import Decision, Note
from shared.storage.port import Delete
from shared.table import rows
from shared.table.room import cut
from shared.table.rows import Waiting

TRIES_OF_AN_EVENT = 3


def tried(draft: Draft, waiting: Waiting, error: Exception, now: datetime) -> None:
    """Count one more try of an event that made the decision raise; after the last it is buried."""
    why = cut(f"{type(error).__name__}: {error}")
    draft.raised += 1
    if waiting.tries + 1 < TRIES_OF_AN_EVENT:
        draft.writes.append(rows.event_row(waiting, tries=waiting.tries + 1))
        draft.told.append((waiting.event, Note("event could not be decided", why=why, level="warning"), ""))
    else:
        bury(draft, waiting, why, now)


def bury(draft: Draft, waiting: Waiting, why: str, now: datetime) -> None:
    """Make an event a dead letter, journalled with the reason and with what a person can do."""
    head = replace(draft.head, dead=draft.head.dead + 1)
    todo = f"baton deadletters {head.model}; docs/runbook.md#dead-letters"
    note = Note("event set aside", why=why, next=todo, level="error")
    decision = Decision("stale", why, head, draft.releases, notes=(note,))
    draft.add(waiting.event, decision, now, answer="dead")
    draft.writes += [rows.dead_row(waiting, why, now), Delete(waiting.key, waiting.etag)]
