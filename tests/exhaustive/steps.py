"""What can happen next in the small: every answer to every command, every deadline, every event from outside.

A command of the endpoint is done in two steps, its effect and the transaction that records its outcome, since
anything may happen between the two. Commands whose outcome changes no state are answered at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from shared import events
from shared import release as machine
from shared.events import Event
from shared.folding.turn import Decision
from shared.spec import Spec
from shared.state import Command, Head, Release
from tests.exhaustive.answers import (
    about,
    deployed,
    endpoint_outcome,
    having_seen,
    matters,
    outdated,
    run_ends,
    split_set,
    stamp,
    todo_of,
    watched,
)
from tests.exhaustive.canonical import canonical, head_key, releases_key
from tests.exhaustive.small import (
    FOLDER,
    LONG_AGO,
    MODEL,
    NOW,
    Small,
    Todo,
)
from tests.world import CERTIFIED

CERTIFICATE = CERTIFIED.result

INPUTS = ("drop", "run", "foreign run", "registration", "decision", "drift", "pause", "roll back")
QUIET = ("tell", "tag_drop", "ask_approval", "cancel_run", "check_file")
ENDPOINT = ("observe_champion", "set_traffic")


@dataclass(frozen=True, slots=True)
class Change:
    """One release's way in one decision: from which state to which, by which event."""

    release: str
    before: str
    after: str
    event: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens. `kind` is answer, time, fault, or one of `INPUTS`; `small` is the moment after it.

    `raw` is the same moment under the names of the one before.
    """

    label: str
    kind: str
    small: Small
    raw: Small
    event: str = ""
    changes: tuple[Change, ...] = ()
    sent: tuple[Command, ...] = ()


class Steps:
    """All steps from a moment, under one model's rules."""

    def __init__(self, spec: Spec, *, bounded: bool = False, brisk: bool = False) -> None:
        self._rules = {FOLDER: spec}
        self.bounded = bounded
        self._brisk = brisk
        self._said: dict[object, Decision] = {}

    def of(self, small: Small) -> Iterator[Step]:
        """Every step that can be taken, each with the moment that it leads to."""
        yield from self._answers(small)
        yield from self._deadlines(small)
        yield from self._inputs(small)

    # From outside

    def _inputs(self, small: Small) -> Iterator[Step]:
        basket = small.head.basket
        wanted = bool(basket.causes) or small.head.next_file > basket.first_file
        accepted = events.FileAccepted(
            **stamp(0), blob="b", etag="e", sha256="s", rows=0, size=1, stored="s", report="r"
        )
        if not wanted:
            yield self._decide(small, accepted, "drop", "a drop is accepted")
        if small.head.paused:
            yield self._decide(small, events.ResumeRequested(**_id(), by="operations"), "time", "resume")
        else:
            yield self._decide(small, events.PauseRequested(**_id(), by="operations"), "pause", "pause")
            yield from self._world(small, wanted=wanted)
        yield self._decide(small, events.RollbackRequested(**_id(), by="operations"), "roll back", "roll back")
        yield from self._decisions(small)

    def _world(self, small: Small, *, wanted: bool) -> Iterator[Step]:
        for one in small.releases:
            if one.run:
                ended = events.RunChanged(**_id(), run_id=one.run, status="completed")
                yield self._decide(small, ended, "run", f"the event of run {one.run}")
        if wanted:
            return
        foreign = events.RunChanged(**_id(), run_id="theirs", status="completed", model=MODEL)
        yield self._decide(small, foreign, "foreign run", "a foreign run completes")
        registered = events.ModelRegistered(**_id(), version="new")
        yield self._decide(small, registered, "registration", "a foreign version is registered")
        drift = events.DriftDetected(**_id(), monitor="m", run_id="d", coefficient=0.4)
        yield self._decide(small, drift, "drift", "drift")

    def _decisions(self, small: Small) -> Iterator[Step]:
        for one in small.releases:
            if one.state == "awaiting approval":
                seen = {"version": one.version, "evidence": one.evidence, "certificate": one.certificate}
                for approve, word in ((True, "approve"), (False, "reject")):
                    decision = events.ApprovalGiven(
                        **_id(), by="operations", release=one.id, approve=approve, nonce=one.nonce, **seen
                    )
                    step = self._decide(small, decision, "decision", f"{word} {one.id}")
                    yield step

    # Time

    def _deadlines(self, small: Small) -> Iterator[Step]:
        if small.head.paused:
            return
        for one in small.releases:
            if one.deadline is not None:
                yield self._passes(small, one.id)
        if small.head.rollback is not None:
            yield self._passes(small, "rollback")
        elif small.head.warm_until is not None:
            yield self._passes(small, "warm")
        basket = small.head.basket
        if basket.look_at is not None:
            last_at = LONG_AGO if basket.last_at else None
            head = replace(small.head, basket=replace(basket, last_at=last_at), opened=())
            yield self._passes(replace(small, head=head), "basket")
        for version in small.early:
            left = tuple(one for one in small.early if one != version)
            label = f"version {version} came early for too long"
            after = replace(small, early=left)
            yield Step(label, "time", canonical(after, bounded=self.bounded), after)

    def _passes(self, small: Small, of: str) -> Step:
        event = events.DeadlinePassed(**_id(), of=of, what="over its deadline")
        return self._decide(small, event, "time", f"deadline of {of}")

    # Answers

    def _answers(self, small: Small) -> Iterator[Step]:
        for place, todo in enumerate(small.todos):
            rest = small.todos[:place] + small.todos[place + 1 :]
            without = Small(small.head, small.releases, rest, small.serving, small.early)
            if todo.kind == "set_traffic":
                yield self._traffic_moves(small, without, todo)
            for label, event, world in self._outcomes(without, todo):
                about = (label, todo.release, todo.run, todo.purpose, todo.old)
                yield self._decide(world, event, "answer", f"{label}: {_words(todo)}", of=todo.release, about=about)
            for name in ("start_run", "look_at_run") if todo.kind == "look_at_run" else (todo.kind,):
                failed = events.CommandFailed(**stamp(0), name=name, reason="no", next="look", tries=5)
                yield self._decide(
                    without,
                    failed,
                    "fault",
                    f"{name} is given up: {_words(todo)}",
                    of=todo.release,
                    about=(name, todo.release),
                )

    def _traffic_moves(self, small: Small, without: Small, todo: Todo) -> Step:
        """The effect alone; done again, as after a claim that died, it meets what there is then."""
        seen, serving = split_set(small, todo)
        after = Small(small.head, small.releases, (*without.todos, having_seen(todo, (seen,))), serving, small.early)
        after = watched(after)
        return Step(f"effect of {_words(todo)}", "answer", canonical(after, bounded=self.bounded), after)

    def _outcomes(self, small: Small, todo: Todo) -> Iterator[tuple[str, Event, Small]]:
        one = next((found for found in small.releases if found.id == todo.release), None)
        if todo.kind == "look_at_run":
            for label, event in run_ends(one, todo):
                yield label, event, small
        elif todo.kind == "register_version":
            yield "registered", events.VersionRegistered(**stamp(0), version=f"of {todo.release}"), small
        elif todo.kind == "deploy_staging":
            for healthy in (True, False) if one is not None else (False,):
                there = deployed(small, todo) if one is not None else small
                ended = events.DeploymentEnded(**stamp(0), deployment=todo.release, healthy=healthy)
                yield ("healthy" if healthy else "not healthy"), ended, there
        elif todo.kind == "look_at_step":
            for label, errors in (("step passes", 0), ("step fails", 100)):
                step = events.StepSeen(**stamp(0), requests=100, errors=errors, split=dict(small.split))
                yield label, step, small
        for seen in todo.seen:
            yield (
                f"told {seen.version or 'none'}, {dict(seen.split)}{', refused' * seen.refused}",
                endpoint_outcome(small, todo, seen),
                small,
            )

    # Deciding

    def _decide(self, small: Small, event: Event, kind: str, label: str, *, of: str = "", about: object = "") -> Step:
        """Decide one event as the fold does, and look again at what came early if it was taken."""
        after, decision = self._once(small, event, of, about or label)
        changes, sent = list(_changes(small, after, decision, event)), list(decision.commands)
        if decision.answer == "early":
            assert isinstance(event, events.ModelRegistered)
            after = replace(small, early=(*small.early, event.version)[:1])
        if decision.answer == "taken" and not after.head.paused:
            for version in after.early:
                again = events.ModelRegistered(**_id(), version=version)
                then, found = self._once(replace(after, early=()), again, "", version)
                if found.answer != "early":
                    changes += _changes(after, then, found, again)
                    sent += found.commands
                    after = then
        small = canonical(self._hurried(after, changes) if self._brisk else after, bounded=self.bounded)
        return Step(label, kind, small, after, type(event).__name__, tuple(changes), tuple(sent))

    def _hurried(self, small: Small, changes: list[Change]) -> Small:
        """With a release in each slot: the one being built goes at once through what reads nothing of the other."""
        while (todo := _reads_nothing(small)) is not None:
            rest = tuple(other for other in small.todos if other is not todo)
            without = Small(small.head, small.releases, rest, small.serving, small.early)
            label, event, world = next(iter(self._outcomes(without, todo)))
            after, found = self._once(world, event, todo.release, (label, todo.release, todo.run, todo.purpose))
            changes += _changes(world, after, found, event)
            small = after
        return small

    def _once(self, small: Small, event: Event, of: str, about: object) -> tuple[Small, Decision]:
        found = self._decision(small, event, of, about)
        if found.answer == "early":
            return small, found
        releases = tuple(sorted(found.releases.values(), key=lambda one: one.id))
        return watched(_absorbed(small, found.head, releases, found.commands)), found

    def _decision(self, small: Small, event: Event, of: str, about: object) -> Decision:
        """What `decide` says: asked once for the same head, releases and event, since it is pure and sees nothing else."""
        asked = (head_key(small.head), releases_key(small.releases), type(event), of, about)
        if asked not in self._said:
            releases = {one.id: one for one in small.releases}
            self._said[asked] = machine.decide(self._rules, small.head, releases, event, NOW, release=of)
        return self._said[asked]


def _reads_nothing(small: Small) -> Todo | None:
    """What the release in the building slot waits for, if another is shipping and the answer does not depend on it."""
    one = next((found for found in small.releases if found.id == small.head.building), None)
    if one is None or not small.head.shipping or one.state == "judging":
        return None
    kinds = ("look_at_run", "register_version", "deploy_staging")
    return next((todo for todo in small.todos if todo.release == one.id and todo.kind in kinds), None)


def _id() -> dict[str, Any]:
    return {"id": "e", "at": NOW}


def _words(todo: Todo) -> str:
    return " ".join(word for word in (todo.kind, todo.purpose, todo.run or todo.release) if word)


def _changes(before: Small, after: Small, found: Decision, event: Event) -> list[Change]:
    states = {one.id: one.state for one in before.releases}
    now = {one.id: one.state for one in (*after.releases, *found.ended)}
    name = type(event).__name__
    return [Change(one, states.get(one, ""), state, name) for one, state in now.items() if states.get(one) != state]


def _absorbed(small: Small, head: Head, releases: tuple[Release, ...], commands: Iterable[Command]) -> Small:
    """The new state with the commands in the outbox. Those that change no state are done at once, a removal with its effect."""
    moved = head.moves > small.head.moves
    todos = [outdated(todo) if moved and todo.kind == "observe_champion" else todo for todo in small.todos]
    serving = small.serving
    asked = {about(todo) for todo in todos}
    for command in commands:
        if command.kind == "clean_up":
            gone = command.payload["deployment"]
            serving = tuple(one for one in serving if one[0] != gone or one[2])
        elif command.kind not in QUIET and about(todo := todo_of(command)) not in asked:
            todos.append(todo)
            asked.add(about(todo))
    waited = {one.id for one in releases} | {one.run for one in releases if one.run}
    return Small(head, releases, tuple([todo for todo in todos if matters(todo, waited)]), serving, small.early)
