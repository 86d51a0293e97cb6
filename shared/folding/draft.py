"""One transaction in the making: the state so far, and the rows, rings and sentences that it comes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile

from shared import events, state
from shared.folding.turn import Decision, Note
from shared.journaling import journal, segments
from shared.journaling.segments import Sizes
from shared.state import Command, Head
from shared.storage.port import Write
from shared.table import rows
from shared.table.rows import Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class Heard:
    """An event that was decided: the answer in the journal, the decision, and the release that an outcome was of."""

    event: events.Event
    answer: str
    decision: Decision
    of: str


@dataclass(slots=True)
class Draft:
    """What a fold has decided so far, event by event in `heard`.

    `again` are the events that replays put back into the inbox, `rings` the queues that they ring, `letters` the dead letters
    that are gone with this transaction.
    """

    head: Head
    releases: dict[str, state.Release]
    sizes: Sizes
    writes: list[Write] = field(default_factory=list)
    ended: list[state.Release] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    told: list[tuple[events.Event, Note, str]] = field(default_factory=list)
    taken: int = 0
    decided: int = 0
    raised: int = 0
    was_still: bool = False
    again: list[events.Event] = field(default_factory=list)
    rings: set[str] = field(default_factory=set)
    letters: set[str] = field(default_factory=set)
    heard: list[Heard] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows the transaction has, with head and releases."""
        return len(self.writes) + len(self.commands) + 2 * len(self.ended) + len(self.releases) + 1

    def add(self, event: events.Event, decision: Decision, now: datetime, of: str = "", *, answer: str = "") -> str:
        """Take a decision over, with its journal line. `answer` overrides its answer in the journal."""
        number = decision.head.next_line
        decision, closes = segments.closing(decision, self.sizes, now)
        self.head, line = journal.append(decision.head, event, decision, now, release=of, answer=answer, closes=closes)
        self.releases = dict(decision.releases)
        self.ended += decision.ended
        self.commands += decision.commands
        self.writes.append(rows.line_row(number, line))
        self.writes += rows.file_rows(decision.files)
        self.taken += decision.answer == "taken"
        self.decided += 1
        self.heard.append(Heard(event, answer or decision.answer, decision, of))
        notes = decision.notes or (_plain_note(event, answer or decision.answer, decision.why, of),)
        self.told += [(event, note, f"{number}:{self.head.line_hash}") for note in notes]
        return decision.answer


def begun(model: str, before: Snapshot, sizes: Sizes) -> Draft | None:
    """The state to decide on; a model without a head begins with its first publish, and until then nothing is decided."""
    if before.head is not None:
        return Draft(before.head, dict(before.releases), sizes, was_still=before.head.is_still)
    first = next((w.event for w in before.inbox if isinstance(w.event, events.ModelPublished)), None)
    if first is None:
        return None
    return Draft(Head(model, first.folder, first.by), {}, sizes)


def first_publish_first(before: Snapshot) -> tuple[Waiting, ...]:
    """The inbox in its order; of a model without a head its first publish goes first, whatever came before it."""
    publish = next((w for w in before.inbox if isinstance(w.event, events.ModelPublished)), None)
    if before.head is not None or publish is None:
        return before.inbox
    return (publish, *(waiting for waiting in before.inbox if waiting is not publish))


def halts(before: Snapshot) -> tuple[Waiting, ...]:
    """The pauses and freezes at the beginning of the inbox: asked before a deadline was looked at, they hold it up."""
    if before.head is None:
        return ()
    going = takewhile(lambda w: not isinstance(w.event, (events.ResumeRequested, events.FreezeEnded)), before.inbox)
    return tuple(w for w in going if isinstance(w.event, (events.PauseRequested, events.FreezeBegan)))


def _plain_note(event: events.Event, answer: str, why: str, of: str) -> Note:
    """What is logged of a decision that tells no story: to be seen if a person asked, else only when looked for."""
    return Note(f"event {answer}", of, why=why, level="info" if event.family == "people" else "debug")


def folders(draft: Draft, event: events.Event) -> set[str]:
    """The folders whose rules a decision may need."""
    named = {draft.head.folder, *(opened.folder for opened in draft.releases.values())}
    return named | {event.folder} if isinstance(event, events.ModelPublished) else named
