"""A keeper over a world's storage, and ways to tamper with what it keeps."""

from __future__ import annotations

from shared import wiring
from shared.journaling.keeper import Keeper, keeper
from shared.journaling.segments import Sizes
from shared.storage.port import Delete, Put
from tests.world import World

SMALL = Sizes(lines=6, kept=4)


def keeper_of(world: World) -> Keeper:
    """Another process that checks and mends, with nothing of the app's memory."""
    table, bells, blobs = (world.behind(getattr(world, role), role) for role in ("table", "bells", "blobs"))
    rules = wiring.published_rules(blobs)
    return keeper(table, bells, blobs, rules, clock=lambda: world.now, sizes=world.sizes)


def with_history(world: World, *, sizes: Sizes = SMALL) -> World:
    """A model that went live once, so that segments are closed, and is at rest."""
    world.sizes = sizes
    world.restart()
    world.go_live("rows one")
    return world


def put(world: World, key: str, body: str) -> None:
    """Write a row over whatever stands there."""
    world.table.write("m", [Put(key, body)])


def remove(world: World, *keys: str) -> None:
    """Take rows out."""
    for key in keys:
        row = world.table.get("m", key)
        assert row is not None, key
        world.table.write("m", [Delete(key, row.etag)])
