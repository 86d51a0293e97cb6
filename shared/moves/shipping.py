"""A release in the shipping slot: approval, roll-out step by step, live; and every way back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from shared import gates, names
from shared.events import ApprovalGiven, ChampionSeen, StepSeen, TrafficRefused, TrafficSet
from shared.moves.stale import Stale
from shared.state import Champion, Release
from shared.turn import Turn


def ship_what_is_ready(turn: Turn) -> None:
    """Bring the staged release to its approval, unless a roll-out is under way; an older one still waiting gives way."""
    ready = turn.releases.get(turn.head.building)
    if ready is None or not ready.ready or turn.head.rollback is not None:
        return
    waiting = turn.releases.get(turn.head.shipping)
    if waiting is not None and waiting.state == "rolling out":
        return
    if waiting is not None:
        drop(turn, waiting, "superseded", f"{ready.id} reached approval before {waiting.id} was decided on")
    _ask(turn, ready)


def _ask(turn: Turn, release: Release) -> None:
    approval = turn.spec_of(release).approval
    nonce = names.digest(f"{release.id}:{release.evidence}:{release.certificate}:{turn.now.isoformat()}")[:24]
    within = timedelta(hours=approval.expires_hours)
    release = turn.move(release, "awaiting approval", within=within, owner=", ".join(approval.approvers), nonce=nonce)
    turn.set_head(building="", shipping=release.id)
    turn.send("ask_approval", release, version=release.version, why=release.verdict, until=_until(release))
    todo = f"baton approve {release.id} --why ... or baton reject {release.id} --why ..."
    turn.note("approval asked", release, why=f"{release.owner} until {_until(release)}", next=todo)


def _until(release: Release) -> str:
    return release.deadline.isoformat(timespec="minutes") if release.deadline else "for ever"


def drop(turn: Turn, release: Release, state: str, why: str, *, next: str = "") -> None:
    """End a release that has a deployment without traffic, and remove that deployment."""
    turn.send("clean_up", deployment=names.deployment_name(release.id))
    turn.end(release, state, why, next=next)


def decided(turn: Turn, event: ApprovalGiven) -> str:
    """A person decided, on exactly what was asked; everything else is stale."""
    release = turn.releases.get(event.release)
    if release is None or release.state != "awaiting approval":
        raise Stale(f"{event.release} does not wait for approval")
    _check_binding(release, event)
    _check_person(turn, release, event)
    verb = "approved" if event.approve else "rejected"
    turn.note(f"release {verb} by {event.by}", release, why=event.why)
    if not event.approve:
        drop(turn, release, "rejected", f"{event.by}: {event.why}")
        return f"rejected by {event.by}"
    within = timedelta(minutes=turn.spec_of(release).rollout.deadline_minutes)
    release = turn.move(
        release, "rolling out", within=within, owner="platform", step=-1, approved_by=event.by, approved_why=event.why
    )
    turn.send("observe_champion", release)
    return f"approved by {event.by}"


def _check_binding(release: Release, event: ApprovalGiven) -> None:
    asked = (release.version, release.evidence, release.certificate, release.nonce)
    if asked != (event.version, event.evidence, event.certificate, event.nonce):
        raise Stale(f"the decision of {event.by} names another version, evidence, certificate or question")


def _check_person(turn: Turn, release: Release, event: ApprovalGiven) -> None:
    approvers = turn.spec.approval.approvers
    if event.by not in approvers:
        raise Stale(f"{event.by} may not decide on {release.id}: approvers are {', '.join(approvers)}")
    if event.approve and event.by == release.author:
        raise Stale(f"{event.by} published this folder, so somebody else must approve {release.id}")


def champion_seen(turn: Turn, release: Release, event: ChampionSeen) -> str:
    """Before the first traffic: what serves must still be what the verdict and the approval were made against."""
    if release.step >= 0:
        raise Stale(f"{release.id} is rolling out already")
    if event.version != release.against:
        why = f"version {event.version or 'none'} serves now, approved against {release.against or 'none'}"
        drop(turn, release, "held", why, next=f"baton retry {release.id} --why ... judges against what serves now")
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
    turn.set(release, step=step)
    turn.send("set_traffic", release, purpose="step", split=wanted, expected=dict(release.split))


def traffic_set(turn: Turn, event: TrafficSet, release: Release | None) -> str:
    """The split stands: a step begins to bake, a roll-out was taken back, or a roll-back is done."""
    if event.purpose == "rollback":
        return _rolled_back_to(turn, event)
    if release is None or release.state != "rolling out":
        raise Stale("the release of this split is no longer rolling out")
    if event.purpose == "back":
        drop(turn, release, "rolled back", release.back_why, next=f"baton explain {release.id}")
        return release.back_why
    release = turn.set(
        release, split=dict(event.split), step_at=turn.now, step_requests=event.requests, step_errors=event.errors
    )
    plan = turn.spec_of(release).rollout
    share = event.split.get(names.deployment_name(release.id), 0)
    turn.note("traffic set", release, why=_words(event.split), numbers={"share": share, "bake_seconds": plan.bake_seconds})
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
        turn.end(release, "held", why, next=f"look at the endpoint, then `baton retry {release.id} --why ...`")
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
    before = turn.head.champion
    champion = Champion(release.version, names.deployment_name(release.id), release.id, release.folder, turn.now)
    release = turn.move(release, "live", within=None, owner="")
    turn.set_head(shipping="", champion=champion, previous=before, useless=0)
    turn.note("release live", release, why=f"version {release.version}: {why}")
    turn.send("tell", release, state="live", why=f"version {release.version} serves all traffic", next="")
    if before is None:
        return
    old = turn.releases.get(before.release)
    if old is not None:
        turn.end(old, "replaced", f"{release.id} went live")
    warm = timedelta(minutes=turn.spec_of(release).rollout.keep_warm_minutes)
    turn.send("clean_up", after=warm, deployment=before.deployment)


def take_back(turn: Turn, release: Release, why: str) -> None:
    """Give the traffic of an unfinished roll-out back to the champion, or to nothing if nothing served before."""
    release = turn.set(release, back_why=why)
    champion = turn.head.champion
    split = {champion.deployment: 100} if champion is not None else {}
    turn.note("roll-out taken back", release, why=why, level="warning")
    turn.send("set_traffic", release, purpose="back", split=split, expected=dict(release.split))


def traffic_refused(turn: Turn, event: TrafficRefused, release: Release | None) -> str:
    """The split was not the expected one. A step stops; going back insists, with what was found."""
    why = f"the split was {_words(event.found)}, not the expected one"
    rollback = turn.head.rollback
    if event.purpose == "rollback" and rollback is not None:
        split = {rollback.target.deployment: 100}
        turn.send("set_traffic", release or "", purpose="rollback", split=split, expected=dict(event.found))
    elif release is None or release.state != "rolling out":
        raise Stale(f"{why}, and its release is no longer rolling out")
    elif event.purpose == "back":
        take_back(turn, turn.set(release, split=dict(event.found)), release.back_why)
    else:
        turn.end(release, "held", why, next=f"look at the endpoint, then `baton retry {release.id} --why ...`")
    return why


def _rolled_back_to(turn: Turn, event: TrafficSet) -> str:
    rollback = turn.head.rollback
    if rollback is None:
        raise Stale("no roll-back is under way")
    left = turn.head.champion
    turn.set_head(champion=rollback.target, previous=None, rollback=None)
    why = f"{rollback.by}: {rollback.why}"
    old = turn.releases.get(left.release) if left is not None else None
    if old is not None:
        drop(turn, old, "rolled back", why)
    turn.note("rolled back", rollback.target.release, why=f"{why}; {_words(event.split)}")
    return why
