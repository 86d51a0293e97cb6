"""Waiting for room on the platform: seen, bounded, journalled, and over by itself."""

from __future__ import annotations

import pickle
from datetime import timedelta

import pytest

from shared import events
from shared.errors import CapacityRefused
from shared.web.views import model_view
from tests.fakes.platform import Outcome
from tests.histories.oracle import check_platform, check_rows
from tests.world import TRAINED, World, evidence


@pytest.fixture
def full(world: World) -> World:
    """A platform without room, and a release that is about to train."""
    world.trainer.room = 0
    world.drop("rows")
    world.settle()
    return world


def test_a_release_says_that_it_waits_for_capacity_and_since_when(full: World) -> None:
    seen = full.app.book.read("m")
    shown = model_view("m", seen.head, seen.releases)
    assert shown.state == (
        "m-0001 training: waiting for capacity since 2026-03-01 12:00 UTC: start_run: 0 runs are going"
    )
    check_rows(full)


def test_waiting_uses_up_no_try_and_goes_on_by_itself(full: World) -> None:
    full.wait(timedelta(hours=5), step=timedelta(minutes=2))
    (waiting,) = [command for command, _, _ in full.app.book.commands("m") if command.kind == "start_run"]
    assert waiting.tries == 0
    assert full.states() == {"m-0001": "training"}

    full.trainer.room = 1
    full.wait(timedelta(minutes=5))

    assert full.states() == {"m-0001": "awaiting approval"}
    assert full.release("m-0001").waits_since is None
    check_rows(full)
    check_platform(full)


def test_the_deadline_goes_on_where_it_stood(full: World) -> None:
    """Ten minutes (five of the rules, five of slack) from the beginning, none of which had passed when it was refused."""
    full.trainer.script["train"] = Outcome("running")
    full.wait(timedelta(hours=5), step=timedelta(minutes=2))
    full.trainer.room = 1
    for _ in range(200):
        if full.trainer.started:
            break
        full.now += timedelta(seconds=1)
        full.settle()
    assert full.release("m-0001").deadline == full.now + timedelta(minutes=10)


def test_after_a_day_it_is_given_up_with_the_reason(full: World) -> None:
    full.wait(timedelta(hours=25), step=timedelta(minutes=10))
    ended = full.release("m-0001")
    assert ended.state == "failed"
    assert "no room since 2026-03-01T12:00+00:00: 0 runs are going" in ended.why
    assert ended.next == "docs/runbook.md#capacity"
    assert full.head().outstanding == 0
    check_rows(full)


def test_it_asks_seldom_and_no_sooner_than_it_was_told_to(full: World) -> None:
    asked: list[int] = []
    start = full.trainer.start

    def counted(request: object) -> None:
        asked.append(1)
        start(request)  # type: ignore[arg-type]

    full.trainer.start = counted  # type: ignore[assignment]
    full.wait(timedelta(hours=1), step=timedelta(seconds=5))
    assert 24 <= len(asked) <= 36  # 3600 s in pauses of 120 to 150 s, and the few short ones at the beginning

    asked.clear()
    full.trainer.asks_seconds = 600.0
    full.wait(timedelta(hours=1), step=timedelta(seconds=5))
    assert len(asked) <= 7


def test_many_models_do_not_come_back_at_the_same_moment(world: World) -> None:
    world.trainer.room = 0
    models = [f"n{number}" for number in range(20)]
    for model in models:
        world.publish(model)
        world.settle(model)
        world.drop(f"rows of {model}", model=model)
        world.settle(model)
    dues = {command.due for model in models for command, _, _ in world.app.book.commands(model)}
    assert len(dues) > 10


def test_a_crash_between_refusal_and_its_record_changes_nothing(world: World) -> None:
    world.trainer.room = 0
    world.drop("rows")
    world.app.fold.advance("m")
    world.app.performer.perform("m")
    (entry,) = [one for one in world.app.book.outbox("m").entries if one.command.kind == "start_run"]
    world.app.book.claim("m", entry, world.now + timedelta(seconds=90))
    world.restart()
    world.now += timedelta(seconds=91)
    world.settle()
    lines = [line for line in world.app.book.journal("m") if "CapacityAwaited" in line]
    assert len(lines) == 1
    check_rows(world)


def test_a_freeze_over_a_wait_for_capacity_keeps_both(full: World) -> None:
    full.app.freezer.freeze("f", "operations", "incident")
    full.wait(timedelta(hours=10), step=timedelta(hours=1))
    full.app.freezer.unfreeze("u", "operations", "over")
    full.trainer.room = 1
    full.wait(timedelta(minutes=10))
    assert full.states() == {"m-0001": "awaiting approval"}
    check_rows(full)


def test_a_judge_run_waits_like_a_training_run(world: World) -> None:
    world.trainer.script["train"] = Outcome("running")
    world.drop("rows")
    world.settle()
    world.trainer.room = 0
    world.trainer.script |= {"train": TRAINED, "judge": evidence(3000.0)}
    world.wait(timedelta(minutes=30))
    waiting = world.release("m-0001")
    assert (waiting.state, waiting.waits_for) == ("judging", "start_run: 0 runs are going")
    world.ask(events.RetrainRequested)
    world.trainer.room = 1
    world.wait(timedelta(minutes=5))
    assert world.release("m-0001").state in ("awaiting approval", "superseded")
    check_rows(world)


def test_a_refusal_survives_being_carried_between_processes() -> None:
    carried = pickle.loads(pickle.dumps(CapacityRefused("full", next="wait", after_seconds=7.0)))  # noqa: S301 - our own
    assert (carried.what, carried.next, carried.after_seconds) == ("full", "wait", 7.0)
