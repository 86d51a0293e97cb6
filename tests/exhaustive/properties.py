"""What must hold in the small, whatever happens: at every moment, after every step, and of all moments together."""

from __future__ import annotations

from collections.abc import Iterator

from shared import release as machine
from shared.state import BUILDING, LIVE, SHIPPING, Release
from tests.exhaustive.small import AHEAD, Small, Todo
from tests.exhaustive.steps import Step


def at_every_moment(small: Small) -> Iterator[str]:
    """What is wrong with a moment by itself."""
    yield from _one_of_each(small)
    yield from _nothing_waits_in_silence(small)
    if small.head.rollback is not None and not _pending(small, "set_traffic", purpose="rollback"):
        yield "a roll-back is under way, and no command for it"
    champion = small.head.champion
    for one in small.releases:
        if one.state == LIVE and (champion is None or champion.release != one.id):
            yield f"{one.id} is live, and the champion is {champion}"


def _one_of_each(small: Small) -> Iterator[str]:
    for slot, states, kept in (
        ("building", BUILDING, small.head.building),
        ("shipping", SHIPPING, small.head.shipping),
        ("live", (LIVE,), None),
    ):
        found = [one.id for one in small.releases if one.state in states]
        if len(found) > 1:
            yield f"two are {slot}: {found}"
        if kept is not None and found != ([kept] if kept else []):
            yield f"{found} are {slot}, the head says {kept!r}"


def _nothing_waits_in_silence(small: Small) -> Iterator[str]:
    for one in small.releases:
        if one.state != LIVE and (one.deadline is None or not one.owner):
            yield f"{one.id} is {one.state} without a deadline or an owner"
    head = small.head
    if head.paused:
        return
    waits = [one for one in small.releases if one.state != LIVE] or small.todos or head.rollback or head.warm_until
    releases = {one.id: one for one in small.releases}
    if waits and machine.wake_at(head, releases, ring_again_at=AHEAD) is None:
        yield "something waits, and nobody will wake"
    wanted = head.basket.causes or head.next_file > head.basket.first_file
    if wanted and not head.building and head.basket.look_at is None:
        yield "the basket waits, its slot is free, and nobody will look"


def after_every_step(before: Small, step: Step) -> Iterator[str]:
    """What is wrong with a step: what it sent, and what it left unasked."""
    if step.kind != "fault":
        asked = {one.id for one in before.releases if is_asked(before, one)}
        changed = {change.release for change in step.changes}
        for one in step.raw.releases:
            known = one.id in asked or one.id in changed or one.id not in {old.id for old in before.releases}
            if known and not is_asked(step.raw, one):
                yield f"nothing asks for what {one.id} waits for as {one.state}"
    for command in step.sent:
        if command.kind == "set_traffic":
            yield from _traffic_is_allowed(before, step, command.release, command.payload["split"])
        if command.kind == "start_run":
            yield from _run_is_new(before, step, command.release, command.payload["run_id"])
        if command.kind == "deploy_staging" and not _has(step, command.release, "evidence", "certificate", "version"):
            yield f"{command.release} is deployed without evidence, certificate or version"
        if command.kind == "register_version" and not _has(step, command.release, "evidence"):
            yield f"{command.release} is registered without evidence"


def is_asked(small: Small, one: Release) -> bool:
    """Whether the outbox holds the command whose outcome the release waits for; people and free slots need none."""
    if one.state in (LIVE, "awaiting approval") or one.ready:
        return True
    if one.run:
        return _pending(small, "look_at_run", run=one.run)
    if one.state == "rolling out":
        kinds = ("set_traffic", "look_at_step", "observe_champion")
        return any(_pending(small, kind, release=one.id) for kind in kinds)
    kinds = {"registering": ("register_version",), "staging": ("deploy_staging", "observe_champion")}
    return any(_pending(small, kind, release=one.id) for kind in kinds.get(one.state, ("observe_champion",)))


def _pending(small: Small, kind: str, **named: str) -> bool:
    return any(todo.kind == kind and _is(todo, named) for todo in small.todos)


def _is(todo: Todo, named: dict[str, str]) -> bool:
    return all(getattr(todo, name) == value for name, value in named.items())


def _traffic_is_allowed(before: Small, step: Step, release: str, split: dict[str, int]) -> Iterator[str]:
    heads = (before.head, step.raw.head)
    served = {one.deployment for head in heads for one in (head.champion, head.previous) if one is not None}
    approved = {one.id for one in step.raw.releases if one.approved_by}
    for name in split:
        if name not in served | approved:
            yield f"traffic for {name}, which nobody approved"


def _run_is_new(before: Small, step: Step, release: str, run: str) -> Iterator[str]:
    known = {one.run for one in before.releases} | {one.train_run for one in before.releases}
    known |= {todo.run for todo in before.todos}
    if run in known:
        yield f"{run} is started a second time"
    if not any(one.id == release and one.run == run for one in step.raw.releases):
        yield f"{run} is started, and nobody waits for it"


def _has(step: Step, release: str, *fields: str) -> bool:
    return any(one.id == release and all(getattr(one, name) for name in fields) for one in step.raw.releases)


# Of all moments together


def is_quiet(small: Small) -> bool:
    """Nothing is under way: what serves serves, and only something new from outside changes that."""
    idle = not small.todos and not small.early and small.head.rollback is None and not small.head.paused
    return idle and all(one.state == LIVE for one in small.releases)


def is_over_or_told(small: Small) -> bool:
    """Nothing waits but what a person is told of again and again: traffic that is still to be given back."""
    open_ones = [one for one in small.releases if one.state != LIVE]
    return all(one.state == "rolling out" and one.back_why for one in open_ones)


def serves_the_champion(small: Small) -> bool:
    """What the ledger calls the champion has all the traffic, and nothing is left standing that nothing needs."""
    champion, previous = small.head.champion, small.head.previous
    kept = {one.deployment for one in (champion, previous) if one is not None}
    wanted = ((champion.deployment, 100),) if champion else ()
    return small.split == wanted and {name for name, _, _ in small.serving} <= kept
