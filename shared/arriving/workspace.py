"""What the workspace tells of runs, monitors, models and endpoints; subject and data must agree."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared import events, names
from shared.arriving.delivered import Delivered, Routed
from shared.arriving.fields import TEXT_LONGEST, model_of, names_in, number, refused, tags_in, text
from shared.monitoring import breach
from shared.platforms.port import TRACE_TAG
from shared.traces import context

SIGNALS = ("data", "prediction", "performance")


def run_changed(delivered: Delivered, data: Mapping[str, Any], now: datetime) -> Routed:
    """A run of ours, one tagged with a model's name, or a monitor's: its tags say which of the three."""
    run = text(data, "runId")
    if not delivered.subject.endswith(f"/runs/{run}"):
        raise refused(f"subject {delivered.subject!r} and data.runId {run!r} disagree")
    status = "completed" if delivered.type.lower().endswith("runcompleted") else text(data, "runStatus").lower()
    release = names.release_of_run(run)
    tags = tags_in(data, "runTags")
    if breach.TAG in tags:
        return _threshold_passed(delivered, tags, run, now)
    if "baton.monitor" in tags:
        return _monitor_reported(delivered, tags["baton.monitor"], run, status, now)
    if names.is_below_a_run(run):
        raise refused(f"run {run!r} is a trial of a sweep, which tells of itself")
    tagged = tags.get("baton.model", "")
    model = release.rsplit("-", 1)[0] if release else tagged
    if not model:
        raise refused(f"run {run!r} is not ours and carries no tag baton.model")
    identity = names.identity_key("run", delivered.topic.lower(), run, status)
    trace = context.read(tags.get(TRACE_TAG, ""))
    event = events.RunChanged(id=identity, at=now, trace=trace, run_id=run, status=status, model=tagged)
    return Routed(model_of(model), event)


def _monitor_reported(delivered: Delivered, model: str, run: str, status: str, now: datetime) -> Routed:
    """A completed run that carries the tag `baton.monitor` is the life sign of that model's monitor; no other is."""
    if status != "completed":
        raise refused(f"monitor run {run!r} is {status}, which is no life sign")
    identity = names.identity_key("monitor", delivered.topic.lower(), run)
    return Routed(model_of(model), events.MonitorReported(id=identity, at=now, run_id=run))


def _threshold_passed(delivered: Delivered, tags: Mapping[str, str], run: str, now: datetime) -> Routed:
    """A model monitor's alert of Azure ML (SDK v2). The tag stays, so each later status of the run tells the same once more."""
    told = tags[breach.TAG]
    found = breach.read_breach(told)
    if found is None:
        raise refused(f"monitor run {run!r} has a tag {breach.TAG} that names no signal")
    model = tags.get("baton.model") or found.model
    event = events.DriftDetected(
        id=names.identity_key("breach", delivered.topic.lower(), run, told),
        at=now,
        monitor=found.signal,
        run_id=run,
        coefficient=found.coefficient,
        signal=found.kind,
        columns=found.columns,
    )
    return Routed(model_of(model), event)


def model_registered(delivered: Delivered, data: Mapping[str, Any], now: datetime) -> Routed:
    """A version that was registered under a model's name, by a release of ours or by somebody else."""
    model, version = text(data, "modelName"), text(data, "modelVersion")
    if delivered.subject != f"models/{model}:{version}":
        raise refused(f"subject {delivered.subject!r} and data name {model}:{version} disagree")
    tags = tags_in(data, "modelTags")
    release, trace = tags.get("baton.release", "")[:TEXT_LONGEST], context.read(tags.get(TRACE_TAG, ""))
    identity = names.identity_key("model", delivered.topic.lower(), model, version)
    event = events.ModelRegistered(id=identity, at=now, trace=trace, version=version, release=release)
    return Routed(model_of(model), event)


def model_deployed(delivered: Delivered, data: Mapping[str, Any], now: datetime) -> Routed:
    """An endpoint that was deployed; its model is the first that it serves, or has its own name."""
    service, ids = text(data, "serviceName"), str(data.get("modelids") or "")
    if delivered.subject != f"endpoints/{service}":
        raise refused(f"subject {delivered.subject!r} and data.serviceName {service!r} disagree")
    model = ids.split(",")[0].rsplit(":", 1)[0].strip() or service
    identity = names.identity_key("deployed", delivered.topic.lower(), service, ids, delivered.id)
    return Routed(model_of(model), events.ModelDeployed(id=identity, at=now, service=service))


def drift_detected(delivered: Delivered, data: Mapping[str, Any], now: datetime) -> Routed:
    """A dataset monitor's alarm; it bears the name of the model."""
    monitor, run = text(data, "dataDriftName"), text(data, "runId")
    if not delivered.subject.endswith(f"/{run}"):
        raise refused(f"subject {delivered.subject!r} and data.runId {run!r} disagree")
    coefficient = number(data, "driftCoefficient")
    identity = names.identity_key("drift", delivered.topic.lower(), monitor, run)
    signal, columns = data.get("signal", SIGNALS[0]), names_in(data, "columns")
    if signal not in SIGNALS:
        raise refused(f"data.signal is {signal!r:.80}, must be one of {', '.join(SIGNALS)}")
    event = events.DriftDetected(
        id=identity, at=now, monitor=monitor, run_id=run, coefficient=coefficient, signal=signal, columns=columns
    )
    return Routed(model_of(monitor), event)
