"""Taking events in: acknowledged once recorded, recorded once, and never acknowledged if storage could not record it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.storage.port import StorageBusy
from tests.world import World


def busy(call: str) -> None:
    """Storage that answers nothing."""
    raise StorageBusy("table storage does not answer", next="wait")


def answers(call: str) -> None:
    """Storage as it should be."""


def test_a_refused_event_is_one_row_however_often_it_comes(world: World) -> None:
    bad = replace(world.blob_created("m/a.csv", "1", 4), type="Sample.Happened")
    for _ in range(3):
        world.app.intake.receive(bad)
    (row,) = world.app.book.unrouted()
    assert row["reason"] == "type 'Sample.Happened' is none that Baton takes"
    assert row["next"].startswith("nothing, unless it was ours")


def test_a_drop_for_an_unpublished_model_says_what_to_publish(world: World) -> None:
    world.drop("rows", model="wine", name="a")
    (row,) = world.app.book.unrouted()
    assert row["reason"] == "no model is published under the name wine"
    assert "`baton publish models/wine`" in row["next"]


def test_the_latest_refused_events_are_the_ones_that_are_shown(world: World) -> None:
    """Their keys are hashes, so the first of a list by key are any."""
    for number in range(120):
        world.now += timedelta(seconds=1)
        world.app.intake.receive(replace(world.blob_created("m/a.csv", "1", 4), type="Sample", subject=f"s{number}"))
    shown = [str(row["subject"]) for row in world.app.book.unrouted()]
    assert shown == [f"s{number}" for number in range(119, 19, -1)]


def test_half_characters_in_a_refused_event_can_be_shown(world: World) -> None:
    world.app.intake.receive(replace(world.blob_created("m/a.csv", "1", 4), subject="\ud800"))
    (row,) = world.app.book.unrouted()
    assert row["subject"].encode() == b"?"


@pytest.mark.parametrize("name", ["m", "wine"])
def test_an_event_that_cannot_be_recorded_fails_its_delivery_and_comes_again(world: World, name: str) -> None:
    delivered = world.blob_created(f"{name}/a.csv", world.blobs.drop("incoming", f"{name}/a.csv", b"rows"), 4)
    world.table.trap = busy
    with pytest.raises(StorageBusy):
        world.app.intake.receive(delivered)
    world.table.trap = answers
    world.app.intake.receive(delivered)
    world.settle()
    assert (world.head().next_file, len(world.app.book.unrouted())) == ((2, 0) if name == "m" else (1, 1))
