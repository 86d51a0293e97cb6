"""The fold: what comes early, what raises, what waits while paused, two workers, lost answers."""

from __future__ import annotations

import contextlib
import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from shared import events
from shared.storage.port import RowChanged, RowExists, StorageBusy
from tests.histories.oracle import check_platform, check_rows
from tests.world import World, evidence

WAITING = ("!2in:", "!3out:")


def _waiting(world: World) -> int:
    return len(world.table.page("m", *WAITING, 1000))


def _early(world: World) -> None:
    """A foreign version is registered while ours is being registered, which then never comes to be."""
    world.drop("rows")
    world.until("registering")
    world.registry.busy = True
    world.settle()
    assert world.states() == {"m-0001": "registering"}
    world.register_by_hand()
    world.app.fold.advance("m")


def test_an_event_that_names_what_we_may_be_making_waits_for_it(world: World) -> None:
    _early(world)
    assert world.head().early == 1
    world.registry.busy = False
    world.wait(timedelta(minutes=2))
    assert world.head().early == 0
    assert _answers(world, "ModelRegistered") == ["early", "taken"]


def _answers(world: World, kind: str) -> list[str]:
    lines = [json.loads(line) for line in world.app.book.journal("m")]
    return [line["answer"] for line in lines if line["event"]["kind"] == kind]


def test_a_drop_right_after_the_first_publish_is_not_lost(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish()
    world.drop("rows")
    world.settle()
    assert world.head().next_file == 2
    assert world.app.book.unrouted() == []


def test_the_first_publish_is_decided_before_what_came_ahead_of_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.app.book.list_model("m")
    world.drop("rows")
    world.ask(events.PauseRequested)
    world.now += timedelta(minutes=5)
    world.publish()
    world.settle()
    assert world.head().paused
    assert world.head().basket.causes == ()


def test_what_came_early_survives_a_pause_that_is_longer_than_its_patience(world: World) -> None:
    _early(world)
    world.ask(events.PauseRequested)
    world.settle()
    world.now += timedelta(hours=2)
    world.registry.busy = False
    world.ask(events.ResumeRequested)
    world.settle()
    assert world.head().dead == 0
    assert world.head().early == 0
    assert "m-0002" in world.states()


def test_a_paused_model_with_a_full_inbox_does_not_ring_itself_for_ever(world: World) -> None:
    world.ask(events.PauseRequested)
    world.settle()
    for number in range(30):
        world.drop(f"rows {number}", name=f"f{number}")
    assert world.app.fold.advance("m").more is False
    world.ask(events.ResumeRequested)
    world.settle()
    assert world.head().next_file == 31


def test_what_waited_in_the_outbox_is_rung_for_when_the_pause_ends(world: World) -> None:
    world.drop("rows")
    world.app.fold.advance("m")
    world.ask(events.PauseRequested)
    world.app.fold.advance("m")
    world.app.performer.perform("m")
    world.ask(events.ResumeRequested)
    world.bells.rung.clear()
    world.app.fold.advance("m")
    assert ("perform", "m", timedelta(0)) in world.bells.rung


def test_a_pause_moves_the_deadline_of_a_roll_back(world: World) -> None:
    world.go_live()
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    world.ask(events.RollbackRequested)
    world.app.fold.advance("m")
    world.ask(events.PauseRequested)
    world.settle()
    world.now += timedelta(hours=2)
    world.ask(events.ResumeRequested)
    world.app.fold.advance("m")
    rollback = world.head().rollback
    assert rollback is not None
    assert rollback.deadline == world.now + timedelta(minutes=10)


@pytest.mark.parametrize("fault", [StorageBusy, RowChanged, RowExists])
def test_a_commit_whose_answer_was_lost_is_recorded_once(world: World, fault: type[Exception]) -> None:
    world.drop("rows")
    lost = iter([True, False, True, False, True])

    def trap(call: str) -> None:
        if call == "after write" and next(lost, False):
            raise fault("lost", next="ask again")  # type: ignore[call-arg]

    world.table.trap = trap
    for _ in range(20):
        with contextlib.suppress(StorageBusy, RowChanged, RowExists):
            world.settle()
        world.now += timedelta(seconds=95)
    assert world.states() == {"m-0001": "awaiting approval"}
    check_rows(world)
    check_platform(world)


@pytest.mark.parametrize("seed", range(10))
def test_two_workers_of_one_model_make_everything_once(world: World, seed: int) -> None:
    other = World(
        world.home,
        table=world.table,
        bells=world.bells,
        blobs=world.blobs,
        trainer=world.trainer,
        registry=world.registry,
        endpoints=world.endpoints,
    )
    for number in range(12):
        world.drop(f"rows {seed} {number}", name=f"f{number}")
    errors: list[Exception] = []

    def work(one: World) -> None:
        for _ in range(60):
            try:
                one.app.fold.advance("m")
                one.app.performer.perform("m")
            except Exception as error:  # noqa: BLE001 - any is a failure of the test
                errors.append(error)

    workers = [threading.Thread(target=work, args=(one,)) for one in (world, other)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    world.now += timedelta(seconds=95)
    world.wait(timedelta(minutes=5))
    assert [error for error in errors if not isinstance(error, RowChanged)] == []
    assert world.head().next_file == 13
    check_rows(world)
    check_platform(world)


def test_an_event_that_nobody_foresaw_is_tried_thrice_and_set_aside(world: World) -> None:
    event = events.ModelPublished(id="no such folder", at=world.now, by="author", folder="f" * 16)
    world.accept("m", event)
    world.drop("rows")
    world.settle()
    assert _waiting(world) == 0
    assert world.head().dead == 1
    assert world.states() == {"m-0001": "awaiting approval"}
    assert [key for key, _ in world.app.book.dead("m")] == ["dead:no such folder"]


def test_the_worst_twenty_events_stay_within_one_transaction(world: World) -> None:
    for number in range(20):
        event = events.ModelPublished(id=f"lost {number}", at=world.now, by="author", folder=f"{number:016d}")
        world.accept("m", event)
    for number in range(30):
        world.drop(f"rows {number}", name=f"f{number}")
    while world.app.fold.advance("m").more:
        pass
    world.settle()
    assert world.head().dead == 20
    assert world.head().next_file == 31
    check_rows(world)


def test_a_ring_lost_after_the_event_was_recorded_is_rung_by_the_sweep(world: World) -> None:
    world.app.book.record("m", events.RetrainRequested(id="quiet", at=world.now, by="operations"))
    world.bells.rung.clear()
    world.restart()
    world.app.sweeper.sweep()
    assert ("advance", "m", timedelta(0)) in world.bells.rung


def test_one_unreadable_head_keeps_the_sweep_from_nobody(world: World) -> None:
    world.publish("a")
    world.settle("a")
    world.app.sweeper.sweep()
    world.table.rows[("a", "!0head")] = ("not json", 10_000)
    world.drop("rows")
    world.app.fold.advance("m")
    world.now += timedelta(minutes=1)
    world.bells.rung.clear()
    assert world.app.sweeper.sweep() == 2
    assert ("perform", "m", timedelta(0)) in world.bells.rung
