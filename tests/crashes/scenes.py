"""One scene for each event kind: what stands before the event, and what brings the event about.

`prepare` ends just before; `begin` is the first thing that happens then, safe to repeat as whoever does it repeats it:
Event Grid delivers again, a person's client sends the same request again, the timer ticks again. For an outcome it is
the ring of the command that finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared import events, names, wire
from shared.settings import LOCAL_WORKSPACE
from tests.crashes.installation import Installation
from tests.world import World, evidence

Begin = Callable[[World], object]


@dataclass(frozen=True, slots=True)
class Scene:
    """How an event kind comes about. `prepare` returns what begins it."""

    kind: str
    prepare: Callable[[Installation], Begin]


def _published(run: Installation, **rules: object) -> World:
    run.world.publish(**rules)
    run.work()
    return run.world


def _drop(world: World, content: str, name: str = "") -> wire.Delivered:
    """A file that somebody wrote, and its event, which nobody delivered yet."""
    blob = f"m/{name or names.digest(content)[:8]}.csv"
    return world.blob_created(blob, world.blobs.drop("incoming", blob, content.encode()), len(content))


def _received(delivered: wire.Delivered) -> Begin:
    return lambda world: world.app.intake.receive(delivered)


def _accepted(event: events.Event) -> Begin:
    return lambda world: world.accept("m", event)


def _rings(queue: str) -> Begin:
    """The ring of what waits. The process that answered it may be gone, and then only the sweep rings again."""
    return lambda world: world.app.bells.ring(queue, "m")


def _asked(kind: type[events.PersonEvent], world: World, **fields: object) -> Begin:
    return _accepted(kind(id=f"asked {kind.__name__}", at=world.now, by="operations", why="because", **fields))  # type: ignore[arg-type]


# What stands before


def _live(run: Installation) -> World:
    """m-0001 serves."""
    world = _published(run)
    _take_live(run, "rows")
    return world


def _two_live(run: Installation) -> World:
    """m-0002 serves, m-0001 is kept warm."""
    world = _live(run)
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    _take_live(run, "more rows")
    return world


def _take_live(run: Installation, content: str) -> None:
    world = run.world
    world.app.intake.receive(_drop(world, content))
    run.until(lambda seen: bool(seen.head().shipping))
    release = world.head().shipping
    world.decide(release)
    run.until(lambda seen: seen.release(release).state == "live")


def _awaiting(run: Installation) -> World:
    """m-0001 waits for approval."""
    world = _published(run)
    world.app.intake.receive(_drop(world, "rows"))
    run.until(lambda seen: bool(seen.head().shipping))
    return world


def _second_approved(run: Installation) -> World:
    """m-0001 serves, m-0002 is approved and nothing of its roll-out is done."""
    world = _live(run)
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.app.intake.receive(_drop(world, "more rows"))
    run.until(lambda seen: bool(seen.head().shipping))
    world.decide(world.head().shipping)
    return world


def _of_command(kind: str) -> Callable[[Installation], Begin]:
    """A first release, up to its first command of this kind."""

    def prepare(run: Installation) -> Begin:
        world = _published(run)
        world.app.intake.receive(_drop(world, "rows"))
        run.until_waits(kind)
        return _rings("perform")

    return prepare


# From the world


def _data_landed(run: Installation) -> Begin:
    return _received(_drop(_published(run), "rows"))


def _run_changed(run: Installation) -> Begin:
    _of_command("look_at_run")(run)
    world = run.world
    world.now -= timedelta(seconds=10)  # before it would be asked anyway
    return _accepted(events.RunChanged(id="ended", at=world.now, run_id="m-0001-t-1", status="completed"))


def _model_registered(run: Installation) -> Begin:
    world = _live(run)
    version = world.registry.register_by_hand("m", tags={}, files={})
    data = {"modelName": "m", "modelVersion": version, "modelTags": {}}
    kind = "Microsoft.MachineLearningServices.ModelRegistered"
    return _received(wire.Delivered(f"r{version}", LOCAL_WORKSPACE, f"models/m:{version}", kind, world.now, data))


def _model_deployed(run: Installation) -> Begin:
    return _accepted(events.ModelDeployed(id="deployed", at=_live(run).now, service="m"))


def _drift_detected(run: Installation) -> Begin:
    _live(run)
    return lambda world: world.drift()


def _monitor_reported(run: Installation) -> Begin:
    _live(run)
    return lambda world: world.monitor_reports()


# From people


def _model_published(run: Installation) -> Begin:
    _live(run)
    return lambda world: world.publish(alpha=2)


def _retrain_requested(run: Installation) -> Begin:
    return _asked(events.RetrainRequested, _live(run))


def _retry_requested(run: Installation) -> Begin:
    world = _awaiting(run)
    world.decide("m-0001", approve=False)
    run.work()
    return _asked(events.RetryRequested, world, release="m-0001")


def _rollback_requested(run: Installation) -> Begin:
    return _asked(events.RollbackRequested, _two_live(run))


def _pause_requested(run: Installation) -> Begin:
    return _asked(events.PauseRequested, _live(run))


def _resume_requested(run: Installation) -> Begin:
    world = _published(run)
    world.ask(events.PauseRequested)
    run.work()
    world.app.intake.receive(_drop(world, "rows"))
    run.work()
    return _asked(events.ResumeRequested, world)


def _approval_given(run: Installation) -> Begin:
    _awaiting(run)
    return lambda world: world.decide("m-0001")


def _freeze_began(run: Installation) -> Begin:
    _live(run)
    return lambda world: world.app.freezer.freeze("f1", "operations", "because")


def _letter(kind: type[events.PersonEvent]) -> Callable[[Installation], Begin]:
    """A folder that is not there was published, which is a dead letter by now."""

    def prepare(run: Installation) -> Begin:
        world = _live(run)
        world.accept("m", events.ModelPublished(id="no such folder", at=world.now, by="author", folder="f" * 16))
        run.let_time_pass(timedelta(minutes=2))
        return _asked(kind, world, letter="dead:no such folder")

    return prepare


def _version_pinned(run: Installation) -> Begin:
    world = _live(run)
    return _asked(events.VersionPinned, world, manifest=world.release("m-0001").manifest, files=1)


def _forget_requested(run: Installation) -> Begin:
    world = _live(run)
    return _asked(events.ForgetRequested, world, erase={"files": [names.digest("rows")]})


# Outcomes


def _file_refused(run: Installation) -> Begin:
    world = _published(run)
    world.app.intake.receive(_drop(world, "bad rows"))
    run.until_waits("check_file")
    return _rings("perform")


def _file_gone(run: Installation) -> Begin:
    world = _published(run)
    world.app.intake.receive(_drop(world, "rows", "a"))
    run.until_waits("check_file")
    _drop(world, "other rows", "a")
    return _rings("perform")


def _traffic_set(run: Installation) -> Begin:
    _second_approved(run)
    run.until_waits("set_traffic")
    return _rings("perform")


def _traffic_refused(run: Installation) -> Begin:
    world = _second_approved(run)
    run.until_waits("set_traffic")
    world.endpoints.set_traffic("m", {"m-0001": 60, "m-0002": 40}, expected={"m-0001": 100})
    return _rings("perform")


def _step_seen(run: Installation) -> Begin:
    _second_approved(run)
    run.until_waits("look_at_step")
    return _rings("perform")


def _command_failed(run: Installation) -> Begin:
    """Four tries to register a version failed, and so will the fifth."""
    world = run.world
    _of_command("register_version")(run)
    world.registry.busy = True
    for _ in range(4):
        run.world.app.performer.perform("m")
        world.now += timedelta(seconds=20)
    return _rings("perform")


def _capacity_awaited(run: Installation) -> Begin:
    """The platform has no room for the first run, and gets none."""
    _of_command("start_run")(run)
    run.world.trainer.room = 0
    return _rings("perform")


# Time


def _deadline_passed(run: Installation) -> Begin:
    _awaiting(run).now += timedelta(hours=25)
    return lambda world: world.app.sweeper.sweep()


def _schedule_read(run: Installation) -> Begin:
    return lambda world: world.publish(schedule='{retrain: "0 13 * * *"}')


def _schedule_due(run: Installation) -> Begin:
    world = _published(run, schedule='{retrain: "0 13 * * *"}', files=9, quiet=864000)
    world.app.intake.receive(_drop(world, "rows"))
    run.work()
    world.now += timedelta(hours=1)
    return lambda world: world.app.sweeper.sweep()


SCENES: Mapping[str, Scene] = {
    scene.kind: scene
    for scene in (
        Scene("DataLanded", _data_landed),
        Scene("RunChanged", _run_changed),
        Scene("ModelRegistered", _model_registered),
        Scene("ModelDeployed", _model_deployed),
        Scene("DriftDetected", _drift_detected),
        Scene("MonitorReported", _monitor_reported),
        Scene("ModelPublished", _model_published),
        Scene("RetrainRequested", _retrain_requested),
        Scene("RetryRequested", _retry_requested),
        Scene("RollbackRequested", _rollback_requested),
        Scene("PauseRequested", _pause_requested),
        Scene("ResumeRequested", _resume_requested),
        Scene("ApprovalGiven", _approval_given),
        Scene("FreezeBegan", _freeze_began),
        Scene("ReplayRequested", _letter(events.ReplayRequested)),
        Scene("DiscardRequested", _letter(events.DiscardRequested)),
        Scene("VersionPinned", _version_pinned),
        Scene("ForgetRequested", _forget_requested),
        Scene("FileAccepted", _of_command("check_file")),
        Scene("FileRefused", _file_refused),
        Scene("FileGone", _file_gone),
        Scene("RunStarted", _of_command("start_run")),
        Scene("RunEnded", _of_command("look_at_run")),
        Scene("VersionRegistered", _of_command("register_version")),
        Scene("ChampionSeen", _of_command("observe_champion")),
        Scene("DeploymentEnded", _of_command("deploy_staging")),
        Scene("TrafficSet", _traffic_set),
        Scene("TrafficRefused", _traffic_refused),
        Scene("StepSeen", _step_seen),
        Scene("CommandDone", _of_command("tag_drop")),
        Scene("CommandFailed", _command_failed),
        Scene("CapacityAwaited", _capacity_awaited),
        Scene("DeadlinePassed", _deadline_passed),
        Scene("ScheduleRead", _schedule_read),
        Scene("ScheduleDue", _schedule_due),
    )
}

ELSEWHERE: Mapping[str, str] = {  # crashed at every call by tests of their own
    "SegmentClosed": "tests/unit/test_segments.py",
    "LedgerRebuilt": "tests/unit/test_repair.py",
    "RowSetAside": "tests/unit/test_damaged_rows.py",
    "FreezeEnded": "tests/unit/test_freeze.py",
    "Carried": "tests/compat/test_upgrade.py",
}
