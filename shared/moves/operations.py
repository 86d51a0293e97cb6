"""What people and the clock do to a model as a whole: publish, pause, roll back, deadlines, commands given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared import names
from shared.events import (
    ChampionSeen,
    CommandFailed,
    DeadlinePassed,
    ModelDeployed,
    ModelPublished,
    PauseRequested,
    ResumeRequested,
    RollbackRequested,
)
from shared.moves import basket, building, shipping
from shared.moves.stale import Stale
from shared.state import Champion, Release, Rollback
from shared.turn import Turn

ROLLBACK_WITHIN = timedelta(minutes=10)
HELD_IF_UNREADABLE = ("observe_champion",)


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


def paused(turn: Turn, event: PauseRequested) -> str:
    """Events are recorded from now on, effects wait."""
    if turn.head.paused:
        raise Stale("paused already")
    turn.set_head(paused=f"{event.by}: {event.why}", paused_at=turn.now)
    turn.note("model paused", why=turn.head.paused, next=f"baton resume {turn.head.model} --why ...")
    return turn.head.paused


def resumed(turn: Turn, event: ResumeRequested) -> str:
    """Waiting goes on where it stopped: every deadline moves by the length of the pause."""
    if not turn.head.paused or turn.head.paused_at is None:
        raise Stale("not paused")
    slept = turn.now - turn.head.paused_at
    for release in list(turn.releases.values()):
        if release.deadline is not None:
            turn.set(release, deadline=release.deadline + slept)
    turn.set_head(paused="", paused_at=None)
    turn.note("model resumed", why=f"{event.by}, after {slept.total_seconds():.0f} s")
    return "resumed"


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
    champion, target = turn.head.champion, turn.head.previous
    if champion is None or target is None:
        raise Stale(f"nothing to go back to: no champion before {champion.version if champion else 'none'} is kept")
    turn.set_head(rollback=Rollback(event.by, event.why, target, turn.now + ROLLBACK_WITHIN))
    split, expected = {target.deployment: 100}, {champion.deployment: 100}
    turn.note("roll-back begun", champion.release, why=f"{why}; to version {target.version}")
    turn.send("set_traffic", champion.release, purpose="rollback", split=split, expected=expected)
    return why


def deployed(turn: Turn, event: ModelDeployed) -> str:
    """Something was deployed, perhaps not by us: ask what serves."""
    turn.send("observe_champion")
    return f"service {event.service} was deployed"


def champion_observed(turn: Turn, event: ChampionSeen) -> str:
    """What serves is the champion, whoever put it there; nothing is concluded while we move traffic ourselves."""
    champion = turn.head.champion
    ours = turn.releases.get(turn.head.shipping)
    if turn.head.rollback is not None or (ours is not None and ours.state == "rolling out"):
        raise Stale("traffic is being moved by a release")
    if not event.version or (champion is not None and champion.version == event.version):
        raise Stale(f"version {event.version or 'none'} serves, as known")
    found = Champion(event.version, event.deployment, "", turn.head.folder, turn.now)
    turn.set_head(champion=found, previous=champion)
    turn.note("champion changed by somebody else", why=f"version {event.version} serves", level="warning")
    return f"version {event.version} serves"


def deadline_passed(turn: Turn, event: DeadlinePassed) -> str:
    """Nothing waits in silence: what did not come in time ends, with what to do."""
    if event.of == "basket":
        turn.set_head(basket=replace(turn.head.basket, look_at=None))
        return "the basket is looked at again"
    if event.of == "rollback":
        turn.set_head(rollback=None)
        todo = f"look at the endpoint, then `baton rollback {turn.head.model} --why ...`"
        turn.note("roll-back gave up", why="no answer in time", next=todo, level="error")
        return "the roll-back is over its deadline"
    release = turn.releases.get(event.of)
    if release is None:
        raise Stale(f"{event.of} is not open")
    _overdue(turn, release)
    return event.what


def _overdue(turn: Turn, release: Release) -> None:
    why = f"{release.state} since {release.past[-1][1]}, over its deadline"
    again = f"baton retry {release.id} --why ..."
    if release.state == "awaiting approval":
        shipping.drop(turn, release, "expired", why, next=again)
    elif release.state == "rolling out" and not release.back_why:
        turn.set(release, deadline=turn.now + ROLLBACK_WITHIN)
        shipping.take_back(turn, turn.releases[release.id], why)
    elif release.state == "staging":
        shipping.drop(turn, release, "failed", why, next=again)
    else:
        if release.run:
            turn.send("cancel_run", release, run_id=release.run)
        turn.end(release, "failed", why, next=again)


def command_failed(turn: Turn, event: CommandFailed, release: Release | None) -> str:
    """A command was given up: its release ends with the reason, and nothing passes because nobody answered."""
    turn.set_head(dead=turn.head.dead + 1)
    why = f"{event.name} after {event.tries} tries: {event.reason}"
    turn.note("command set aside", release or "", rule=event.name, why=why, next=event.next, level="error")
    if release is None or event.name in ("tell", "tag_drop", "ask_approval", "clean_up", "cancel_run", "look_at_run"):
        return why
    if event.name in HELD_IF_UNREADABLE:
        _hold(turn, release, f"what serves could not be read: {event.reason}")
    elif release.state == "rolling out" and not release.back_why:
        shipping.take_back(turn, release, why)
    elif release.state != "live":
        _fail(turn, release, why, event.next)
    return why


def _hold(turn: Turn, release: Release, why: str) -> None:
    if release.state in ("staging", "rolling out"):
        shipping.drop(turn, release, "held", why, next=f"baton retry {release.id} --why ...")
    else:
        turn.end(release, "held", why, next=f"baton retry {release.id} --why ...")


def _fail(turn: Turn, release: Release, why: str, next: str) -> None:
    if release.state == "staging":
        turn.send("clean_up", deployment=names.deployment_name(release.id))
    turn.end(release, "failed", why, next=next)


def champion_seen(turn: Turn, event: ChampionSeen, release: Release | None) -> str:
    """An answer to `observe_champion`: for the model as a whole, for judging and staging, or for the first traffic."""
    if release is None:
        return champion_observed(turn, event)
    if not event.version and turn.head.champion is not None:
        why = f"the endpoint says that nothing serves, but the ledger saw version {turn.head.champion.version} live"
        _hold(turn, release, why)
        return why
    if release.state in ("judging", "staging"):
        return building.champion_seen(turn, release, event)
    if release.state == "rolling out":
        return shipping.champion_seen(turn, release, event)
    raise Stale(f"{release.id} is {release.state}")
