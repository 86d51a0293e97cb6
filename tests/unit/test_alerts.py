"""Every alert fires on lines that Baton really logs, and stays silent while all is well."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared import events, wiring
from shared.storage.port import Put
from shared.watching.alerts import ALERTS, Above
from shared.watching.census import SOON
from shared.watching.loglines import Line, of
from tests.fakes.platform import Outcome
from tests.unit.test_undelivered import leave, lost_event
from tests.world import World, evidence

BY_NAME = {alert.name: alert for alert in ALERTS}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[World], list[Line]]]:
    """What was logged until now, read as if each line were as old as the world."""
    with caplog.at_level(logging.INFO, logger="baton"):
        yield lambda world: [of(world.now, record.levelname, record.getMessage()) for record in caplog.records]


def sweep(world: World) -> None:
    """A sweep that looks at every model, as the first of a process does."""
    world.restart()
    world.app.sweeper.sweep()


def undecidable(world: World) -> None:
    world.accept("m", events.ModelPublished(id="no such folder", at=world.now, by="author", folder="gone"))
    for _ in range(3):
        world.app.fold.advance("m")


def undelivered(world: World) -> None:
    leave(world, lost_event(world))
    sweep(world)


def poison(world: World) -> None:
    wiring.use(world.app)
    wiring.poisoned("advance", b"m")


def unmoved(world: World) -> None:
    world.drop("rows")
    world.settle()
    world.now += timedelta(hours=25)
    sweep(world)
    world.now += timedelta(minutes=6)
    world.app.sweeper.sweep()


def expiring(world: World) -> None:
    world.drop("rows")
    world.settle()
    world.now += timedelta(hours=24) - SOON
    sweep(world)


def outliving(world: World) -> None:
    world.go_live()
    world.now += timedelta(days=80)
    sweep(world)


def forged(world: World) -> None:
    world.drop("rows")
    world.settle()
    world.accept("m", world.decision("m-0001", approve=True, by="operations"))
    world.settle()


def all_fail(world: World) -> None:
    world.publish(breaker=1000)
    world.settle()
    world.trainer.script["train"] = Outcome("failed", reason="no memory")
    for number in range(10):
        world.drop(f"rows {number}")
        world.settle()


def dear(world: World) -> None:
    world.publish(more=", minutes_per_day: 10")
    world.settle()
    world.trainer.script["train"] = Outcome(result={"v": 1, "metrics": {}}, seconds=500)
    world.drop("rows")
    world.settle()


def late(world: World) -> None:
    world.publish(schedule='{data: "0 6 * * *"}')
    world.settle()
    world.wait(timedelta(hours=30), step=timedelta(hours=1))


def unwatched(world: World) -> None:
    world.publish(schedule="{monitor_hours: 1}")
    world.settle()
    world.go_live()
    world.wait(timedelta(hours=3), step=timedelta(minutes=30))


def kept_traffic(world: World) -> None:
    world.go_live()
    world.go_live("more rows", judged=evidence(2500.0, 3000.0))
    world.endpoints.busy = True
    world.ask(events.RollbackRequested)
    world.settle()
    world.wait(timedelta(minutes=15), step=timedelta(minutes=1))


HAPPENS: dict[str, Callable[[World], None]] = {
    "traffic-not-given-back": kept_traffic,
    "forged-decision": forged,
    "poison": poison,
    "stuck": unmoved,
    "dead-letter": undecidable,
    "undelivered": undelivered,
    "expected-data": late,
    "silent-monitor": unwatched,
    "approval-expires": expiring,
    "certificate-expires": outliving,
    "error-budget": all_fail,
    "spend": dear,
}


@pytest.mark.parametrize("name", HAPPENS)
def test_what_it_is_for_makes_it_fire(name: str, world: World, log: Callable[[World], list[Line]]) -> None:
    assert not BY_NAME[name].fires(log(world), world.now)
    HAPPENS[name](world)
    assert BY_NAME[name].fires(log(world), world.now)


def test_every_alert_is_made_to_fire() -> None:
    assert {*HAPPENS, "silent-sweep"} == BY_NAME.keys()
    assert len(BY_NAME) == len(ALERTS)


def test_a_sweep_keeps_the_alert_of_silence_quiet_until_its_window_is_over(
    world: World, log: Callable[[World], list[Line]]
) -> None:
    silent = BY_NAME["silent-sweep"]
    assert silent.fires(log(world), world.now)
    sweep(world)
    lines = log(world)
    assert not silent.fires(lines, world.now)
    assert silent.fires(lines, world.now + timedelta(minutes=silent.window_minutes))


def test_a_release_that_goes_live_wakes_nobody(world: World, log: Callable[[World], list[Line]]) -> None:
    world.go_live()
    sweep(world)
    assert [alert.name for alert in ALERTS if alert.fires(log(world), world.now)] == []


def test_an_approval_that_expires_soon_is_told_once(world: World, log: Callable[[World], list[Line]]) -> None:
    expiring(world)
    for _ in range(3):
        world.now += timedelta(minutes=6)
        world.app.sweeper.sweep()
    told = [line for line in log(world) if line.what == "approval about to expire"]
    assert [(line.fields["release"], line.fields["minutes_left"]) for line in told] == [("m-0001", "240")]


def test_a_certificate_that_outlives_its_days_is_told_once_before_and_once_when_it_is_over(
    world: World, log: Callable[[World], list[Line]]
) -> None:
    world.go_live()
    issued = world.now
    for day in (70, 77, 78, 89, 91, 120):
        world.now = issued + timedelta(days=day)
        world.app.sweeper.sweep()
    told = [line for line in log(world) if line.what.startswith("certificate ") and line.what != "certificate earned"]
    assert [(line.what, line.fields["release"]) for line in told] == [
        ("certificate about to expire", "m-0001"),
        ("certificate no longer holds", "m-0001"),
    ]
    assert told[0].fields["hours_left"] == "312"
    assert "expired at" in told[1].fields["why"]
    assert world.states()["m-0001"] == "live"


def test_a_changed_certificate_of_what_serves_is_told(world: World, log: Callable[[World], list[Line]]) -> None:
    container, _, name = world.release(world.go_live()).certificate.partition("/")
    world.blobs.drop(container, name, world.blobs.read(container, name) + b" ")
    sweep(world)
    assert [line.fields["release"] for line in log(world) if line.what == "certificate no longer holds"] == ["m-0001"]


def test_a_paused_model_is_not_stuck(world: World, log: Callable[[World], list[Line]]) -> None:
    world.drop("rows")
    world.settle()
    world.ask(events.PauseRequested)
    world.settle()
    world.now += timedelta(days=3)
    sweep(world)
    assert not BY_NAME["stuck"].fires(log(world), world.now)


def test_the_first_sweep_after_an_outage_calls_nothing_stuck(world: World, log: Callable[[World], list[Line]]) -> None:
    world.drop("rows")
    world.settle()
    world.now += timedelta(hours=25)
    sweep(world)
    assert [line for line in log(world) if line.what == "model does not move"] == []
    world.settle()
    world.now += timedelta(minutes=6)
    world.app.sweeper.sweep()
    assert [line for line in log(world) if line.what == "model does not move"] == []


def test_a_model_whose_rows_cannot_be_read_does_not_silence_the_sweep(
    world: World, log: Callable[[World], list[Line]]
) -> None:
    world.table.write("m", [Put("!0head", "{")])
    sweep(world)
    assert not BY_NAME["silent-sweep"].fires(log(world), world.now)


def test_a_number_that_cannot_be_read_counts_as_too_much() -> None:
    rule = Above("budget nearly used", "share", 0.8)
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    lines = [of(moment, "WARNING", f"budget nearly used  share={share}") for share in ("0.8", "0.81", "none")]
    assert rule.found(lines) == lines[1:]


def test_the_workbook_reads_the_sweep_and_the_trainings_as_they_are_logged(
    world: World, log: Callable[[World], list[Line]]
) -> None:
    world.drop("rows")
    world.settle()
    sweep(world)
    messages = {record.what: record for record in log(world)}
    assert messages["sweep done"].fields["states"] == "awaiting approval: 1"
    assert messages["candidate trained"].number("seconds") is not None
