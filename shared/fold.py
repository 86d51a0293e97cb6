"""Folding: read a model, decide on its waiting events one after the other, commit them together, ring.

One worker a model in a process; between processes head's ETag decides, and the loser reads and decides
again. Whatever happens between two lines here, the ledger's two tables of crashes say who picks up.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import events, ledger, release, state
from shared.errors import HeadLost, LedgerConflict
from shared.folding.deciding import Deciding, Rules
from shared.folding.draft import Draft, begun, first_publish_first, halts
from shared.folding.foreseen import Foreseen, Step, foreseen
from shared.folding.rings import Rings
from shared.folding.turn import Note
from shared.folding.turnstile import Turnstile
from shared.journaling import archive
from shared.journaling.segments import Sizes
from shared.ledger import Claimed, Ledger
from shared.state import Command, Head
from shared.storage.port import Bells, Delete, Insert, Replace, Write
from shared.table import rows
from shared.table.rows import Damaged, Snapshot
from shared.traces import folded
from shared.traces.port import UNTOLD, Tracer

RACES, RACES_OF_AN_OUTCOME = 5, 15
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 2.0
RING_AGAIN = timedelta(seconds=30)
IMMEDIATE = 0  # this urgent
URGENCY = 5  # of what waits undecided: before the outcomes of checks, after those of a roll-back

Log = Callable[[str, events.Event, Note, str], None]


@dataclass(frozen=True, slots=True)
class Folded:
    """What one fold did: how many events it decided, whether more wait, and whether effects must wait after it.

    `immediate` says that it asked for something for which nobody should wait until a queue is looked at, such as a roll-back.
    """

    decided: int
    more: bool = False
    immediate: bool = False
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
        tracer: Tracer = UNTOLD,
    ) -> None:
        self._book = book
        self._rings = Rings(bells)
        self._deciding = Deciding(book, rules, approval_key=approval_key, traces=tracer.is_on)
        self._tracer = tracer
        self._clock = clock
        self._log = log
        self._sizes = sizes
        self._pause = pause
        self._turnstile = Turnstile()

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
            self._deciding.decide(draft, event, now)
            for event in tuple(draft.again):
                self._deciding.decide(draft, event, now)
        except Exception as error:  # noqa: BLE001 - that it would fail is what the person wants to know
            why = f"{type(error).__name__}: {error}"
            return foreseen(before, draft, Step(type(event).__name__, "raises", why))
        return foreseen(before, draft, None)

    def begin_again(self, model: str, head: Head, event: events.LedgerRebuilt) -> None:
        """Commit a head that the journal told, where none stands any more, and in the same transaction that it was done.

        `LedgerConflict` if a head stands there again.
        """
        with self._turnstile.turn(model, URGENCY):
            before = self._book.read(model)
            draft = Draft(head, dict(before.releases), self._sizes)
            self._deciding.decide(draft, event, self._clock())
            self._commit(model, replace(before, head_etag=""), draft, self._clock(), more=True)

    def _fold(self, model: str, own: Own | None, damaged: Damaged | None = None) -> Folded:
        """Try until a race is won. An outcome is tried for longer: its effect is done, and who asks again does it twice."""
        races = RACES if own is None else RACES_OF_AN_OUTCOME
        with self._turnstile.turn(model, own.claimed.command.urgency if own else URGENCY):
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
            self._deciding.carry_over(draft, now)
        if own is not None:
            draft.writes.append(own.row)
            if isinstance(own.event, events.CommandFailed):
                draft.writes.append(rows.dead_command(own.claimed.command, own.event.reason, now))
            outcome = own.event if is_first else self._deciding.enriched(model, own.event)
            self._deciding.decide(draft, outcome, now, of=own.claimed.command.release)
        for row in (*([damaged] if damaged else ()), *before.damaged):
            self._deciding.row_aside(draft, row, now)
        first = halts(before)
        self._deciding.waiting(draft, first, now)
        for deadline in release.due(draft.head, draft.releases, now):
            self._deciding.deadline(draft, deadline, now)
        full = len(before.inbox) == ledger.FOLD_AT_ONCE
        left = self._deciding.waiting(draft, (w for w in first_publish_first(before) if w not in first), now)
        self._deciding.schedule(draft, now)
        if draft.head.early and not draft.head.is_still:
            self._deciding.early(draft, model, now)
        more = left or draft.raised > 0 or bool(draft.again) or (full and draft.decided > 0)
        if draft.writes:
            self._commit(model, before, draft, now, more=more)
        immediate = any(c.urgency <= IMMEDIATE and c.due <= now for c in draft.commands) and not draft.head.is_still
        return Folded(draft.decided, more=more, immediate=immediate, is_still=draft.head.is_still)

    def _check_new(self, model: str) -> None:
        """A model without a head is new, or its head was lost: then nothing may begin again at line 1."""
        if self._book.lines.has_begun(model):
            todo = f'baton ledger rebuild {model} --why "..."; docs/runbook.md#damaged-table'
            raise HeadLost(f"the head of {model} is gone, but its journal is not", next=todo)

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
        self._rings.after_commit(model, draft, now)
        if self._tracer.is_on:
            for span in folded.spans(before, draft, now, rows.agreed(self._clock(), before.read_at)):
                self._tracer.tell(span)


def _pause_seconds(race: int) -> float:
    """How long to stand back after the `race`-th lost race, from 0: losers that come back at random times do not meet again."""
    most = min(SHORTEST_PAUSE_SECONDS * 2**race, LONGEST_PAUSE_SECONDS)
    return random.uniform(0, most)  # noqa: S311 - jitter
