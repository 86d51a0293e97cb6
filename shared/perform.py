"""Performing: claim due commands, do one effect each, commit each outcome through the fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from shared import commands, events, log
from shared.effects import Effect
from shared.effects.parts import Later, Parts
from shared.errors import BatonError, LedgerConflict, NewerForm, Permanent, Retryable
from shared.events import CommandFailed, Outcome
from shared.fold import Fold
from shared.ledger import LEAST_URGENT, Claimed, Ledger
from shared.room import EVENT_ROOM, cut, stored_size
from shared.state import Command
from shared.storage.port import Bells

AT_ONCE = 8
RING_AHEAD = timedelta(minutes=2)


class Performer:
    """Acts for one model at a time; several may act for the same model, a claim decides who does what."""

    def __init__(
        self,
        book: Ledger,
        fold: Fold,
        bells: Bells,
        parts: Parts,
        effects: Mapping[str, Effect],
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._book = book
        self._fold = fold
        self._bells = bells
        self._parts = parts
        self._effects = effects
        self._clock = clock

    def perform(self, model: str, *, up_to: int = LEAST_URGENT) -> int:
        """Do at most 8 due commands, urgent ones first; returns how many were answered. Nothing due is success.

        Commands less urgent than `up_to` are left to others. A pause holds from the next command on. A kind that only
        a newer version of the code knows is left alone; `NewerForm` if the model itself is.
        """
        done = 0
        waiting = self._book.commands(model, up_to=up_to)
        due = [entry for entry in waiting if self._is_due(entry[0])]
        for command, key, etag in due[:AT_ONCE]:
            if self._book.is_paused(model):
                return done
            lease = commands.KINDS[command.kind].lease
            claimed = self._book.claim(model, command, key, etag, self._clock() + lease)
            if claimed is not None:
                done += self._do(model, claimed)
        if len(due) > AT_ONCE:
            self._bells.ring("perform", model)
        return done

    def _is_due(self, command: Command) -> bool:
        now = self._clock()
        if command.kind not in commands.KINDS:
            return False
        return command.due <= now and (command.claimed_until is None or command.claimed_until <= now)

    def _do(self, model: str, claimed: Claimed) -> int:
        command = claimed.command
        try:
            answer = self._effects[command.kind](self._parts, model, command)
        except Permanent as error:
            return self._give_up(model, claimed, error.what, error.next)
        except NewerForm:  # no try of ours: the claim runs out, and a worker that knows the form does the command
            raise
        except Exception as error:  # noqa: BLE001 - an unknown fault is tried again, then set aside, never lost
            return self._try_again(model, claimed, error)
        if isinstance(answer, Later):
            self._put_back(model, claimed, answer.after)
            return 0
        return self._commit(model, claimed, answer)

    def _commit(self, model: str, claimed: Claimed, outcome: Outcome) -> int:
        size = stored_size(events.dump(outcome))
        if size > EVENT_ROOM:
            why = f"its outcome takes {size} characters, at most {EVENT_ROOM} have room"
            return self._give_up(model, claimed, why, _runbook(claimed.command))
        try:
            folded = self._fold.record_outcome(model, outcome, claimed)
        except LedgerConflict as lost:
            log.warning("outcome not yet recorded", model=model, command=claimed.command.kind, why=lost.what)
            self._bells.ring("perform", model, after=commands.KINDS[claimed.command.kind].lease)
            return 0
        except Retryable:
            raise
        except Exception as error:  # an outcome that cannot be decided must not be asked for for ever
            if isinstance(outcome, CommandFailed):
                raise
            why = f"its outcome could not be decided: {type(error).__name__}: {error}"
            return self._give_up(model, claimed, why, _runbook(claimed.command))
        if folded.more:
            self._bells.ring("advance", model)
        return 0 if folded.lost_claim else 1

    def _put_back(self, model: str, claimed: Claimed, after: timedelta, error: str = "") -> None:
        due = self._clock() + after
        self._book.put_back(model, claimed, due=due, error=error, failed=bool(error))
        self._bells.ring("perform", model, after=min(after, RING_AHEAD))

    def _try_again(self, model: str, claimed: Claimed, error: Exception) -> int:
        command = claimed.command
        why = error.what if isinstance(error, BatonError) else f"{type(error).__name__}: {error}"
        if command.tries + 1 >= commands.KINDS[command.kind].tries:
            todo = error.next if isinstance(error, BatonError) else _runbook(command)
            return self._give_up(model, claimed, why, todo)
        wait = commands.pause_after(command.tries + 1)
        log.warning(
            "command tried again",
            release=command.release,
            model=model,
            command=command.kind,
            tries=command.tries + 1,
            why=why,
            again_in=f"{wait.total_seconds():.0f}s",
        )
        self._put_back(model, claimed, wait, error=why)
        return 0

    def _give_up(self, model: str, claimed: Claimed, why: str, next: str) -> int:
        command = claimed.command
        failed = CommandFailed(
            **self._parts.stamp(model, command),
            name=command.kind,
            reason=cut(why),
            next=cut(next),
            tries=command.tries + 1,
        )
        return self._commit(model, claimed, failed)


def _runbook(command: Command) -> str:
    return f"docs/runbook.md#{command.kind.replace('_', '-')}"
