"""What a command of the endpoint or a run does in the small, and which commands must be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from shared import events
from shared.events import Event
from shared.state import Command, Release
from tests.exhaustive.small import (
    NOW,
    Seen,
    Small,
    Todo,
    as_split,
)
from tests.world import CERTIFIED, evidence

CERTIFICATE = CERTIFIED.result

ENDPOINT = ("observe_champion", "set_traffic")


def outdated(todo: Todo) -> Todo:
    """An observation that was asked for before the traffic moved: whatever it shows, it is asked for again."""
    return Todo(todo.kind, todo.release, seen=(Seen(),), old=True)


def about(todo: Todo) -> tuple[object, ...]:
    """Two commands with the same of this are one: the second finds nothing that the first left."""
    return (todo.kind, todo.release, todo.run, todo.purpose, todo.old)


def matters(todo: Todo, waited: set[str]) -> bool:
    """Whether anybody still waits: what is asked of the endpoint counts for the model, all else for its release or run."""
    return todo.kind in ENDPOINT or (todo.run if todo.kind == "look_at_run" else todo.release) in waited


def watched(small: Small) -> Small:
    """Who observes may have looked at any moment since it was asked: the present one is added."""
    if not any(todo.kind == "observe_champion" for todo in small.todos):
        return small
    seen = observed(small)
    todos = tuple(
        having_seen(todo, (*todo.seen, seen)) if watches(todo) and seen not in todo.seen else todo
        for todo in small.todos
    )
    return Small(small.head, small.releases, todos, small.serving, small.early)


def watches(todo: Todo) -> bool:
    return todo.kind == "observe_champion" and not todo.old


def having_seen(todo: Todo, seen: tuple[Seen, ...]) -> Todo:
    return Todo(todo.kind, todo.release, todo.run, todo.version, todo.purpose, todo.split, todo.expected, seen)


def todo_of(command: Command) -> Todo:
    what = command.payload
    return Todo(
        "look_at_run" if command.kind == "start_run" else command.kind,
        command.release,
        str(what.get("run_id", "")),
        str(what.get("version", "")),
        str(what.get("purpose", "")),
        as_split(what.get("split", {}).items()),
        as_split(what.get("expected", {}).items()),
    )


def observed(small: Small) -> Seen:
    serving = [one for one in small.serving if one[2]]
    most = max(serving, key=lambda one: one[2], default=("", "", 0))
    return Seen(most[1], most[0], small.split)


def split_set(small: Small, todo: Todo) -> tuple[Seen, tuple[tuple[str, str, int], ...]]:
    if small.split not in (todo.split, todo.expected):
        return Seen(split=small.split, refused=True), small.serving
    shares = dict(todo.split)
    return Seen(split=todo.split), tuple((name, version, shares.get(name, 0)) for name, version, _ in small.serving)


def endpoint_outcome(small: Small, todo: Todo, seen: Seen) -> Event:
    if todo.kind == "observe_champion":
        moves = small.head.moves - todo.old
        return events.ChampionSeen(
            **stamp(0), version=seen.version, deployment=seen.deployment, split=dict(seen.split), moves=moves
        )
    if seen.refused:
        return events.TrafficRefused(**stamp(0), purpose=todo.purpose, found=dict(seen.split))
    return events.TrafficSet(**stamp(0), purpose=todo.purpose, split=dict(seen.split))


def deployed(small: Small, todo: Todo) -> Small:
    if any(name == todo.release for name, _, _ in small.serving):
        return small
    return replace(small, serving=(*small.serving, (todo.release, todo.version, 0)))


def run_ends(one: Release | None, todo: Todo) -> Iterator[tuple[str, Event]]:
    """How the run may have ended, as far as it makes a difference."""
    results: dict[str, Any] = {"completed": {}}
    if one is not None and one.state == "judging":
        champion = 6000.0 if one.against else None
        better = evidence(3000.0, champion, version=one.against, lower=1.0).result
        results = {"passes": better, "is held": {}}
    elif one is not None and one.state == "certifying":
        results = {"passes": CERTIFICATE, "is held": {}}
    for label, result in results.items():
        yield (
            label,
            events.RunEnded(**stamp(0), run_id=todo.run, status="completed", result=result, report=f"r{todo.run}"),
        )
    yield "failed", events.RunEnded(**stamp(0), run_id=todo.run, status="failed")


def stamp(number: int) -> dict[str, Any]:
    return {"id": "c", "at": NOW, "command": number}
