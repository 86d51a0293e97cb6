"""What stands before an event of the crash matrix, and the ways in which one begins."""

from __future__ import annotations

from collections.abc import Callable

from shared import events, names, wire
from tests.crashes.installation import Installation
from tests.world import World, evidence

Begin = Callable[[World], object]
Prepare = Callable[[Installation], Begin]


def published(run: Installation, **rules: object) -> World:
    run.world.publish(**rules)
    run.work()
    return run.world


def drop(world: World, content: str, name: str = "") -> wire.Delivered:
    """A file that somebody wrote, and its event, which nobody delivered yet."""
    blob = f"m/{name or names.digest(content)[:8]}.csv"
    return world.blob_created(blob, world.blobs.drop("incoming", blob, content.encode()), len(content))


def received(delivered: wire.Delivered) -> Begin:
    return lambda world: world.app.intake.receive(delivered)


def accepted(event: events.Event) -> Begin:
    return lambda world: world.accept("m", event)


def rings(queue: str) -> Begin:
    """The ring of what waits. The process that answered it may be gone, and then only the sweep rings again."""
    return lambda world: world.app.bells.ring(queue, "m")


def asked(kind: type[events.PersonEvent], world: World, **fields: object) -> Begin:
    return accepted(kind(id=f"asked {kind.__name__}", at=world.now, by="operations", why="because", **fields))  # type: ignore[arg-type]


def live(run: Installation) -> World:
    """m-0001 serves."""
    world = published(run)
    _take_live(run, "rows")
    return world


def two_live(run: Installation) -> World:
    """m-0002 serves, m-0001 is kept warm."""
    world = live(run)
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    _take_live(run, "more rows")
    return world


def _take_live(run: Installation, content: str) -> None:
    world = run.world
    world.app.intake.receive(drop(world, content))
    run.until(lambda seen: bool(seen.head().shipping))
    release = world.head().shipping
    world.decide(release)
    run.until(lambda seen: seen.release(release).state == "live")


def awaiting(run: Installation) -> World:
    """m-0001 waits for approval."""
    world = published(run)
    world.app.intake.receive(drop(world, "rows"))
    run.until(lambda seen: bool(seen.head().shipping))
    return world


def second_approved(run: Installation) -> World:
    """m-0001 serves, m-0002 is approved and nothing of its roll-out is done."""
    world = live(run)
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.app.intake.receive(drop(world, "more rows"))
    run.until(lambda seen: bool(seen.head().shipping))
    world.decide(world.head().shipping)
    return world


def of_command(kind: str) -> Prepare:
    """A first release, up to its first command of this kind."""

    def prepare(run: Installation) -> Begin:
        world = published(run)
        world.app.intake.receive(drop(world, "rows"))
        run.until_waits(kind)
        return rings("perform")

    return prepare
