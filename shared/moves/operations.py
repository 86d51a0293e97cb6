"""What people and the clock do to a model as a whole: publish, pause, roll back, deadlines, commands given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.events import (
    ChampionSeen,
    CommandFailed,
    DeadlinePassed,
    ModelDeployed,
    ModelPublished,
    RollbackRequested,
)
from shared.folding.turn import Turn
from shared.moves import appointments, basket, champion, closing, folders, judging, release_runs, shipping
from shared.moves.stale import Stale
from shared.retraining import spending
from shared.state import LIVE, Release, Rollback
from shared.table.room import cut

ROLLBACK_WITHIN = timedelta(minutes=10)
HELD_IF_UNREADABLE = ("observe_champion",)
NOBODY_WAITS = (
    *("tell", "tag_drop", "ask_approval", "clean_up", "cancel_run", "look_at_run", "check_file"),
    *("close_segment", "trim_journal", "forget"),
)


def published(turn: Turn, event: ModelPublished) -> str:
    """A folder is the model's current one from now on; releases under way keep theirs."""
    if event.folder == turn.head.folder and turn.head.next_line > 1:
        raise Stale(f"folder {event.folder} is the current one already")
    first = turn.head.next_line == 1
    turn.set_head(folder=event.folder, author=event.by)
    turn.note("model published", why=f"folder {event.folder} by {event.by}")
    if not first:
        basket.add_code(turn, event.id, event.folder)
    return f"folder {event.folder}"


def rollback_asked(turn: Turn, event: RollbackRequested) -> str:
    """Stop a running roll-out, or give the traffic back to the champion before this one."""
    if turn.head.rollback is not None:
        raise Stale("a roll-back is under way")
    why = f"{event.by}: {event.why}"
    rolling = turn.releases.get(turn.head.shipping)
    if rolling is not None and rolling.state == "rolling out":
        if rolling.back_why:
            raise Stale("the roll-out is being taken back already")
        shipping.take_back(turn, rolling, why)
        return why
    serving, target = turn.head.champion, turn.head.previous
    if serving is None or target is None:
        raise Stale(f"nothing to go back to: no champion before {serving.version if serving else 'none'} is kept")
    turn.set_head(rollback=Rollback(event.by, event.why, target, turn.now + ROLLBACK_WITHIN))
    split, expected = {target.deployment: 100}, {serving.deployment: 100}
    turn.note("roll-back begun", serving.release, why=f"{why}; to version {target.version}")
    turn.send("set_traffic", serving.release, purpose="rollback", split=split, expected=expected)
    return why


def deployed(turn: Turn, event: ModelDeployed) -> str:
    """Something was deployed, perhaps not by us: ask what serves."""
    turn.send("observe_champion")
    return f"service {event.service} was deployed"


def deadline_passed(turn: Turn, event: DeadlinePassed) -> str:
    """Nothing waits in silence: what did not come in time ends, with what to do."""
    if event.of == "basket":
        turn.set_head(basket=replace(turn.head.basket, look_at=None))
        return "the basket is looked at again"
    if event.of == "rollback":
        return _rollback_late(turn)
    if event.of == "warm":
        return _cooled(turn)
    if event.of == "monitor":
        return appointments.monitor_silent(turn)
    if event.of == "folders":
        return folders.left_open(turn)
    release = turn.releases.get(event.of)
    if release is None:
        raise Stale(f"{event.of} is not open")
    _overdue(turn, release)
    return event.what


def _cooled(turn: Turn) -> str:
    """The champion before was kept warm long enough: a roll-back no longer reaches it."""
    before = turn.head.previous
    turn.set_head(previous=None, warm_until=None)
    if before is None:
        return "nothing was kept warm"
    champion.let_go(turn, before)
    why = f"version {before.version} is no longer kept for a roll-back"
    turn.note("champion before let go", before.release, why=why)
    return why


def _rollback_late(turn: Turn) -> str:
    """Its command is still in the outbox, and nothing may move the traffic before that is answered: a person is told."""
    rollback = turn.head.rollback
    if rollback is None:
        raise Stale("no roll-back is under way")
    turn.set_head(rollback=replace(rollback, deadline=turn.now + ROLLBACK_WITHIN))
    return _late(turn, "", f"the roll-back to version {rollback.target.version} has no answer yet")


def _late(turn: Turn, release: str, why: str) -> str:
    turn.note("traffic not yet given back", release, why=why, next="docs/runbook.md#set-traffic", level="error")
    return why


def _rollback_failed(turn: Turn, reason: str) -> str:
    turn.set_head(rollback=None)
    todo = f"look at the endpoint, then `baton rollback {turn.head.model} --why ...`"
    turn.note("roll-back gave up", why=reason, next=todo, level="error")
    turn.send("tell", state="roll-back gave up", why=cut(reason), next=todo)
    turn.send("observe_champion")
    return f"the roll-back gave up: {reason}"


def _overdue(turn: Turn, release: Release) -> None:
    why = f"{release.state} since {release.past[-1][1]}, over its deadline"
    again = f"baton retry {release.id} --why ..."
    if release.state == "awaiting approval":
        turn.end(release, "expired", why, next=again)
    elif release.state == "rolling out" and release.back_why:
        turn.set(release, deadline=turn.now + ROLLBACK_WITHIN)
        _late(turn, release.id, f"{release.back_why}; the endpoint has not answered yet")
    elif release.state == "rolling out":
        shipping.take_back(turn, release, why)
    else:
        if release.run:
            longest = release_runs.longest(turn, release).total_seconds()
            turn.set_head(spent=spending.added(turn.head.spent, turn.now, seconds=longest))
            turn.send("cancel_run", run_id=release.run)
        turn.end(release, "failed", why, next=again)


def _drop_held(turn: Turn, event: CommandFailed, why: str) -> None:
    """A drop that could not be checked says so itself, and its owner hears it."""
    appointments.checking(turn, -1)
    if event.blob:
        turn.send("tag_drop", blob=event.blob, etag=event.etag, verdict="held")
        told = cut(f"{event.blob}: {why}")
        turn.send("tell", state="drop held", why=told, next=event.next, to=turn.spec.owner)


def command_failed(turn: Turn, event: CommandFailed, release: Release | None) -> str:
    """A command was given up: its release ends with the reason, and nothing passes because nobody answered."""
    turn.set_head(dead=turn.head.dead + 1)
    why = cut(f"{event.name} after {event.tries} tries: {event.reason}")
    turn.note("command set aside", release or "", rule=event.name, why=why, next=event.next, level="error")
    if event.name == "check_file":
        _drop_held(turn, event, why)
    if event.name == "set_traffic":
        champion.moved(turn)
    if event.name == "set_traffic" and turn.head.rollback is not None:
        return _rollback_failed(turn, why)
    if event.name == "close_segment":
        closing.not_closed(turn)
    if release is None or release.state == LIVE or event.name in NOBODY_WAITS:
        return why
    if event.name in HELD_IF_UNREADABLE and not release.back_why:
        again = f"baton retry {release.id} --why ..."
        turn.end(release, "held", f"what serves could not be read: {event.reason}", next=again)
    elif release.state == "rolling out" and event.name == "set_traffic":
        shipping.traffic_failed(turn, release, why, event.next)
    elif release.state == "rolling out" and not release.back_why:
        shipping.take_back(turn, release, why)
    elif release.state != "rolling out":
        turn.end(release, "failed", why, next=event.next)
    return why


def champion_seen(turn: Turn, event: ChampionSeen, release: Release | None) -> str:
    """An answer to `observe_champion`: for the model as a whole, for judging and staging, or for the first traffic."""
    if release is None:
        champion.check_is_of_now(turn, event, "")
        return champion.observed(turn, event)
    moves = {
        "judging": judging.champion_seen,
        "staging": judging.champion_seen,
        "rolling out": shipping.champion_seen,
    }
    if release.state not in moves or release.back_why:
        raise Stale(f"{release.id} is {release.state}" + (", on its way back" if release.back_why else ""))
    champion.check_is_of_now(turn, event, release)
    if not event.version and turn.head.champion is not None and not champion.moving_traffic(turn):
        why = f"the endpoint says that nothing serves, but the ledger saw version {turn.head.champion.version} live"
        turn.end(release, "held", why, next=f"baton retry {release.id} --why ...")
        return why
    champion.learn(turn, event)
    if event.doubt and not champion.moving_traffic(turn):
        return champion.hold_in_doubt(turn, release, event)
    return moves[release.state](turn, turn.releases[release.id], event)
