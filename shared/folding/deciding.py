"""Deciding on a model's waiting events one after the other, and drawing up the one transaction that they come to.

Here what the pure decision needs is fetched: rules, dead letters, signatures. Nothing is written; `fold.py` commits the draft.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from shared import approvals, events, release
from shared.errors import Retryable
from shared.folding import aside, letters
from shared.folding.draft import Draft, folders
from shared.folding.turn import Decision, Note
from shared.ledger import Ledger
from shared.moves import carried
from shared.retraining import schedules
from shared.spec import Spec
from shared.storage.port import Delete
from shared.table import rows
from shared.table.rows import Damaged, Waiting
from shared.traces import context

ROWS = 80
EARLY_FOR = timedelta(hours=1)
HEARD_WHILE_STILL = (events.PersonEvent, events.Outcome)

Rules = Callable[[str, str], Spec]


class Deciding:
    """Adds decisions to drafts; holds no state of its own."""

    def __init__(self, book: Ledger, rules: Rules, *, approval_key: str, traces: bool = False) -> None:
        self._book = book
        self._rules = rules
        self._approval_key = approval_key
        self._traces = traces

    def carry_over(self, draft: Draft, now: datetime) -> None:
        """The first fold after an upgrade journals what it found, so that the journal rebuilds it by today's rules too."""
        for one in list(draft.releases.values()):
            self._carry(draft, carried.release_event(one, now), now)
        self._carry(draft, carried.head_event(draft.head, draft.releases, now), now)

    def _carry(self, draft: Draft, event: events.Carried, now: datetime) -> None:
        draft.add(event, release.decide({}, draft.head, draft.releases, event, now), now)

    def enriched(self, model: str, outcome: events.Event) -> events.Event:
        """Bytes are believed to be new at first; if they are not, their row refuses the commit, and then it is read."""
        if isinstance(outcome, events.FileAccepted):
            return replace(outcome, known_as=self._book.file_number(model, outcome.sha256))
        return outcome

    def waiting(self, draft: Draft, inbox: Iterable[Waiting], now: datetime) -> bool:
        """Decide the inbox in order; True if some were left for the next fold."""
        for waiting in inbox:
            if draft.rows > ROWS:
                return True
            if draft.head.is_still and not isinstance(waiting.event, HEARD_WHILE_STILL):
                continue
            self._one(draft, waiting, now)
        return False

    def _one(self, draft: Draft, waiting: Waiting, now: datetime) -> None:
        try:
            answer = self.decide(draft, waiting.event, now, early_until=waiting.early_until)
        except Retryable:
            raise
        except Exception as error:  # noqa: BLE001 - an event that nobody foresaw must not stop the others
            aside.tried(draft, waiting, error, now)
            return
        if answer != "early":
            draft.writes.append(Delete(waiting.key, waiting.etag))
        elif waiting.early_until is None:
            draft.writes += rows.early_rows(waiting, now + EARLY_FOR)
            draft.head = replace(draft.head, early=draft.head.early + 1)

    def deadline(self, draft: Draft, deadline: events.Event, now: datetime) -> None:
        """A deadline has no row to count tries in: one that cannot be decided is told, and holds up nothing else."""
        try:
            self.decide(draft, self._traced(draft, deadline), now)
        except Retryable:
            raise
        except Exception as error:  # noqa: BLE001 - as for any event that nobody foresaw
            why = f"{type(error).__name__}: {error}"
            of = deadline.of if isinstance(deadline, events.DeadlinePassed) else ""
            note = Note("deadline could not be decided", of, why=why, next="docs/runbook.md#poison", level="error")
            draft.told.append((deadline, note, ""))

    def _traced(self, draft: Draft, event: events.Event) -> events.Event:
        """A moment that came goes on with the trace of what waited for it; where nothing did, it begins one."""
        if not self._traces:
            return event
        of = event.of if isinstance(event, events.DeadlinePassed) else ""
        trace = draft.releases[of].trace if of in draft.releases else draft.head.basket.trace if of == "basket" else ""
        return replace(event, trace=trace or context.root(draft.head.model, event.id))

    def schedule(self, draft: Draft, now: datetime) -> None:
        """What the schedule asks for, after the inbox: data that waits there was not missed."""
        rules = self._rules(draft.head.model, draft.head.folder)
        read = schedules.read(draft.head, rules, now)
        for event in [read] if read is not None else schedules.due(draft.head, rules, now):
            self.deadline(draft, event, now)

    def early(self, draft: Draft, model: str, now: datetime) -> None:
        """After a transition what came early is looked at again; what stayed early for too long is set aside at any time."""
        early = self._book.early(model)
        for row in early.damaged:
            self.row_aside(draft, row, now)
        for waiting in early.waiting:
            if draft.rows > ROWS:
                return
            left = len(draft.writes)
            if draft.taken:
                self._one(draft, waiting, now)
            overdue = waiting.early_until is not None and waiting.early_until <= now
            if len(draft.writes) == left and overdue and draft.was_still:
                again = replace(waiting, early_until=now + EARLY_FOR)
                draft.writes.append(rows.event_row(again, tries=waiting.tries))
            elif len(draft.writes) == left and overdue:
                aside.bury(draft, waiting, "it named something that never came to be", now)
            if any(isinstance(write, Delete) and write.key == waiting.key for write in draft.writes[left:]):
                draft.head = replace(draft.head, early=draft.head.early - 1)

    def decide(
        self, draft: Draft, event: events.Event, now: datetime, *, of: str = "", early_until: datetime | None = None
    ) -> str:
        """Decide one event and add what follows to the draft. Raises what the decision raises, with nothing added."""
        if isinstance(event, events.ApprovalGiven) and not approvals.is_genuine(event, self._approval_key):
            why = f"the decision in the name of {event.by} does not carry our signature"
            note = Note(
                "decision refused", event.release, why=why, next="docs/runbook.md#forged-decision", level="error"
            )
            decision = Decision("stale", why, draft.head, draft.releases, notes=(note,))
            return draft.add(event, decision, now, of, answer="refused")
        if isinstance(event, letters.ASKED):
            return self._letter(draft, event, now)
        decision = self._decision(draft, event, now, of)
        if decision.answer == "early" and early_until is not None:
            return "early"
        return draft.add(event, decision, now, of)

    def _decision(self, draft: Draft, event: events.Event, now: datetime, of: str) -> Decision:
        rules = {folder: self._rules(draft.head.model, folder) for folder in folders(draft, event)}
        return release.decide(rules, draft.head, draft.releases, event, now, release=of)

    def _letter(self, draft: Draft, asked: letters.Asked, now: datetime) -> str:
        """A person's request about a dead letter, with what the letter's row holds: it goes in the same transaction."""
        row = self._book.letter(draft.head.model, asked.letter) if asked.letter not in draft.letters else None
        letter = letters.opened(row) if row is not None else None
        asked = replace(asked, found=letter.found if letter is not None else {})
        decision = self._decision(draft, asked, now, "")
        line = draft.head.next_line
        answer = draft.add(asked, decision, now)
        if letter is not None and answer == "taken":
            draft.writes += letters.writes(letter, asked, line, now)
            draft.letters.add(asked.letter)
            if isinstance(asked, events.ReplayRequested):
                draft.again += [event for event in [letters.again(letter, line)] if event is not None]
                draft.rings |= {str(letter.found["queue"])} if letter.found["kind"] == "poison" else set()
        return answer

    def row_aside(self, draft: Draft, row: Damaged, now: datetime) -> None:
        """A damaged row goes to the dead letters as it stands, at once: it would be as damaged the next time."""
        event = events.RowSetAside(id=row.identity, at=now, row=row.key, why=row.why)
        draft.add(event, self._decision(draft, event, now, ""), now)
        draft.writes += rows.damaged_rows(row, now)
