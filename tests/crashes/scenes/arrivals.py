"""Scenes of events from the world."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from shared import events, wire
from shared.settings import LOCAL_WORKSPACE
from tests.crashes.installation import Installation
from tests.crashes.scenes.standing import Begin, Prepare, accepted, drop, live, of_command, published, received


def _data_landed(run: Installation) -> Begin:
    return received(drop(published(run), "rows"))


def _run_changed(run: Installation) -> Begin:
    of_command("look_at_run")(run)
    world = run.world
    world.now -= timedelta(seconds=10)  # before it would be asked anyway
    return accepted(events.RunChanged(id="ended", at=world.now, run_id="m-0001-t-1", status="completed"))


def _model_registered(run: Installation) -> Begin:
    world = live(run)
    version = world.registry.register_by_hand("m", tags={}, files={})
    data = {"modelName": "m", "modelVersion": version, "modelTags": {}}
    kind = "Microsoft.MachineLearningServices.ModelRegistered"
    return received(wire.Delivered(f"r{version}", LOCAL_WORKSPACE, f"models/m:{version}", kind, world.now, data))


def _model_deployed(run: Installation) -> Begin:
    return accepted(events.ModelDeployed(id="deployed", at=live(run).now, service="m"))


def _drift_detected(run: Installation) -> Begin:
    live(run)
    return lambda world: world.drift()


def _monitor_reported(run: Installation) -> Begin:
    live(run)
    return lambda world: world.monitor_reports()


SCENES: Mapping[str, Prepare] = {
    "DataLanded": _data_landed,
    "RunChanged": _run_changed,
    "ModelRegistered": _model_registered,
    "ModelDeployed": _model_deployed,
    "DriftDetected": _drift_detected,
    "MonitorReported": _monitor_reported,
}
