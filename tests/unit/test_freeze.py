"""The freeze of everything, and how it meets pauses, deadlines, crashes, new models and roll-outs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Literal

import pytest

from shared import events
from tests.fakes.platform import Outcome
from tests.fakes.trapped import Call, Crash, no_trap
from tests.histories.oracle import check_platform, check_rows
from tests.world import World, evidence

HOUR = timedelta(hours=1)


def _freeze(world: World, identity: str = "f1") -> None:
    world.app.freezer.freeze(identity, "operations", "incident 42")
    world.settle()


def _unfreeze(world: World, identity: str = "u1") -> None:
    world.app.freezer.unfreeze(identity, "operations", "incident 42 is over")
    world.settle()


def _split(world: World) -> dict[str, int]:
    seen = world.endpoints.look("m")
    return seen.split if seen else {}


def _rolling(world: World) -> None:
    """m-0001 serves, m-0002 has its first ten percent."""
    world.go_live()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    world.decide("m-0002")
    world.settle()
    assert _split(world) == {"m-0002": 10, "m-0001": 90}


def test_events_are_recorded_while_nothing_is_done_and_go_on_in_order_afterwards(world: World) -> None:
    _freeze(world)
    for number in range(3):
        world.drop(f"rows {number}", name=f"f{number}")
    world.wait(HOUR, step=timedelta(minutes=10))
    assert world.states() == {}
    assert world.head().next_file == 1

    _unfreeze(world)

    assert [file.blob for file in world.app.book.files("m", 3)] == [f"incoming/m/f{n}.csv" for n in range(3)]
    assert world.states()
    check_rows(world)


def test_another_process_does_nothing_more_after_a_second(world: World) -> None:
    world.drop("rows")
    world.app.fold.advance("m")
    other = world.worker()
    assert other.performer.perform("nobody") == 0
    world.app.freezer.freeze("f1", "operations", "incident 42")

    world.now += timedelta(seconds=1)

    assert other.performer.perform("m") == 0


def test_a_freeze_holds_from_the_next_command_on(world: World) -> None:
    world.drop("one", name="one")
    world.drop("two", name="two")
    world.app.fold.advance("m")
    check = world.checker
    assert check is not None

    def freeze_in_between(file: object, contract: object) -> object:
        world.worker().freezer.freeze("f1", "operations", "incident 42")
        world.now += timedelta(seconds=1)
        return check(file, contract)  # type: ignore[arg-type]

    world.checker = freeze_in_between  # type: ignore[assignment]
    world.restart()
    assert world.app.performer.perform("m") == 1
    world.settle()
    assert world.head().outstanding >= 1
    check_rows(world)


def test_every_deadline_moves_by_the_length_of_the_freeze(world: World) -> None:
    world.drop("rows")
    world.settle()
    asked = world.release("m-0001")
    assert asked.state == "awaiting approval"
    assert asked.deadline is not None
    _freeze(world)
    world.wait(HOUR * 30, step=HOUR)
    _unfreeze(world)

    later = world.release("m-0001")

    assert (later.state, later.deadline) == ("awaiting approval", asked.deadline + HOUR * 30)
    check_rows(world)


def test_the_champion_before_is_kept_warm_longer_by_the_freeze(world: World) -> None:
    world.go_live()
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    warm = world.head().warm_until
    assert warm is not None
    _freeze(world)
    world.wait(HOUR * 30, step=HOUR)
    world.ask(events.RollbackRequested)
    _unfreeze(world)
    assert _split(world) == {"m-0001": 100}


def test_a_freeze_that_is_decided_late_still_holds_up_what_was_due_meanwhile(world: World) -> None:
    world.drop("rows")
    world.settle()
    world.app.freezer.freeze("f1", "operations", "incident 42")
    world.now += HOUR * 25  # the functions were down

    world.settle()
    assert world.states() == {"m-0001": "awaiting approval"}
    _unfreeze(world)
    world.wait(HOUR * 23, step=HOUR)
    assert world.states() == {"m-0001": "awaiting approval"}
    world.wait(HOUR * 2, step=HOUR)
    assert world.states() == {"m-0001": "expired"}
    check_rows(world)


def test_a_model_published_during_the_freeze_stands_still_too(world: World) -> None:
    _freeze(world)
    world.publish("n")
    world.settle("n")
    world.drop("rows", model="n")
    world.settle("n")
    world.app.sweeper.sweep()
    world.settle("n")
    assert world.head("n").is_frozen
    assert world.states("n") == {}

    _unfreeze(world)
    world.settle("n")

    assert world.states("n") == {"n-0001": "awaiting approval"}
    check_rows(world, "n")


def test_a_freeze_survives_a_restart(world: World) -> None:
    _freeze(world)
    world.drop("rows")
    world.restart()
    world.wait(timedelta(minutes=10))
    assert world.states() == {}


@pytest.mark.parametrize("action", ["freeze", "unfreeze"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", range(4))
def test_models_that_a_crash_left_untold_are_told_by_the_sweep(
    world: World, action: str, when: Literal["before", "after"], nth: int
) -> None:
    world.publish("n")
    world.settle("n")
    if action == "unfreeze":
        _freeze(world)
        world.settle("n")
    writes = itertools.count()

    def crash(now: Literal["before", "after"], call: Call) -> None:
        if str(call) == "table.write" and now == when and next(writes) == nth:
            raise Crash(str(call))

    world.trap = crash
    act: dict[str, Callable[[], object]] = {
        "freeze": lambda: world.app.freezer.freeze("f1", "operations", "why"),
        "unfreeze": lambda: world.app.freezer.unfreeze("u1", "operations", "why"),
    }
    try:
        act[action]()
    except Crash:
        world.restart()
    world.trap = no_trap
    freeze = world.app.freezer.last()
    holds = freeze is not None and freeze.holds
    world.app.sweeper.sweep()
    for model in ("m", "n"):
        world.settle(model)
        assert world.head(model).is_frozen is holds, model
        assert world.head(model).is_still is holds, model
        check_rows(world, model)


ACTS: dict[str, Callable[[World], object]] = {
    "pause": lambda world: world.ask(events.PauseRequested),
    "resume": lambda world: world.ask(events.ResumeRequested),
    "freeze": lambda world: world.app.freezer.freeze(f"f{world.now}", "operations", "incident"),
    "unfreeze": lambda world: world.app.freezer.unfreeze(f"u{world.now}", "operations", "over"),
}


@pytest.mark.parametrize("order", sorted(set(itertools.permutations(ACTS))))
def test_pause_and_freeze_overlap_in_any_order_and_both_must_end(world: World, order: tuple[str, ...]) -> None:
    """The deadline moves by the hours in which, by hand, at least one of the two held."""
    world.drop("rows")
    world.settle()
    deadline = world.release("m-0001").deadline
    assert deadline is not None
    holds, still = {"pause": False, "freeze": False}, timedelta(0)
    for act in order:
        ACTS[act](world)
        world.settle()
        holds["pause"] = {"pause": True, "resume": False}.get(act, holds["pause"])
        holds["freeze"] = {"freeze": True, "unfreeze": False}.get(act, holds["freeze"])
        assert world.head().is_still is any(holds.values()), act
        world.now += HOUR
        still += HOUR * any(holds.values())
    for act in ("resume", "unfreeze"):
        ACTS[act](world)
        world.settle()
    assert world.head().is_still is False
    assert world.head().paused_at is None
    assert world.release("m-0001").deadline == deadline + still
    check_rows(world)


def test_an_end_that_is_heard_before_its_beginning_leaves_nothing_frozen(world: World) -> None:
    world.accept("m", events.FreezeEnded(id="e", at=world.now, by="operations", why="over", number=1))
    world.settle()
    world.accept("m", events.FreezeBegan(id="b", at=world.now, by="operations", why="w", number=1, since=world.now))
    world.settle()
    assert world.head().is_still is False
    check_rows(world)


def test_a_second_freeze_whose_predecessors_end_was_lost_is_ended_by_its_own_end(world: World) -> None:
    for number in (1, 2):
        began = events.FreezeBegan(
            id=f"b{number}", at=world.now, by="operations", why="w", number=number, since=world.now
        )
        world.accept("m", began)
        world.settle()
    world.accept("m", events.FreezeEnded(id="e1", at=world.now, by="operations", why="over", number=1))
    world.settle()
    assert world.head().is_still is True
    world.accept("m", events.FreezeEnded(id="e2", at=world.now, by="operations", why="over", number=2))
    world.settle()
    assert world.head().is_still is False
    check_rows(world)


def test_a_running_roll_out_stays_where_it_is(world: World) -> None:
    _rolling(world)
    _freeze(world)
    world.wait(HOUR * 2, step=timedelta(minutes=5))
    assert _split(world) == {"m-0002": 10, "m-0001": 90}
    assert world.release("m-0002").state == "rolling out"

    _unfreeze(world)
    world.wait(timedelta(minutes=5))

    assert world.states() == {"m-0001": "replaced", "m-0002": "live"}
    check_rows(world)
    check_platform(world)


def test_a_roll_back_asked_during_the_freeze_waits_and_then_comes_first(world: World) -> None:
    _rolling(world)
    _freeze(world)
    world.ask(events.RollbackRequested)
    world.wait(HOUR, step=timedelta(minutes=5))
    assert _split(world) == {"m-0002": 10, "m-0001": 90}

    _unfreeze(world)

    assert _split(world) == {"m-0001": 100}
    assert world.release("m-0002").state == "rolled back"
    check_rows(world)


def test_a_run_that_goes_on_meanwhile_is_counted_when_the_freeze_ends(world: World) -> None:
    world.trainer.script["train"] = Outcome("running")
    world.drop("rows")
    world.settle()
    _freeze(world)
    world.trainer.script["train"] = Outcome(result={"metrics": {"mse_train": 1.0}})
    world.wait(HOUR * 3, step=HOUR)
    assert world.states() == {"m-0001": "training"}
    _unfreeze(world)
    assert world.states() == {"m-0001": "awaiting approval"}


def test_a_second_person_who_freezes_finds_who_was_first(world: World) -> None:
    first = world.app.freezer.freeze("f1", "ann", "incident 42")
    second = world.app.freezer.freeze("f2", "bob", "incident 43")
    assert second == first
    ended = world.app.freezer.unfreeze("u1", "bob", "over")
    assert ended is not None
    world.app.freezer.freeze("f3", "bob", "incident 44")
    told = [(entry.number, entry.by, entry.ended_by) for entry in world.app.system.history()]
    assert told == [(1, "ann", ""), (1, "ann", "bob"), (2, "bob", "")]
