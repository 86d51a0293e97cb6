"""What comes to be in the world; its event can then be delivered, once or often, by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared import wire
from shared.settings import LOCAL_WORKSPACE
from tests.histories.history import Step
from tests.histories.platform import WORKSPACE_EVENT, run_event
from tests.histories.stage import Stage


def drop(stage: Stage, step: Step) -> None:
    """drop EVENT MODEL BLOB CONTENT: somebody writes a file."""
    name, model, blob, content = step.words
    path = f"{model}/{blob}"
    etag = stage.world.blobs.drop("incoming", path, content.encode())
    stage.deliveries[name] = (model, stage.world.blob_created(path, etag, len(content)))
    stage.notes.note(stage.world.now, "drop", model, json.dumps([path, etag, content]))


def register(stage: Stage, step: Step) -> None:
    """register EVENT MODEL: somebody registers a version with the platform's own client."""
    name, model = step.words
    version = stage.world.registry.register_by_hand(model, tags={}, files={})
    data = {"modelName": model, "modelVersion": version, "modelTags": {}}
    _workspace_event(stage, name, model, f"models/{model}:{version}", "ModelRegistered", data)
    stage.notes.note(stage.world.now, "registered", model, version)


def drift(stage: Stage, step: Step) -> None:
    """drift EVENT MODEL: a monitor sees the data drift."""
    name, model = step.words
    stage.notes.note(stage.world.now, "drift", model, name)
    data = {"dataDriftName": model, "runId": name, "driftCoefficient": 0.4}
    _workspace_event(stage, name, model, f"datadrifts/x/runs/{name}", "DatasetDriftDetected", data)


def foreign(stage: Stage, step: Step) -> None:
    """foreign EVENT MODEL: a run that somebody else started for the model completed."""
    name, model = step.words
    stage.notes.note(stage.world.now, "foreign", model, name)
    stage.deliveries[name] = (
        model,
        run_event(f"theirs-{name}", "completed", stage.world.now, tags={"baton.model": model}),
    )


def deployed(stage: Stage, step: Step) -> None:
    """deployed EVENT MODEL: the workspace says that a service was deployed."""
    name, model = step.words
    _workspace_event(
        stage, name, model, f"endpoints/{model}", "ModelDeployed", {"serviceName": model, "modelIds": f"{model}:1"}
    )


def forged(stage: Stage, step: Step) -> None:
    """forged EVENT MODEL: an event that looks like a drop, from a topic that is not ours."""
    name, model = step.words
    real = stage.world.blob_created(f"{model}/forged.csv", "0", 3)
    stage.deliveries[name] = (model, replace(real, id=name, topic="/subscriptions/somebody-else"))
    stage.notes.forged.add(name)


def _workspace_event(stage: Stage, name: str, model: str, subject: str, kind: str, data: Mapping[str, Any]) -> None:
    stage.deliveries[name] = (
        model,
        wire.Delivered(name, LOCAL_WORKSPACE, subject, WORKSPACE_EVENT + kind, stage.world.now, data),
    )


def deliver(stage: Stage, step: Step) -> None:
    """deliver EVENT [new-id]: Event Grid delivers it, the first time or again; or the same fact under another id."""
    stage.deliver(step.words[0], step.by, new_id="new-id" in step.words)
