"""The ledger's rows: what has no room is refused or cut where it begins, so that no row ever stops a model."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared import events
from shared.errors import EventRefused
from shared.storage.port import BODY_LIMIT
from shared.table.room import EVENT_ROOM, TEXT_ROOM, cut, stored_size
from tests.fakes.platform import Outcome
from tests.world import World

LONGEST_WHY = "\U0001f9ea" * 1000  # a thousand signs that take 12 characters each in a row


def test_an_event_that_has_no_room_is_refused_before_it_is_stored(world: World) -> None:
    event = events.RetrainRequested(id="big", at=world.now, by="x", why="w" * EVENT_ROOM)
    with pytest.raises(EventRefused, match="characters"):
        world.app.book.record("m", event)
    assert world.table.page("m", "!2in:", "!3", 10) == []


def test_the_longest_reason_in_the_largest_signs_is_decided_and_journalled(world: World) -> None:
    world.drop("rows")
    world.settle()
    for kind in (events.RetrainRequested, events.PauseRequested, events.ResumeRequested, events.RollbackRequested):
        world.accept("m", kind(id=kind.__name__, at=world.now, by="operations", why=LONGEST_WHY))
    world.settle()
    assert world.table.page("m", "!2in:", "!3", 10) == []
    assert world.head().dead == 0
    assert all(len(body) <= BODY_LIMIT for body, _ in world.table.rows.values())


def test_a_storm_of_foreign_versions_leaves_the_head_small(world: World) -> None:
    world.go_live()
    world.publish(budget=1, alpha=7)
    world.settle()
    for _ in range(200):
        world.register_by_hand()
        world.settle()
    assert len(world.head().basket.causes) <= 25
    assert len(world.table.rows[("m", "!0head")][0]) <= 16 * 1024


def test_a_run_that_logs_a_thousand_metrics_stops_nobody(world: World) -> None:
    metrics = {f"metric_{number:04d}": 1.0 for number in range(1000)}
    world.trainer.script["train"] = Outcome(result={"v": 1, "metrics": metrics})
    world.drop("rows")
    world.wait(timedelta(minutes=2))
    assert set(world.states().values()) <= {"failed", "awaiting approval"}
    assert world.head().outstanding == 0


@pytest.mark.parametrize("metrics", [{"mse": "low"}, ["mse"], None, {"mse": float("nan")}, {"mse": True}])
def test_metrics_that_are_no_numbers_are_left_out(world: World, metrics: object) -> None:
    world.trainer.script["train"] = Outcome(result={"v": 1, "metrics": metrics})
    world.drop("rows")
    world.settle()
    assert world.states() == {"m-0001": "awaiting approval"}


def test_more_models_than_a_page_are_all_swept(world: World) -> None:
    names = [f"m{number}" for number in range(1200)]
    for name in names:
        world.app.book.list_model(name)
    assert world.app.book.models() == sorted(["m", *names])


@pytest.mark.parametrize("text", ["plain", "ä" * 2000, "\n" * 2000, '"' * 2000, LONGEST_WHY])
def test_a_cut_text_has_room_in_its_stored_form(text: str) -> None:
    assert stored_size(cut(text)) <= TEXT_ROOM + 8
    assert text.startswith(cut(text).removesuffix("\u2026"))
