"""A world in which 0.1.0 lived the first part of a random history, and whose process is today's code."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared import events
from tests.compat.old import OldWorld
from tests.world import World, evidence

BY_THE_WORLD = (timedelta(0), timedelta(seconds=1), timedelta(seconds=95), timedelta(minutes=10))


def first_half(home: Path, seed: int, *, acts: int = 12, **ports: Any) -> OldWorld:
    """A world with model `m` in which 0.1.0 lived so many random acts, upgraded then: its `app` is today's.

    `ports` are the fakes to use (`table=`, `trainer=`, `endpoints=`, ...), as `World` takes them. The same seed makes the
    same half. Releases that a person approved stand in `approved`, for oracles that must know them.
    """
    world = OldWorld(home, **ports)
    world.publish(files=1 + seed % 2, quiet=60)
    world.settle()
    chance = random.Random(seed)
    for _ in range(acts):
        chance.choice(ACTS)(world, chance)
        if chance.random() < 0.7:
            world.settle()
        world.now += chance.choice(BY_THE_WORLD)
    world.upgrade()
    return world


def _drop(world: World, chance: random.Random) -> None:
    world.drop(f"rows {chance.randint(1, 9)}", name=f"f{chance.randint(1, 9)}")


def _bad(world: World, chance: random.Random) -> None:
    world.drop("bad rows")


def _drift(world: World, chance: random.Random) -> None:
    world.drift(run=f"d{chance.randint(1, 50)}")


def _register(world: World, chance: random.Random) -> None:
    world.register_by_hand()


def _publish(world: World, chance: random.Random) -> None:
    world.publish(alpha=chance.randint(1, 4))


def _decide(world: World, chance: random.Random) -> None:
    shipping = world.head().shipping
    if shipping and world.release(shipping).state == "awaiting approval":
        world.decide(shipping, approve=chance.random() < 0.8)


def _ask(world: World, chance: random.Random) -> None:
    kind = chance.choice([events.RollbackRequested, events.PauseRequested, events.ResumeRequested])
    world.ask(kind)


def _better(world: World, chance: random.Random) -> None:
    world.trainer.script["judge"] = evidence(chance.choice([2400.0, 2990.0]), 3000.0, v=1)


ACTS: Sequence[Callable[[World, random.Random], None]] = (
    _drop,
    _drop,
    _bad,
    _drift,
    _register,
    _publish,
    _decide,
    _decide,
    _decide,
    _ask,
    _better,
)
