"""Random histories: events permuted, repeated and lost, the process crashed between any two storage calls.

Four oracles, none of them the code's own bookkeeping: the end is the orderly run's end; folding the journal
again gives the stored rows; the platform saw each run, version and deployment once; every line chains.
A failing seed is printed by pytest's parameter and repeats exactly.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared import events, journal
from shared.errors import BatonError
from shared.rebuild import rebuild
from tests.world import World, evidence

SEEDS = int(os.environ.get("BATON_HISTORIES", "300"))
CRASH_SHARE = 0.02
Deliver = Callable[[World], object]


class Crash(BaseException):
    """The process ends here."""


def _crasher(chance: random.Random, armed: list[bool]) -> Callable[[str], None]:
    def trap(call: str) -> None:
        if armed[0] and chance.random() < CRASH_SHARE:
            raise Crash(call)

    return trap


def _deliveries(world: World) -> list[Deliver]:
    """Three drops, one of them bad and one a copy, a foreign version and a drift alert; each can be delivered often."""
    blobs = [("m/a.csv", b"rows a"), ("m/b.csv", b"bad rows"), ("m/c.csv", b"rows a"), ("m/d.csv", b"rows d")]
    landed = [
        world.blob_created(name, world.blobs.drop("incoming", name, content), len(content)) for name, content in blobs
    ]
    return [lambda w, one=one: w.app.intake.receive(one) for one in landed]  # type: ignore[misc]


def _survive(world: World, act: Deliver) -> bool:
    """Do one thing as a process that may crash in it; True if it came through."""
    try:
        act(world)
    except Crash:
        world.restart()
        return False
    except BatonError:
        return False
    return True


def _history(home: Path, seed: int) -> World:
    """One history: shuffled deliveries, each repeated up to five times, with crashes, until all came through."""
    chance = random.Random(seed)
    armed = [False]
    world = World(home)
    world.publish(files=2, quiet=86400)
    world.settle()
    deliveries = _deliveries(world)
    trap = _crasher(chance, armed)
    world.table.trap = world.bells.trap = world.blobs.trap = trap
    armed[0] = True
    todo = [act for act in deliveries for _ in range(chance.randint(1, 5))]
    chance.shuffle(todo)
    while todo:
        act = todo.pop()
        if not _survive(world, act):
            todo.insert(0, act)  # Event Grid delivers again
        if chance.random() < 0.5:
            _survive(world, lambda w: w.settle())
            world.now += timedelta(seconds=chance.choice([0, 1, 95]))
    for _ in range(200):
        world.now += timedelta(seconds=95)
        if _survive(world, lambda w: w.settle()):
            break
    armed[0] = False
    world.wait(timedelta(minutes=10), step=timedelta(seconds=95))
    return world


def _orderly(home: Path) -> World:
    world = World(home)
    world.publish(files=2, quiet=86400)
    world.settle()
    for act in _deliveries(world):
        act(world)
    world.settle()
    world.wait(timedelta(minutes=10), step=timedelta(seconds=95))
    return world


def _end(world: World) -> tuple[object, ...]:
    """What must not depend on order, repetition or crashes."""
    files = world.app.book.files("m", world.head().next_file - 1)
    started = sorted(run.run_id for run in world.trainer.started)
    seen = world.endpoints.look("m")
    versions = [version.version for version in world.registry.versions("m")]
    return (
        dict(world.states()),
        sorted(file.sha256 for file in files),
        started,
        versions,
        sorted(deployment.name for deployment in seen.deployments) if seen else [],
        world.head().outstanding,
        world.head().dead,
    )


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_history_of_repeats_disorder_and_crashes_ends_like_the_orderly_one(tmp_path: Path, seed: int) -> None:
    orderly = _orderly(tmp_path / "orderly")
    world = _history(tmp_path / "history", seed)
    assert _end(world) == _end(orderly)
    _check_journal(world)


def _check_journal(world: World) -> None:
    lines = world.app.book.journal("m")
    assert journal.first_break(lines) is None
    head, opened, _ = rebuild("m", lines, world.app.parts.rules)
    stored = world.app.book.read("m")
    assert head is not None
    assert stored.head is not None
    assert head == replace(stored.head, wake_at=None)
    assert opened == dict(stored.releases)
    decided = [journal.read(line)["event"]["id"] for line in lines]
    assert len(decided) == len(set(decided))


def test_approvals_roll_backs_and_drift_survive_crashes(tmp_path: Path) -> None:
    for seed in range(40):
        chance = random.Random(seed)
        armed = [False]
        world = World(tmp_path / str(seed))
        world.publish()
        world.settle()
        world.table.trap = world.bells.trap = world.blobs.trap = _crasher(chance, armed)
        first = _crashing_live(world, armed, b"rows a", None)
        second = _crashing_live(world, armed, b"rows b", evidence(2500.0, 3000.0))
        armed[0] = True
        while not _survive(world, lambda w: w.ask(events.RollbackRequested)):
            pass
        _crashing_settle(world, armed)
        assert world.states() == {first: "replaced", second: "rolled back"}, seed
        assert world.endpoints.look("m").split == {first: 100}, seed  # type: ignore[union-attr]
        _check_journal(world)


def _crashing_settle(world: World, armed: list[bool]) -> None:
    armed[0] = True
    for _ in range(30):
        _survive(world, lambda w: w.settle())
        world.now += timedelta(seconds=95)
    armed[0] = False
    world.wait(timedelta(minutes=10), step=timedelta(seconds=95))


def _crashing_live(world: World, armed: list[bool], content: bytes, judged: object) -> str:
    if judged is not None:
        world.trainer.script["judge"] = judged  # type: ignore[assignment]
    name = f"m/{content.decode().replace(' ', '-')}.csv"
    event = world.blob_created(name, world.blobs.drop("incoming", name, content), len(content))
    armed[0] = True
    while not _survive(world, lambda w: w.app.intake.receive(event)):
        pass
    _crashing_settle(world, armed)
    release = world.head().shipping
    world.decide(release)
    _crashing_settle(world, armed)
    assert world.release(release).state == "live", world.release(release)
    return release
