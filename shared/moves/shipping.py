"""A release in the shipping slot: approval, roll-out step by step, live; and every way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from shared import gates, names
from shared.events import ApprovalGiven, ChampionSeen, StepSeen, TrafficRefused, TrafficSet
from shared.folding.turn import Turn
from shared.moves.champion import enthrone, let_go, moved
from shared.moves.stale import Stale
from shared.policy import MONITORED
from shared.retraining.hysteresis import Watch
from shared.state import Champion, Release
from shared.table.room import cut

SLOT_SLACK = timedelta(minutes=30)
OBSERVED_WITHIN = timedelta(minutes=30)
BACK_WITHIN = timedelta(minutes=10)


def reach_slot(turn: Turn, release: Release) -> str:
    """A staged release, just seen to be about the present champion, asks for approval, or waits for the slot."""
    busy_until = _busy_until(turn)
    if busy_until is not None:
        within = busy_until - turn.now + SLOT_SLACK
        turn.move(release, "staging", within=within, owner="the shipping slot", ready=True)
        return "staged, waits for the shipping slot"
    waiting = turn.releases.get(turn.head.shipping)
    if waiting is not None:
        why = f"{release.id} reached approval before {waiting.id} was decided on"
        turn.end(waiting, "superseded", why)
    _ask(turn, release)
    return "staged, approval asked"


def _busy_until(turn: Turn) -> datetime | None:
    """Until when traffic is being moved at most; None if the slot can be had."""
    rolling = turn.releases.get(turn.head.shipping)
    moments = [turn.head.rollback.deadline] if turn.head.rollback is not None else []
    if rolling is not None and rolling.state == "rolling out" and rolling.deadline is not None:
        moments.append(rolling.deadline)
    return max(moments, default=None)


def free_slot(turn: Turn) -> None:
    """Once no traffic moves any more, the staged release that waited goes on; what serves may be new, so it is asked first."""
    ready = turn.releases.get(turn.head.building)
    if ready is None or not ready.ready or _busy_until(turn) is not None:
        return
    turn.move(ready, "staging", within=OBSERVED_WITHIN, owner="platform", ready=False)
    turn.send("observe_champion", ready)


def _ask(turn: Turn, release: Release) -> None:
    approval = turn.spec_of(release).approval
    nonce = names.digest(f"{release.id}:{release.evidence}:{release.certificate}:{turn.now.isoformat()}")[:24]
    within = timedelta(hours=approval.expires_hours)
    release = turn.move(release, "awaiting approval", within=within, owner=", ".join(approval.approvers), nonce=nonce)
    turn.set_head(building="", shipping=release.id)
    why, until = release.verdict, _until(release)
    turn.send("ask_approval", release, version=release.version, why=why, until=until, journal=turn.journal)
    todo = f"baton approve {release.id} --why ... or baton reject {release.id} --why ..."
    turn.note("approval asked", release, why=f"{release.owner} until {_until(release)}", next=todo)


def _until(release: Release) -> str:
    return release.deadline.isoformat(timespec="minutes") if release.deadline else "for ever"


def decided(turn: Turn, event: ApprovalGiven) -> str:
    """A person decided, on exactly what was asked; everything else is stale."""
    release = turn.releases.get(event.release)
    if release is None or release.state != "awaiting approval":
        raise Stale(f"{event.release} does not wait for approval")
    if turn.head.rollback is not None:
        raise Stale(f"a roll-back is under way: decide on {release.id} when it is done")
    _check_binding(release, event)
    _check_person(turn, release, event)
    verb = "approved" if event.approve else "rejected"
    turn.note(f"release {verb} by {event.by}", release, why=event.why)
    if not event.approve:
        turn.end(release, "rejected", f"{event.by}: {event.why}")
        return f"rejected by {event.by}"
    within = timedelta(minutes=turn.spec_of(release).rollout.deadline_minutes)
    release = turn.move(
        release,
        "rolling out",
        within=within,
        owner="platform",
        step=-1,
        approved_by=event.by,
        approved_why=cut(event.why),
    )
    turn.send("observe_champion", release)
    return f"approved by {event.by}"


def _check_binding(release: Release, event: ApprovalGiven) -> None:
    asked = (release.version, release.evidence, release.certificate, release.nonce)
    if asked != (event.version, event.evidence, event.certificate, event.nonce):
        raise Stale(f"the decision of {event.by} names another version, evidence, certificate or question")


def _check_person(turn: Turn, release: Release, event: ApprovalGiven) -> None:
    approvers = turn.spec.approval.approvers
    if not {names.person_key(event.by), event.role} & set(approvers):
        raise Stale(f"{event.by} may not decide on {release.id}: approvers are {', '.join(approvers)}")
    if event.approve and names.person_key(event.by) == names.person_key(release.author):
        raise Stale(f"{event.by} published this folder, so somebody else must approve {release.id}")


def champion_seen(turn: Turn, release: Release, event: ChampionSeen) -> str:
    """Before the first traffic: what serves must still be what the verdict and the approval were made against."""
    if release.step >= 0:
        raise Stale(f"{release.id} is rolling out already")
    if event.version != release.against:
        why = f"version {event.version or 'none'} serves now, approved against {release.against or 'none'}"
        turn.end(release, "held", why, next=f"baton retry {release.id} --why ... judges against what serves now")
        return why
    _set_step(turn, turn.set(release, split=dict(event.split)), 0)
    return "the champion is as approved"


def _set_step(turn: Turn, release: Release, step: int) -> None:
    """Ask for the split of a step. With nothing to share traffic with, the first step takes it all."""
    steps = turn.spec_of(release).rollout.steps
    share = steps[step] if turn.head.champion is not None else 100
    step = step if share < 100 else len(steps) - 1
    wanted = {names.deployment_name(release.id): share}
    if turn.head.champion is not None and share < 100:
        wanted[turn.head.champion.deployment] = 100 - share
    turn.set(release, step=step, moving="step")
    turn.send("set_traffic", release, purpose="step", split=wanted, expected=dict(release.split))


def traffic_set(turn: Turn, event: TrafficSet, release: Release | None) -> str:
    """The split stands: a step begins to bake, a roll-out was taken back, or a roll-back is done."""
    moved(turn)
    if event.purpose == "rollback":
        return _rolled_back_to(turn, event)
    if release is None or release.state != "rolling out":
        turn.send("observe_champion")
        raise Stale("the release of this split has ended, so what serves is asked")
    release = turn.set(release, moving="", split=dict(event.split))
    if event.purpose == "back":
        why = release.back_why
        turn.end(release, "rolled back", why, next=f"baton explain {release.id}")
        return why
    if release.back_why:
        _give_back(turn, release)
        return f"{_words(event.split)}, to be taken back"
    release = turn.set(release, step_at=turn.now, step_requests=event.requests, step_errors=event.errors)
    plan = turn.spec_of(release).rollout
    share = event.split.get(names.deployment_name(release.id), 0)
    turn.note(
        "traffic set", release, why=_words(event.split), numbers={"share": share, "bake_seconds": plan.bake_seconds}
    )
    _look_later(turn, release)
    return f"{share} percent"


def _look_later(turn: Turn, release: Release) -> None:
    plan = turn.spec_of(release).rollout
    turn.send(
        "look_at_step",
        release,
        after=timedelta(seconds=plan.bake_seconds),
        deployment=names.deployment_name(release.id),
        folder=release.folder,
        enough=release.step_requests + plan.min_requests,
    )


def _words(split: Mapping[str, int]) -> str:
    return ", ".join(f"{share} % to {name}" for name, share in split.items()) or "no traffic"


def step_seen(turn: Turn, release: Release, event: StepSeen) -> str:
    """A step baked: go on, wait for more traffic, or take it back."""
    if release.state != "rolling out" or release.back_why:
        raise Stale(f"{release.id} is no longer in this step")
    if dict(event.split) != dict(release.split):
        why = f"somebody changed the traffic to {_words(event.split)} during the roll-out"
        _held_as_found(turn, release, why)
        return why
    plan = turn.spec_of(release).rollout
    requests, errors = event.requests - release.step_requests, event.errors - release.step_errors
    answer = gates.rollout_step(plan, requests=requests, errors=errors)
    if answer.answer == "fail":
        take_back(turn, release, answer.why)
    elif answer.answer == "hold":
        turn.note("roll-out waits", release, rule=answer.gate, why=answer.why, numbers=dict(answer.numbers))
        _look_later(turn, release)
    elif release.step + 1 < len(plan.steps):
        turn.note("roll-out step passed", release, rule=answer.gate, why=answer.why, numbers=dict(answer.numbers))
        _set_step(turn, release, release.step + 1)
    else:
        _live(turn, release, answer.why)
    return answer.why


def _live(turn: Turn, release: Release, why: str) -> None:
    """The version has all traffic and kept its limits: it is the champion. The one before is kept warm."""
    champion = Champion(release.version, names.deployment_name(release.id), release.id, release.folder, turn.now)
    release = turn.move(release, "live", within=None, owner="")
    turn.set_head(shipping="", useless=0)
    reset_drift(turn)
    turn.note("release live", release, why=f"version {release.version}: {why}")
    turn.send("tell", release, state="live", why=f"version {release.version} serves all traffic", next="")
    warm = timedelta(minutes=turn.spec_of(release).rollout.keep_warm_minutes)
    enthrone(turn, champion, warm=warm, why=f"{release.id} went live")
    turn.send("observe_champion")  # which names it in the registry


def reset_drift(turn: Turn) -> None:
    """What the watch saw drift from the data of the champion before says nothing of this one: its monitor compares anew.

    Without `retrain.drift_limit` there is no watch, and a cause that waits stays: the monitor's own alert decides.
    """
    if turn.spec.retrain.drift_limit <= 0:
        return
    basket = turn.head.basket
    rest = tuple(cause for cause in basket.causes if cause.kind not in MONITORED)
    turn.set_head(watch=Watch(), basket=replace(basket, causes=rest))
    if rest != basket.causes:
        turn.note("cause dropped", rule="drift", why="drift and performance were measured of the champion before")


def _held_as_found(turn: Turn, release: Release, why: str) -> None:
    """Somebody else moved the traffic: their split stays, and what serves by it is asked."""
    turn.end(release, "held", why, next=f"look at the endpoint, then `baton retry {release.id} --why ...`")
    turn.send("observe_champion")


def take_back(turn: Turn, release: Release, why: str) -> None:
    """Give the traffic of an unfinished roll-out back, once a step that is under way has been answered."""
    release = turn.set(release, back_why=cut(why), deadline=turn.now + BACK_WITHIN)
    turn.note("roll-out taken back", release, why=why, level="warning")
    if not release.moving:
        _give_back(turn, release)


def _give_back(turn: Turn, release: Release) -> None:
    """All traffic to the champion, or none where nothing served before: insisted on, whatever the split is found to be."""
    champion = turn.head.champion
    split = {champion.deployment: 100} if champion is not None else {}
    turn.set(release, moving="back")
    turn.send("set_traffic", release, purpose="back", split=split, expected=dict(release.split))


def traffic_refused(turn: Turn, event: TrafficRefused, release: Release | None) -> str:
    """The split was not the expected one. A step stops; going back insists, with what was found."""
    why = f"the split was {_words(event.found)}, not the expected one"
    rollback = turn.head.rollback
    if event.purpose == "rollback" and rollback is not None:
        split = {rollback.target.deployment: 100}
        turn.send("set_traffic", release or "", purpose="rollback", split=split, expected=dict(event.found))
    elif release is None or release.state != "rolling out":
        turn.send("observe_champion")
        raise Stale(f"{why}, and nothing waits for it any more")
    else:
        release = turn.set(release, moving="", split=dict(event.found))
        _give_back(turn, release) if release.back_why else _held_as_found(turn, release, why)
    return why


def traffic_failed(turn: Turn, release: Release, why: str, next: str) -> None:
    """A split could not be set: a step is taken back; a way back that cannot be gone ends, and a person must look."""
    was = release.moving
    release = turn.set(release, moving="")
    if not release.back_why:
        take_back(turn, release, why)
    elif was == "step":
        _give_back(turn, release)
    else:
        turn.end(release, "failed", f"the traffic could not be given back: {why}", next=next)
        turn.send("observe_champion")


def _rolled_back_to(turn: Turn, event: TrafficSet) -> str:
    rollback = turn.head.rollback
    if rollback is None:
        turn.send("observe_champion")
        raise Stale("no roll-back is under way any more, so what serves is asked")
    left = turn.head.champion
    target = replace(rollback.target, named=False)
    turn.set_head(champion=target, previous=None, warm_until=None, rollback=None)
    why = f"{rollback.by}: {rollback.why}"
    old = turn.releases.get(left.release) if left is not None else None
    if old is not None:
        turn.end(old, "rolled back", why)
    elif left is not None:
        let_go(turn, left)
    turn.note("rolled back", target.release, why=f"{why}; {_words(event.split)}")
    turn.send("observe_champion")  # which names it in the registry
    return why
