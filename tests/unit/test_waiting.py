"""Nothing waits in silence: what an event should have told is found out by asking, and what never fits is set aside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from shared.errors import CapacityRefused
from tests.fakes.platform import FakeRegistry
from tests.world import World


def silently(world: World, span: timedelta) -> None:
    """Let time pass while no event of the platform arrives."""
    until = world.now + span
    while world.now < until:
        world.now += timedelta(seconds=10)
        world.app.fold.advance("m")
        world.app.performer.perform("m")


def test_a_release_reaches_its_approval_though_no_event_of_the_platform_arrives(world: World) -> None:
    world.drop("rows")
    silently(world, timedelta(minutes=10))
    assert world.states() == {"m-0001": "awaiting approval"}


def test_a_deployment_that_became_healthy_unheard_is_found(world: World) -> None:
    world.endpoints.states["m-0001"] = "starting"
    world.drop("rows")
    silently(world, timedelta(minutes=10))
    assert world.states() == {"m-0001": "staging"}
    world.endpoints.states["m-0001"] = "healthy"
    silently(world, timedelta(minutes=1))
    assert world.states() == {"m-0001": "awaiting approval"}


class FullRegistry(FakeRegistry):
    """A registry with no room for our version."""

    def register(self, model: str, *, run_id: str, tags: Mapping[str, str]) -> str:
        raise CapacityRefused("no room", next="wait")


def test_an_event_that_stays_too_early_becomes_a_dead_letter_of_its_own_deadline(tmp_path: Path) -> None:
    world = World(tmp_path, registry=FullRegistry())
    world.publish()
    world.settle()
    world.drop("rows")
    world.settle()
    assert world.states() == {"m-0001": "registering"}
    world.register_by_hand()
    world.settle()
    assert world.head().early == 1
    world.wait(timedelta(hours=2), step=timedelta(minutes=5))
    ((_, letter),) = world.app.book.dead("m")
    assert letter["why"] == "it named something that never came to be"
    assert (world.head().early, world.head().dead) == (0, 1)
