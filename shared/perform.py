"""Performing: claim due commands, do one effect each, commit each outcome through the fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared import commands, events, log, names
from shared.effects import Effect
from shared.effects.parts import Later, Parts
from shared.errors import BatonError, CapacityRefused, LedgerConflict, NewerForm, Permanent, PlatformBusy, Retryable
from shared.events import CapacityAwaited, CommandFailed, Outcome
from shared.fold import IMMEDIATE, Fold
from shared.ledger import LEAST_URGENT, Claimed, Ledger
from shared.performing.breakers import Breakers, Pass
from shared.performing.ring import RING_AHEAD, Ring
from shared.state import Command
from shared.storage.port import Bells
from shared.table import rows
from shared.table.room import EVENT_ROOM, cut, stored_size
from shared.table.rows import Entry
from shared.table.system import System
from shared.traces import performed
from shared.traces.port import UNTOLD, Tracer

AT_ONCE = 8


class Performer:
    """Acts for one model at a time; several may act for the same model, a claim decides who does what."""

    def __init__(
        self,
        book: Ledger,
        fold: Fold,
        bells: Bells,
        parts: Parts,
        effects: Mapping[str, Effect],
        system: System,
        breakers: Breakers,
        *,
        clock: Callable[[], datetime],
        tracer: Tracer = UNTOLD,
    ) -> None:
        self._book = book
        self._fold = fold
        self._bells = bells
        self._parts = parts
        self._effects = effects
        self._system = system
        self._breakers = breakers
        self._clock = clock
        self._tracer = tracer

    def perform(self, model: str, *, up_to: int = LEAST_URGENT) -> int:
        """Do at most 8 due commands, urgent ones first; returns how many were answered. Nothing due is success.

        Commands less urgent than `up_to` are left to others. Pause and freeze hold from the next command on. A kind that only
        a newer version of the code knows is left alone; `NewerForm` if the model itself is. A command whose platform's
        breaker is open is not claimed, and rung for again.

        Storage calls: one read for all, and for each command its claim, the fold's read and its commit; one that
        only asked takes a claim, its giving back and a look at the head, and what is asked again is rung for together.
        Besides, at most one read a second in a process, of what concerns all models.
        """
        if self._system.is_frozen():
            return 0
        seen = self._book.outbox(model, up_to=up_to)
        for damaged in seen.damaged:
            self._fold.set_aside(model, damaged)
        ring = Ring(model, self._clock, rows.agreed(self._clock(), seen.read_at) - self._clock(), seen.is_still)
        due = self._unheld(ring, [entry for entry in seen.entries if _is_due(entry, ring.now())])
        done = 0
        for entry in due[:AT_ONCE]:
            self._ring_again(ring, before=entry.command.urgency)
            if self._must_wait(ring):
                break
            done += self._take(ring, entry)
        self._ring_again(ring)
        if len(due) > AT_ONCE and not ring.is_still:
            self._bells.ring("perform", model)
        return done

    def _unheld(self, ring: Ring, due: list[Entry]) -> list[Entry]:
        """Without those that no breaker lets through now; these are rung for, unless the model stands still anyway."""
        if ring.is_still:
            return due
        held = {entry.key: self._hold(ring, entry.command) for entry in due}
        return [entry for entry in due if not held[entry.key]]

    def _hold(self, ring: Ring, command: Command) -> bool:
        """Whether a breaker holds the command; it is rung for then, once for all of the model."""
        now = ring.now()
        again = self._breakers.held(ring.model, command, now)
        if again is None:
            return False
        again = min(again, now + RING_AHEAD)
        if not self._breakers.is_rung(ring.model, again, now):
            self._bells.ring("perform", ring.model, after=max(again - now, timedelta(0)))
            self._breakers.rung(ring.model, again)
        return True

    def _must_wait(self, ring: Ring) -> bool:
        if ring.is_still is None:
            ring.is_still = self._book.is_still(ring.model)
        ring.is_still = ring.is_still or self._system.is_frozen()
        return ring.is_still

    def _ring_again(self, ring: Ring, *, before: int | None = None) -> None:
        """Ring for what was put back, in time; between commands only where less urgent ones, which may be slow, follow."""
        if before is not None and before <= ring.urgency:
            return
        for after in ring.waits():
            self._bells.ring("perform", ring.model, after=after)

    def _take(self, ring: Ring, entry: Entry) -> int:
        lease = commands.KINDS[entry.command.kind].lease
        passed = self._breakers.enter(entry.command, ring.now(), lease)
        if passed is None:
            if not self._hold(ring, entry.command):  # it closed in this moment
                ring.again.append(ring.now())
            return 0
        begun, ring.is_still, ring.urgency = self._clock(), None, entry.command.urgency
        claimed = self._book.claim(ring.model, entry, ring.now() + lease)
        if claimed is not None and self._clock() - begun < lease:
            return self._do(ring, claimed, passed)
        if claimed is not None:
            log.warning("claim outlived before its effect", model=ring.model, command=entry.command.kind)
        self._breakers.leave(passed, "nothing", ring.now())
        return 0

    def _do(self, ring: Ring, claimed: Claimed, passed: Pass) -> int:
        """The effect, with what its platform's breaker hears of it: silence, an answer of whatever kind, or nothing."""
        began = self._clock()
        try:
            answer = self._effects[claimed.command.kind](self._parts, ring.model, claimed.command)
        except PlatformBusy as silent:
            self._breakers.leave(passed, "silence", ring.now(), silent.what)
            self._trace(ring, claimed, began, silent)
            return self._try_again(ring, claimed, silent)
        except Exception as error:  # noqa: BLE001 - an unknown fault is tried again, then set aside, never lost
            said = isinstance(error, CapacityRefused | Permanent)
            self._breakers.leave(passed, "answer" if said else "nothing", ring.now())
            self._trace(ring, claimed, began, error)
            return self._fail(ring, claimed, error)
        self._breakers.leave(passed, "answer", ring.now())
        if isinstance(answer, Later):
            self._put_back(ring, claimed, answer.after)
            return 0
        self._trace(ring, claimed, began)
        return self._commit(ring, claimed, answer)

    def _trace(self, ring: Ring, claimed: Claimed, began: datetime, error: Exception | None = None) -> None:
        """Tell what an effect took, and why it failed; one that only asked in vain is told once it is answered."""
        if self._tracer.is_on and claimed.command.trace:
            self._tracer.tell(performed.span(ring.model, claimed.command, began, self._clock(), error))

    def _fail(self, ring: Ring, claimed: Claimed, error: Exception) -> int:
        if isinstance(error, Permanent):
            return self._give_up(ring, claimed, error.what, error.next)
        if isinstance(error, NewerForm):  # no try of ours: the claim runs out, and a worker that knows the form does it
            raise error
        if isinstance(error, CapacityRefused):
            return self._wait(ring, claimed, error)
        return self._try_again(ring, claimed, error)

    def _commit(self, ring: Ring, claimed: Claimed, outcome: Outcome) -> int:
        if claimed.command.trace:
            outcome = replace(outcome, trace=performed.context_of(claimed.command))
        size = stored_size(events.dump(outcome))
        if size > EVENT_ROOM:
            why = f"its outcome takes {size} characters, at most {EVENT_ROOM} have room"
            return self._give_up(ring, claimed, why, _runbook(claimed.command))
        try:
            folded = self._fold.record_outcome(ring.model, outcome, claimed)
        except LedgerConflict as lost:
            log.warning("outcome not yet recorded", model=ring.model, command=claimed.command.kind, why=lost.what)
            self._bells.ring("perform", ring.model, after=commands.KINDS[claimed.command.kind].lease)
            return 0
        except Retryable:
            raise
        except Exception as error:  # an outcome that cannot be decided must not be asked for for ever
            if isinstance(outcome, CommandFailed):
                raise
            why = f"its outcome could not be decided: {type(error).__name__}: {error}"
            return self._give_up(ring, claimed, why, _runbook(claimed.command))
        if folded.more:
            self._bells.ring("advance", ring.model)
        if folded.lost_claim:
            return 0
        ring.is_still = folded.is_still
        if folded.immediate:  # rung for as well, in case that we die
            self.perform(ring.model, up_to=IMMEDIATE)
        return 1

    def _put_back(self, ring: Ring, claimed: Claimed, after: timedelta, error: str = "") -> None:
        due = ring.now() + after
        asked = None if error else ring.now()
        self._book.put_back(ring.model, claimed, due=due, error=error, failed=bool(error), asked=asked)
        ring.again.append(due)

    def _wait(self, ring: Ring, claimed: Claimed, refused: CapacityRefused) -> int:
        """The platform has no room: wait with a growing pause, for a day at most, using up no try. A release shows it."""
        command, now = claimed.command, ring.now()
        since, count = command.refused_since or now, command.refused + 1
        if now - since >= commands.CAPACITY_WITHIN:
            why = f"no room since {since.isoformat(timespec='minutes')}: {refused.what}"
            return self._give_up(ring, claimed, why, "docs/runbook.md#capacity")
        spread = int(names.digest(f"{ring.model}:{command.number}:{count}")[:6], 16)
        due = now + commands.wait_for_capacity(count, spread, asked_seconds=refused.after_seconds)
        again = replace(command, due=due, claimed_until=None, refused=count, refused_since=since)
        again = replace(again, last_error=refused.what[:500])
        if command.refused_since is None and command.release:
            self._record_wait(ring, claimed, again, refused)
        else:
            self._book.wait(ring.model, claimed, again)
        ring.again.append(due)
        return 0

    def _record_wait(self, ring: Ring, claimed: Claimed, again: Command, refused: CapacityRefused) -> None:
        """For the first time: journalled with the row in one transaction; where races go on, the lease ends and it comes again."""
        command = claimed.command
        waits = CapacityAwaited(
            id=f"capacity:{ring.model}:{command.number}",
            at=ring.now(),
            command=command.number,
            name=command.kind,
            release=command.release,
            reason=cut(refused.what),
            trace=performed.context_of(command),
        )
        try:
            folded = self._fold.record_wait(ring.model, waits, claimed, again)
        except LedgerConflict as lost:
            log.warning("wait not yet recorded", model=ring.model, command=command.kind, why=lost.what)
            return
        if folded.more:
            self._bells.ring("advance", ring.model)

    def _try_again(self, ring: Ring, claimed: Claimed, error: Exception) -> int:
        command = claimed.command
        why = error.what if isinstance(error, BatonError) else f"{type(error).__name__}: {error}"
        if command.tries + 1 >= commands.KINDS[command.kind].tries:
            todo = error.next if isinstance(error, BatonError) else _runbook(command)
            return self._give_up(ring, claimed, why, todo)
        wait = commands.pause_after(command.tries + 1)
        log.warning(
            "command tried again",
            release=command.release,
            model=ring.model,
            command=command.kind,
            tries=command.tries + 1,
            why=why,
            again_in=f"{wait.total_seconds():.0f}s",
        )
        self._put_back(ring, claimed, wait, error=why)
        return 0

    def _give_up(self, ring: Ring, claimed: Claimed, why: str, next: str) -> int:
        command = claimed.command
        failed = CommandFailed(
            **self._parts.stamp(ring.model, command),
            name=command.kind,
            reason=cut(why),
            next=cut(next),
            tries=command.tries + 1,
            **_drop(command),
        )
        return self._commit(ring, claimed, failed)


def _is_due(entry: Entry, now: datetime) -> bool:
    """Whether a command may be claimed: it is due, and nobody holds it whose lease still runs by storage's clock."""
    command = entry.command
    if command.kind not in commands.KINDS or command.due > now:
        return False
    if command.claimed_until is None:
        return True
    return command.claimed_until <= now if entry.age is None else entry.age >= commands.KINDS[command.kind].lease


def _drop(command: Command) -> dict[str, Any]:
    """The drop that a command was to check, for its tags."""
    if command.kind != "check_file":
        return {}
    return {"blob": f"{command.payload['container']}/{command.payload['blob']}", "etag": command.payload["etag"]}


def _runbook(command: Command) -> str:
    return f"docs/runbook.md#{command.kind.replace('_', '-')}"
