"""Scenes of what time brings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from tests.crashes.installation import Installation
from tests.crashes.scenes.standing import Begin, Prepare, awaiting, drop, published


def _deadline_passed(run: Installation) -> Begin:
    awaiting(run).now += timedelta(hours=25)
    return lambda world: world.app.sweeper.sweep()


def _schedule_read(run: Installation) -> Begin:
    return lambda world: world.publish(schedule='{retrain: "0 13 * * *"}')


def _schedule_due(run: Installation) -> Begin:
    world = published(run, schedule='{retrain: "0 13 * * *"}', files=9, quiet=864000)
    world.app.intake.receive(drop(world, "rows"))
    run.work()
    world.now += timedelta(hours=1)
    return lambda world: world.app.sweeper.sweep()


SCENES: Mapping[str, Prepare] = {
    "DeadlinePassed": _deadline_passed,
    "ScheduleRead": _schedule_read,
    "ScheduleDue": _schedule_due,
}
