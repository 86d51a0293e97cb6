"""Why there is no newer version in production: what stopped each attempt first, and what would let it pass."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared import events
from shared.web import reading
from shared.web.whynot import WhyNot
from tests.fakes.platform import Outcome
from tests.world import World, evidence

NO_BETTER = evidence(3000.0, 3000.0, lower=-5.0)


def ask(world: World) -> WhyNot:
    return reading.why_not(world.app, "m")


@pytest.fixture
def live(world: World) -> World:
    """Version 1 serves, and no candidate is better any more."""
    world.go_live()
    world.trainer.script["judge"] = NO_BETTER
    world.now += timedelta(minutes=1)
    return world


def test_before_the_first_file_a_drop_is_missing(world: World) -> None:
    found = ask(world)
    assert (found.serves, found.since, found.stopped) == ("", None, ())
    assert [(stop.what, stop.passes) for stop in found.now] == [("nothing to train on", "`baton drop m FILE`")]


def test_when_nothing_came_nothing_is_told(live: World) -> None:
    found = ask(live)
    assert (found.serves, found.now, found.stopped) == ("1", (), ())


def test_a_gate_is_told_with_its_numbers_and_what_would_pass(live: World) -> None:
    live.drop("more rows")
    live.settle()
    (stop,) = ask(live).stopped
    assert (stop.what, stop.rule, stop.numbers["lower"]) == ("m-0002 held", "min_gain", -5.0)
    assert stop.why == "min_gain: gain 0, lower bound -5, must be above 0"
    assert stop.passes.startswith("a gain whose lower bound is above 0")
    assert stop.actor == "Baton"


def test_each_attempt_is_told_in_its_order(live: World) -> None:
    live.drop("bad rows")
    live.settle()
    live.now += timedelta(minutes=1)
    live.trainer.script["train"] = Outcome("failed", "no memory")
    live.drop("more rows")
    live.settle()
    live.now += timedelta(minutes=1)
    live.drift(run="d1")
    live.settle()
    live.drift(run="d2")
    live.settle()
    found = ask(live).stopped
    assert [stop.what for stop in found] == ["drop refused", "m-0002 failed", "m-0003 failed", "not retrained"]
    assert found[0].passes.startswith("read quarantine/m/")
    assert found[1].passes == "mend what its next step says, then `baton retry m-0002 --why ...`"
    assert (found[3].rule, found[3].passes) == ("loop", "newer data or a newly published folder")


def test_the_same_refusal_again_and_again_is_told_once_with_its_number(live: World) -> None:
    for number in range(5):
        live.drift(run=f"d{number}")
        live.settle()
        live.now += timedelta(minutes=1)
    (held, let_go) = ask(live).stopped
    assert (held.what, let_go.what, let_go.count) == ("m-0002 held", "not retrained", 4)
    assert "a loop" in let_go.why


def test_what_waits_now_is_told_with_what_ends_the_wait(live: World) -> None:
    live.trainer.script["judge"] = evidence(2500.0, 3000.0)
    live.drop("more rows")
    live.settle()
    live.publish(cool_down=86400)
    live.settle()
    found = ask(live).now
    assert [stop.what for stop in found] == ["m-0002 awaiting approval", "code waits"]
    assert found[0].passes.startswith("a decision of operations until 2026-03-02")
    assert found[1].why.endswith("the cool-down of 86400 s is over 2026-03-02 12:06 UTC")
    assert found[1].passes == "time, 2026-03-02 12:06 UTC"


def test_a_pause_is_the_first_thing_that_is_told(live: World) -> None:
    live.ask(events.PauseRequested)
    live.settle()
    (stop,) = ask(live).now
    assert (stop.what, stop.passes) == ("everything waits", "`baton resume m --why ...`")


def test_a_newer_version_begins_a_new_answer(live: World) -> None:
    live.drop("more rows")
    live.settle()
    live.go_live("best rows", judged=evidence(2500.0, 3000.0))
    found = ask(live)
    assert (found.serves, found.stopped) == ("2", ())
