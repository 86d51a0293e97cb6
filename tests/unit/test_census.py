"""The metrics that the sweep and the decisions log, over real rows: each is what the ledger says, and the workbook reads it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from shared import events
from shared.watching.loglines import Line, of
from tests.alerts import PANELS
from tests.fakes.platform import Outcome
from tests.world import World, evidence

TRAINED = Outcome(result={"v": 1, "metrics": {}}, seconds=120)
PICKED = dict(PANELS)


@pytest.fixture
def measured(world: World, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], Line]]:
    """What the next look at every model logs of all of them."""
    with caplog.at_level(logging.INFO, logger="baton"):

        def sweep() -> Line:
            world.restart()
            world.app.sweeper.sweep()
            return [line for line in _lines(caplog) if line.what == "sweep done"][-1]

        yield sweep


def _lines(caplog: pytest.LogCaptureFixture) -> list[Line]:
    from tests.world import BEGIN

    return [of(BEGIN, record.levelname, record.getMessage()) for record in caplog.records]


def test_the_age_of_the_oldest_event_counts_from_its_arrival_until_it_is_decided(
    world: World, measured: Callable[[], Line]
) -> None:
    world.drop("rows")
    world.now += timedelta(seconds=90)
    world.drop("more rows")
    assert measured().number("oldest_seconds") == 90
    world.settle()
    assert measured().number("oldest_seconds") == 0


def test_releases_are_counted_by_state_and_approvals_that_wait(world: World, measured: Callable[[], Line]) -> None:
    world.go_live()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    found = measured()
    assert found.fields["states"] == "awaiting approval: 1, live: 1"
    assert (found.number("waiting"), found.number("open")) == (1, 1)
    world.decide("m-0002", approve=False)
    world.settle()
    assert measured().number("waiting") == 0


def test_dead_letters_are_counted_until_somebody_takes_them_off(world: World, measured: Callable[[], Line]) -> None:
    world.accept("m", events.ModelPublished(id="0" * 32, at=world.now, by="author", folder="gone"))
    for _ in range(3):
        world.app.fold.advance("m")
    assert measured().number("dead") == 1
    world.ask(events.DiscardRequested, letter=f"dead:{'0' * 32}")
    world.settle()
    assert measured().number("dead") == 0


def test_what_was_opened_and_what_runs_took_is_the_sum_over_all_models(
    world: World, measured: Callable[[], Line]
) -> None:
    world.trainer.script["train"] = TRAINED
    world.publish("n")
    world.settle("n")
    for model in ("m", "n"):
        world.drop("rows", model=model)
        world.settle(model)
    found = measured()
    assert (found.number("models"), found.number("releases_day")) == (2, 2)
    taken = sum(one.seconds for model in ("m", "n") for one in world.head(model).spent) / 60
    assert taken >= 4
    assert found.number("run_minutes_day") == found.number("run_minutes_month") == pytest.approx(taken, abs=0.05)


def test_what_was_spent_leaves_the_day_after_a_day_and_the_month_after_thirty(
    world: World, measured: Callable[[], Line]
) -> None:
    world.trainer.script["train"] = TRAINED
    world.drop("rows")
    world.settle()
    world.now += timedelta(hours=25)
    later = measured()
    assert (later.number("releases_day"), later.number("run_minutes_day")) == (0, 0)
    assert (later.number("run_minutes_month") or 0) >= 2
    world.now += timedelta(days=30)
    assert measured().number("run_minutes_month") == 0


def test_each_training_is_told_with_what_it_took(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.trainer.script["train"] = TRAINED
    with caplog.at_level(logging.INFO, logger="baton"):
        world.drop("rows")
        world.settle()
    (told,) = [line for line in _lines(caplog) if line.what == "candidate trained"]
    assert told.number("seconds") == 120


def test_a_held_release_is_told_with_the_rule_that_said_no(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.trainer.script["judge"] = evidence(6000.0)
    with caplog.at_level(logging.INFO, logger="baton"):
        world.drop("rows")
        world.settle()
    (told,) = [line for line in _lines(caplog) if line.what == "release held"]
    assert told.fields["rule"] == "floor"


@pytest.mark.parametrize("panel", ["Where everything stands", next(name for name in PICKED if "minutes" in name)])
def test_the_workbook_cuts_the_same_numbers_out_of_the_line(
    world: World, measured: Callable[[], Line], caplog: pytest.LogCaptureFixture, panel: str
) -> None:
    """By the patterns of its query, over the message as it was logged."""
    world.trainer.script["train"] = TRAINED
    world.go_live()
    found = measured()
    message = [record.getMessage() for record in caplog.records if record.getMessage().startswith("sweep done")][-1]
    cuts = dict(re.findall(r'(\w+) = (?:toint|todouble)\(extract\("([^"]+)"', PICKED[panel]))
    assert len(cuts) >= 3
    cut = {name: re.search(pattern, message) for name, pattern in cuts.items()}
    assert {name: match and float(match[1]) for name, match in cut.items()} == {
        name: found.number(name) for name in cuts
    }
