"""The circuit breaker: a silent platform is asked seldom, by one at a time, and everything goes on by itself afterwards."""

from __future__ import annotations

import itertools
import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from shared import events
from shared.performing import breaker
from shared.performing.breakers import ROW, Breakers
from shared.state import Command
from shared.table.system import SYSTEM, System
from tests.fakes.trapped import Call, Crash, no_trap
from tests.histories.oracle import check_platform, check_rows
from tests.histories.platform import TimedBells
from tests.world import BEGIN, World, evidence

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=90)


class Counted:
    """When each call of a platform was made; given to a fake in place of its own methods."""

    def __init__(self, world: World, platform: object, *methods: str) -> None:
        self.at: list[datetime] = []
        for method in methods:
            setattr(platform, method, self._counted(world, getattr(platform, method)))

    def _counted(self, world: World, real: Any) -> Any:
        def asked(*given: Any, **named: Any) -> Any:
            self.at.append(world.now)
            return real(*given, **named)

        return asked

    def in_minute(self, number: int) -> int:
        """How many calls the n-th minute since the beginning had."""
        return sum(BEGIN + number * MINUTE <= at < BEGIN + (number + 1) * MINUTE for at in self.at)


def _turn(world: World, bells: TimedBells, models: list[str], until: datetime) -> None:
    """Answer rings as they come due, and nothing else: no sweep helps."""
    while True:
        taken = [(model, ring) for model in models if (ring := bells.take(model))]
        for model, ring in taken:
            act = world.app.fold.advance if ring.queue == "advance" else world.app.performer.perform
            act(model)
        if not taken:
            following = bells.next_at()
            if following is None or following > until:
                world.now = until
                return
            world.now = max(world.now, following)


@pytest.fixture
def silent(world: World) -> World:
    """m-0001 is about to train, and the platform does not answer any more."""
    world.trainer.busy = True
    world.drop("rows")
    world.settle()
    return world


def _row(world: World, platform: str = "training") -> breaker.Breaker | None:
    found = world.table.get(SYSTEM, ROW + platform)
    return breaker.loaded(found.body) if found else None


def _open(world: World) -> breaker.Breaker:
    """The breaker of the runs opens, as another process writes it."""
    stored = breaker.opened("training", None, world.now, "no answer")
    System(world.table, clock=lambda: world.now).keep(ROW + "training", breaker.text(stored), None)
    world.now += SECOND
    return stored


def _storm(world: World) -> breaker.Breaker:
    """As many models as open a breaker ask the silent platform once each."""
    world.trainer.busy = True
    for number in range(breaker.OPENS_AFTER):
        world.publish(f"x{number}")
        world.settle(f"x{number}")
        world.drop(f"rows {number}", model=f"x{number}")
        world.settle(f"x{number}")
    found = _row(world)
    assert found is not None, "it did not open"
    return found


def test_one_model_alone_is_given_up_after_its_tries_as_ever(silent: World) -> None:
    silent.wait(4 * MINUTE, step=SECOND)
    assert silent.states() == {"m-0001": "failed"}
    assert _row(silent) is None


def test_silences_of_many_commands_in_a_row_open_it(world: World) -> None:
    assert _storm(world).state == "open"


@pytest.mark.parametrize(("platform", "silent_minutes"), [("training", 3), ("endpoints", 15)])
def test_a_dead_platform_is_asked_seldom_and_every_model_goes_on_by_itself(
    tmp_path: Path, platform: str, silent_minutes: int
) -> None:
    bells = TimedBells(lambda: world.now)
    world = World(tmp_path, bells=bells)
    asked = (
        Counted(world, world.trainer, "start", "look", "cancel")
        if platform == "training"
        else Counted(world, world.endpoints, "deploy", "look", "set_traffic", "remove")
    )
    models = [f"n{number:02}" for number in range(50)]
    (world.trainer if platform == "training" else world.endpoints).busy = True
    for model in models:
        world.publish(model)
        _turn(world, bells, models, world.now)
        world.drop(f"rows of {model}", model=model)

    _turn(world, bells, models, BEGIN + silent_minutes * MINUTE)

    assert breaker.OPENS_AFTER <= asked.in_minute(0) <= breaker.OPENS_AFTER + 5
    assert max(asked.in_minute(number) for number in range(1, silent_minutes)) <= 2
    assert sum(len(waiting) for waiting in bells._waiting.values()) <= 4 * len(models)

    world.trainer.busy = world.endpoints.busy = False
    _turn(world, bells, models, world.now + 9 * MINUTE)

    given_up = [model for model in models if world.app.book.dead(model)]
    assert len(given_up) <= 3, "only who probed again and again"
    others = [world.states(model) for model in models if model not in given_up]
    assert {tuple(states.values()) for states in others} == {("awaiting approval",)}
    for model in models:
        check_rows(world, model)
    check_platform(world)


def test_rings_from_elsewhere_do_not_multiply_while_it_is_open(tmp_path: Path) -> None:
    bells = TimedBells(lambda: world.now)
    world = World(tmp_path, bells=bells)
    world.publish()
    world.trainer.busy = True
    world.drop("rows")
    for _ in range(60):
        bells.ring("perform", "m")
        _turn(world, bells, ["m"], world.now + timedelta(seconds=5))
    assert len(bells._waiting["m"]) <= 6


def test_waiting_uses_up_no_try(silent: World) -> None:
    opened = _open(silent)
    (before,) = [one for one, _, _ in silent.app.book.commands("m") if one.kind == "start_run"]
    silent.wait(opened.until - silent.now - SECOND, step=SECOND)
    (after,) = [one for one, _, _ in silent.app.book.commands("m") if one.kind == "start_run"]
    assert after.tries == before.tries == 1


def test_what_asks_no_platform_is_not_held_up(silent: World) -> None:
    _open(silent)
    silent.drop("more rows")
    silent.settle()
    assert silent.head().next_file == 3


def test_the_pause_grows_to_five_minutes_and_begins_anew_after_an_answer(world: World) -> None:
    at, pauses = _open(world), list[float]()
    for _ in range(8):
        pauses.append((at.until - at.at).total_seconds())
        world.now = at.until
        asks = Breakers(System(world.table, clock=lambda: world.now))
        probe = asks.enter(_command(), world.now, LEASE)
        assert probe is not None
        asks.leave(probe, "silence", world.now, "no answer")
        found = _row(world)
        assert found is not None
        at = found
    for pause, longest in zip(pauses, (15, 30, 60, 120, 240, 300, 300, 300), strict=True):
        assert longest * 0.75 <= pause <= longest
    world.now = at.until
    asks = Breakers(System(world.table, clock=lambda: world.now))
    probe = asks.enter(_command(), world.now, LEASE)
    assert probe is not None
    asks.leave(probe, "answer", world.now)
    closed = _row(world)
    assert closed is not None
    assert closed.state == "closed"
    assert breaker.opened("training", closed, world.now, "").opened == 1


def test_it_says_when_it_opens_and_when_it_closes(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="baton"):
        opened = _storm(world)
        world.trainer.busy = False
        world.now = opened.until
        world.settle("x0")
    told = [(line.levelname, line.message) for line in caplog.records if "breaker=" in line.message]
    assert [level for level, _ in told] == ["WARNING", "INFO"]
    assert "platform=training breaker=open" in told[0][1]
    assert told[0][1].endswith('next="docs/runbook.md#open-breaker"')
    assert told[1][1].startswith("platform answers again")


def test_what_the_platform_has_no_room_for_opens_nothing(world: World) -> None:
    world.trainer.room = 0
    world.drop("rows")
    world.wait(30 * MINUTE)
    assert _row(world) is None


def test_while_a_platform_answers_nothing_is_written(world: World) -> None:
    world.go_live()
    assert [key for partition, key in world.table.rows if partition == SYSTEM and key.startswith(ROW)] == []


# Races, crashes and clocks


def _command(kind: str = "start_run", **payload: Any) -> Command:
    return Command(1, kind, "m-0001", BEGIN, 5, payload)


def test_of_two_workers_that_see_the_time_has_come_one_probes(world: World) -> None:
    stored = _open(world)
    now = stored.until
    first, second = (Breakers(System(world.table, clock=lambda: now)) for _ in range(2))
    assert first.held("m", _command(), now) is None
    assert second.held("n", _command(), now) is None

    passes = [first.enter(_command(), now, LEASE), second.enter(_command(), now, LEASE)]

    assert [one is not None for one in passes] == [True, False]
    again = second.held("n", _command(), now)
    assert again is not None
    assert timedelta(0) < again - now < timedelta(seconds=15)


def test_while_one_probes_no_other_model_asks(silent: World) -> None:
    opened = _open(silent)
    silent.publish("n")
    silent.settle("n")
    silent.drop("other rows", model="n")
    silent.settle("n")
    start, asked = silent.trainer.start, list[str]()

    def probed(request: Any) -> None:
        asked.append(request.model)
        other = silent.worker()
        other.performer.perform("n")
        start(request)

    silent.trainer.start = probed  # type: ignore[method-assign]
    silent.now = opened.until
    silent.app.performer.perform("m")
    assert asked == ["m"]


def test_a_probe_that_was_never_heard_of_again_is_followed_by_another(silent: World) -> None:
    opened = _open(silent)
    silent.now = opened.until
    found = silent.table.get(SYSTEM, ROW + "training")
    assert found is not None
    died = Breakers(System(silent.table, clock=lambda: silent.now))
    assert died.enter(_command(), silent.now, LEASE)
    silent.trainer.busy = False
    silent.wait(timedelta(seconds=85), step=timedelta(seconds=5))
    assert silent.trainer.started == ()
    silent.wait(timedelta(seconds=10), step=timedelta(seconds=5))
    assert len(silent.trainer.started) >= 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", range(4))
def test_a_crash_at_any_write_of_the_breaker_stops_nobody_for_ever(
    silent: World, when: Literal["before", "after"], nth: int
) -> None:
    """Its four writes after it opened: probing, opened again; probing, closed."""
    _open(silent)
    writes, crashed = itertools.count(), list[str]()

    def crash(now: Literal["before", "after"], call: Call) -> None:
        if str(call) == "table.write" and call.given[0] == SYSTEM and now == when and next(writes) == nth:
            crashed.append(str(call))
            raise Crash(str(call))

    silent.trap = crash
    for second in range(540):
        silent.trainer.busy = second < 20
        silent.now += SECOND
        try:
            silent.settle()
        except Crash:
            silent.restart()
    silent.trap = no_trap
    assert crashed == ["table.write"]
    assert silent.states() == {"m-0001": "awaiting approval"}
    assert len([run for run in silent.trainer.started if run.step == "train"]) == 1
    check_rows(silent)
    check_platform(silent)


@pytest.mark.parametrize("skew", [timedelta(minutes=5), timedelta(minutes=-5)])
def test_a_worker_whose_clock_is_wrong_probes_at_the_same_time(silent: World, skew: timedelta) -> None:
    opened = _open(silent)
    asked = Counted(silent, silent.trainer, "start")
    wrong = silent.worker(skew=skew)
    silent.now = opened.until - 2 * SECOND
    wrong.performer.perform("m")
    assert asked.at == []
    silent.now = opened.until + 2 * SECOND
    wrong.performer.perform("m")
    assert len(asked.at) == 1


def test_a_row_of_a_newer_form_is_left_alone_and_holds_nobody_up(world: World) -> None:
    newer = '{"v":99,"state":"ajar"}'
    world.table.rows[SYSTEM, ROW + "training"] = (newer, 77_000)
    world.trainer.busy = True
    world.drop("rows")
    world.wait(MINUTE, step=SECOND)
    assert world.table.rows[SYSTEM, ROW + "training"] == (newer, 77_000)
    world.trainer.busy = False
    world.ask(events.RetrainRequested)
    world.settle()
    assert world.release("m-0002").state == "awaiting approval"


def test_a_damaged_row_holds_nobody_up_and_is_written_anew(world: World) -> None:
    world.table.rows[SYSTEM, ROW + "training"] = ("half a ro", 77_000)
    world.now += 2 * SECOND  # what was read of it is believed for a second
    assert _storm(world).state == "open"


# With freezes and roll-backs


def test_during_a_freeze_nobody_probes_and_afterwards_it_goes_on(silent: World) -> None:
    _open(silent)
    silent.app.freezer.freeze("f", "operations", "incident")
    silent.settle()
    asked = Counted(silent, silent.trainer, "start")
    silent.wait(timedelta(hours=2), step=MINUTE)
    assert asked.at == []
    silent.trainer.busy = False
    silent.app.freezer.unfreeze("u", "operations", "over")
    silent.settle()
    silent.wait(5 * MINUTE)
    assert silent.states() == {"m-0001": "awaiting approval"}
    check_rows(silent)


@pytest.fixture
def serving(world: World) -> World:
    """m-0002 has ten percent, and the endpoint did not answer for so long that its breaker is open for minutes."""
    world.go_live()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    world.decide("m-0002")
    world.settle()
    stored = breaker.Breaker("endpoints", "open", world.now, world.now + 5 * MINUTE, world.now - 9 * MINUTE, 6, "gone")
    System(world.table, clock=lambda: world.now).keep(ROW + "endpoints", breaker.text(stored), None)
    world.now += SECOND
    return world


def test_a_roll_back_waits_for_no_breaker(serving: World) -> None:
    serving.ask(events.RollbackRequested)
    serving.wait(timedelta(seconds=10), step=SECOND)
    seen = serving.endpoints.look("m")
    assert seen is not None
    assert seen.split == {"m-0001": 100}
