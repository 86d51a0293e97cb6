"""Folding: read a model, decide on its waiting events one after the other, commit them together, ring.

One worker a model in a process; between processes head's ETag decides, and the loser reads and decides
again. Whatever happens between two lines here, the ledger's two tables of crashes say who picks up.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import approvals, archive, aside, events, ledger, letters, release, rows, schedules, state
from shared.draft import Draft, begun, first_publish_first, folders, halts
from shared.errors import HeadLost, LedgerConflict, Retryable
from shared.foreseen import Foreseen, Step, foreseen
from shared.ledger import Claimed, Ledger
from shared.moves import carried
from shared.rows import Damaged, Snapshot, Waiting
from shared.segments import Sizes
from shared.spec import Spec
from shared.state import Command, Head
from shared.storage.port import Bells, Delete, Insert, Replace, Write
from shared.turn import Decision, Note

RACES, RACES_OF_AN_OUTCOME = 5, 15
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 2.0
ROWS = 80
EARLY_FOR = timedelta(hours=1)
RING_AGAIN = timedelta(seconds=30)
RING_AHEAD = timedelta(minutes=2)
BASKET_LATE = timedelta(seconds=2)
HEARD_WHILE_STILL = (events.PersonEvent, events.Outcome)

Rules = Callable[[str, str], Spec]
Log = Callable[[str, events.Event, Note, str], None]


@dataclass(frozen=True, slots=True)
class Folded:
    """What one fold did: how many events it decided, whether more wait, and whether effects must wait after it."""

    decided: int
    more: bool = False
    lost_claim: bool = False
    is_still: bool = False


@dataclass(frozen=True, slots=True)
class Own:
    """What `perform` brings to a fold: what came of a command, and its claim.

    In the same transaction the command's row goes, or stands there `again`.
    """

    event: events.Outcome | events.CapacityAwaited
    claimed: Claimed
    again: Command | None = None

    @property
    def row(self) -> Write:
        """What becomes of the command's row."""
        if self.again is not None:
            return Replace(self.claimed.key, state.dumps(self.again), self.claimed.etag)
        return Delete(self.claimed.key, self.claimed.etag)


class Fold:
    """Reads, decides, commits and rings for one model at a time."""

    def __init__(
        self,
        book: Ledger,
        bells: Bells,
        rules: Rules,
        *,
        clock: Callable[[], datetime],
        approval_key: str,
        log: Log,
        sizes: Sizes,
        pause: Callable[[float], None],
    ) -> None:
        self._book = book
        self._bells = bells
        self._rules = rules
        self._clock = clock
        self._approval_key = approval_key
        self._log = log
        self._sizes = sizes
        self._pause = pause
        self._rung_for_basket: dict[str, datetime] = {}
        self._one_worker: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def advance(self, model: str) -> Folded:
        """Decide on what waits. Safe to call at any time and twice: an empty inbox is success."""
        return self._fold(model, None)

    def record_outcome(self, model: str, outcome: events.Outcome, claimed: Claimed) -> Folded:
        """Commit a command's outcome, deleting its outbox row in the same transaction; with it whatever waits."""
        return self._fold(model, Own(outcome, claimed))

    def record_wait(self, model: str, waits: events.CapacityAwaited, claimed: Claimed, again: Command) -> Folded:
        """Commit that a command waits for capacity, and give it back to the outbox, in one transaction."""
        return self._fold(model, Own(waits, claimed, again))

    def set_aside(self, model: str, damaged: Damaged) -> None:
        """Move a damaged row of the outbox to the dead letters. One that changed meanwhile is read anew by the next caller."""
        with contextlib.suppress(LedgerConflict):
            self._fold(model, None, damaged)

    def foresee(self, model: str, event: events.Event) -> Foreseen | None:
        """What an event, or a request about a dead letter, would come to now, before all that waits; None without a head.

        Nothing is written, rung or logged.
        """
        before = self._book.read(model)
        now = rows.agreed(self._clock(), before.read_at)
        draft = begun(model, before, self._sizes)
        if draft is None:
            return None
        try:
            self._decide(draft, event, now)
            for event in tuple(draft.again):
                self._decide(draft, event, now)
        except Exception as error:  # noqa: BLE001 - that it would fail is what the person wants to know
            why = f"{type(error).__name__}: {error}"
            return foreseen(before, draft, Step(type(event).__name__, "raises", why))
        return foreseen(before, draft, None)

    def begin_again(self, model: str, head: Head, event: events.LedgerRebuilt) -> None:
        """Commit a head that the journal told, where none stands any more, and in the same transaction that it was done.

        `LedgerConflict` if a head stands there again.
        """
        with self._one_worker[model]:
            before = self._book.read(model)
            draft = Draft(head, dict(before.releases), self._sizes)
            self._decide(draft, event, self._clock())
            self._commit(model, replace(before, head_etag=""), draft, self._clock(), more=True)

    def _fold(self, model: str, own: Own | None, damaged: Damaged | None = None) -> Folded:
        """Try until a race is won. An outcome is tried for longer: its effect is done, and who asks again does it twice."""
        races = RACES if own is None else RACES_OF_AN_OUTCOME
        with self._one_worker[model]:
            for race in range(races):
                try:
                    return self._once(model, own, damaged, is_first=race == 0)
                except LedgerConflict:
                    if own is not None and not self._book.still_claimed(model, own.claimed):
                        return Folded(0, lost_claim=True)
                    self._pause(_pause_seconds(race))
        raise LedgerConflict(f"{model}: lost {races} races in a row", next="the next ring decides again")

    def _once(self, model: str, own: Own | None, damaged: Damaged | None, *, is_first: bool) -> Folded:
        before = self._book.read(model)
        now = rows.agreed(self._clock(), before.read_at)
        draft = begun(model, before, self._sizes)
        if draft is None:
            return Folded(0)
        if before.head is None:
            self._check_new(model)
        if before.is_older:
            self._carry_over(draft, now)
        if own is not None:
            draft.writes.append(own.row)
            if isinstance(own.event, events.CommandFailed):
                draft.writes.append(rows.dead_command(own.claimed.command, own.event.reason, now))
            outcome = own.event if is_first else self._enriched(model, own.event)
            self._decide(draft, outcome, now, of=own.claimed.command.release)
        for row in (*([damaged] if damaged else ()), *before.damaged):
            self._set_row_aside(draft, row, now)
        first = halts(before)
        self._decide_waiting(draft, first, now)
        for deadline in release.due(draft.head, draft.releases, now):
            self._decide_deadline(draft, deadline, now)
        full = len(before.inbox) == ledger.FOLD_AT_ONCE
        left = self._decide_waiting(draft, (w for w in first_publish_first(before) if w not in first), now)
        self._decide_schedule(draft, now)
        if draft.head.early and not draft.head.is_still:
            self._decide_early(draft, model, now)
        more = left or draft.raised > 0 or bool(draft.again) or (full and draft.decided > 0)
        if draft.writes:
            self._commit(model, before, draft, now, more=more)
        return Folded(draft.decided, more=more, is_still=draft.head.is_still)

    def _check_new(self, model: str) -> None:
        """A model without a head is new, or its head was lost: then nothing may begin again at line 1."""
        if self._book.lines.has_begun(model):
            todo = f'baton ledger rebuild {model} --why "..."; docs/runbook.md#damaged-table'
            raise HeadLost(f"the head of {model} is gone, but its journal is not", next=todo)

    def _carry_over(self, draft: Draft, now: datetime) -> None:
        """The first fold after an upgrade journals what it found, so that the journal rebuilds it by today's rules too."""
        for one in list(draft.releases.values()):
            self._carry(draft, carried.release_event(one, now), now)
        self._carry(draft, carried.head_event(draft.head, draft.releases, now), now)

    def _carry(self, draft: Draft, event: events.Carried, now: datetime) -> None:
        draft.add(event, release.decide({}, draft.head, draft.releases, event, now), now)

    def _enriched(self, model: str, outcome: events.Event) -> events.Event:
        """Bytes are believed to be new at first; if they are not, their row refuses the commit, and then it is read."""
        if isinstance(outcome, events.FileAccepted):
            return replace(outcome, known_as=self._book.file_number(model, outcome.sha256))
        return outcome

    def _decide_waiting(self, draft: Draft, inbox: Iterable[Waiting], now: datetime) -> bool:
        """Decide the inbox in order; True if some were left for the next fold."""
        for waiting in inbox:
            if draft.rows > ROWS:
                return True
            if draft.head.is_still and not isinstance(waiting.event, HEARD_WHILE_STILL):
                continue
            self._decide_one(draft, waiting, now)
        return False

    def _decide_one(self, draft: Draft, waiting: Waiting, now: datetime) -> None:
        try:
            answer = self._decide(draft, waiting.event, now, early_until=waiting.early_until)
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

    def _decide_deadline(self, draft: Draft, deadline: events.Event, now: datetime) -> None:
        """A deadline has no row to count tries in: one that cannot be decided is told, and holds up nothing else."""
        try:
            self._decide(draft, deadline, now)
        except Retryable:
            raise
        except Exception as error:  # noqa: BLE001 - as for any event that nobody foresaw
            why = f"{type(error).__name__}: {error}"
            of = deadline.of if isinstance(deadline, events.DeadlinePassed) else ""
            note = Note("deadline could not be decided", of, why=why, next="docs/runbook.md#poison", level="error")
            draft.told.append((deadline, note, ""))

    def _decide_schedule(self, draft: Draft, now: datetime) -> None:
        """What the schedule asks for, after the inbox: data that waits there was not missed."""
        rules = self._rules(draft.head.model, draft.head.folder)
        read = schedules.read(draft.head, rules, now)
        for event in [read] if read is not None else schedules.due(draft.head, rules, now):
            self._decide_deadline(draft, event, now)

    def _decide_early(self, draft: Draft, model: str, now: datetime) -> None:
        """After a transition what came early is looked at again; what stayed early for too long is set aside at any time."""
        early = self._book.early(model)
        for row in early.damaged:
            self._set_row_aside(draft, row, now)
        for waiting in early.waiting:
            if draft.rows > ROWS:
                return
            left = len(draft.writes)
            if draft.taken:
                self._decide_one(draft, waiting, now)
            overdue = waiting.early_until is not None and waiting.early_until <= now
            if len(draft.writes) == left and overdue and draft.was_still:
                again = replace(waiting, early_until=now + EARLY_FOR)
                draft.writes.append(rows.event_row(again, tries=waiting.tries))
            elif len(draft.writes) == left and overdue:
                aside.bury(draft, waiting, "it named something that never came to be", now)
            if any(isinstance(write, Delete) and write.key == waiting.key for write in draft.writes[left:]):
                draft.head = replace(draft.head, early=draft.head.early - 1)

    def _decide(
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
            return self._decide_letter(draft, event, now)
        decision = self._decision(draft, event, now, of)
        if decision.answer == "early" and early_until is not None:
            return "early"
        return draft.add(event, decision, now, of)

    def _decision(self, draft: Draft, event: events.Event, now: datetime, of: str) -> Decision:
        rules = {folder: self._rules(draft.head.model, folder) for folder in folders(draft, event)}
        return release.decide(rules, draft.head, draft.releases, event, now, release=of)

    def _decide_letter(self, draft: Draft, asked: letters.Asked, now: datetime) -> str:
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

    def _set_row_aside(self, draft: Draft, row: Damaged, now: datetime) -> None:
        """A damaged row goes to the dead letters as it stands, at once: it would be as damaged the next time."""
        event = events.RowSetAside(id=row.identity, at=now, row=row.key, why=row.why)
        draft.add(event, self._decision(draft, event, now, ""), now)
        draft.writes += rows.damaged_rows(row, now)

    def _commit(self, model: str, before: Snapshot, draft: Draft, now: datetime, *, more: bool) -> None:
        again = now + RING_AGAIN
        wake = release.wake_at(draft.head, draft.releases, ring_again_at=again)
        head = replace(draft.head, wake_at=min(wake or again, again) if more else wake)
        body = state.dumps(head)
        writes = draft.writes + rows.release_rows(draft.releases, tuple(draft.ended), before)
        writes += rows.command_rows(tuple(draft.commands))
        if before.head_etag:
            writes.append(Replace(rows.HEAD, body, before.head_etag))
        else:
            writes += [Insert(rows.HEAD, body), archive.begun()]
        self._book.commit(model, writes)
        for event, note, line in draft.told:
            self._log(model, event, note, line)
        self._ring(model, draft, now)
        if draft.was_still and not draft.head.is_still:
            self._bells.ring("perform", model)

    def _ring(self, model: str, draft: Draft, now: datetime) -> None:
        """Ring for new commands: once now if any is due, once later for the first that is not; the sweep covers the rest."""
        for queue in draft.rings:
            self._bells.ring(queue, model)
        waits = sorted(command.due - now for command in draft.commands)
        if waits and waits[0] <= timedelta(0):
            self._bells.ring("perform", model)
        soon = [wait for wait in waits if timedelta(0) < wait <= RING_AHEAD]
        if soon:
            self._bells.ring("perform", model, after=soon[0])
        self._ring_for_basket(model, draft.head.basket.look_at, now)

    def _ring_for_basket(self, model: str, look_at: datetime | None, now: datetime) -> None:
        """Ring when the basket may be ready, a little late: in a flood that moment moves with each file, and one ring does for several."""
        if look_at is None or not timedelta(0) < look_at - now <= RING_AHEAD:
            return
        rung = self._rung_for_basket.get(model)
        if rung is None or not look_at < rung <= look_at + BASKET_LATE:
            self._rung_for_basket[model] = look_at + BASKET_LATE
            self._bells.ring("advance", model, after=look_at - now + BASKET_LATE)


def _pause_seconds(race: int) -> float:
    """How long to stand back after the `race`-th lost race, from 0: losers that come back at random times do not meet again."""
    most = min(SHORTEST_PAUSE_SECONDS * 2**race, LONGEST_PAUSE_SECONDS)
    return random.uniform(0, most)  # noqa: S311 - jitter
