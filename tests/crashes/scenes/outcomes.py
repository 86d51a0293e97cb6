"""Scenes of outcomes of commands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from tests.crashes.installation import Installation
from tests.crashes.scenes.standing import Begin, Prepare, drop, of_command, published, rings, second_approved


def _file_refused(run: Installation) -> Begin:
    world = published(run)
    world.app.intake.receive(drop(world, "bad rows"))
    run.until_waits("check_file")
    return rings("perform")


def _file_gone(run: Installation) -> Begin:
    world = published(run)
    world.app.intake.receive(drop(world, "rows", "a"))
    run.until_waits("check_file")
    drop(world, "other rows", "a")
    return rings("perform")


def _traffic_set(run: Installation) -> Begin:
    second_approved(run)
    run.until_waits("set_traffic")
    return rings("perform")


def _traffic_refused(run: Installation) -> Begin:
    world = second_approved(run)
    run.until_waits("set_traffic")
    world.endpoints.set_traffic("m", {"m-0001": 60, "m-0002": 40}, expected={"m-0001": 100})
    return rings("perform")


def _step_seen(run: Installation) -> Begin:
    second_approved(run)
    run.until_waits("look_at_step")
    return rings("perform")


def _command_failed(run: Installation) -> Begin:
    """Four tries to register a version failed, and so will the fifth."""
    world = run.world
    of_command("register_version")(run)
    world.registry.busy = True
    for _ in range(4):
        run.world.app.performer.perform("m")
        world.now += timedelta(seconds=20)
    return rings("perform")


def _capacity_awaited(run: Installation) -> Begin:
    """The platform has no room for the first run, and gets none."""
    of_command("start_run")(run)
    run.world.trainer.room = 0
    return rings("perform")


SCENES: Mapping[str, Prepare] = {
    "FileAccepted": of_command("check_file"),
    "FileRefused": _file_refused,
    "FileGone": _file_gone,
    "RunStarted": of_command("start_run"),
    "RunEnded": of_command("look_at_run"),
    "VersionRegistered": of_command("register_version"),
    "ChampionSeen": of_command("observe_champion"),
    "DeploymentEnded": of_command("deploy_staging"),
    "TrafficSet": _traffic_set,
    "TrafficRefused": _traffic_refused,
    "StepSeen": _step_seen,
    "CommandDone": of_command("tag_drop"),
    "CommandFailed": _command_failed,
    "CapacityAwaited": _capacity_awaited,
}
