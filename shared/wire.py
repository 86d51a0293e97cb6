"""From the wire to the chain: what Event Grid delivers becomes one of our events, or is refused with a reason.

Nothing is trusted because it arrived: topic and subject are held against the configured sources, and
subject and data must agree. Shapes are those of Microsoft's system events for Storage and Machine
Learning (azure-rest-api-specs, specification/eventgrid), whose keys occur in several casings.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from shared import events, names
from shared.errors import EventRefused, NameRefused
from shared.monitoring import breach
from shared.platforms.port import TRACE_TAG
from shared.traces import context

CONTAINER = "incoming"
SUBJECT = re.compile(r"/blobServices/default/containers/(?P<container>[^/]+)/blobs/(?P<blob>.+)", re.DOTALL)
WRITES = ("PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose")
LARGEST = 1024 * 1024
ID_LONGEST, BLOB_LONGEST, URL_LONGEST = 1024, 1024, 4096
TEXT_LONGEST, TOLD_LONGEST = 256, 1000
SIGNALS, NAMES_MOST = ("data", "prediction", "performance"), 20
AHEAD, BEHIND = timedelta(hours=1), timedelta(days=3)
FLOAT_MOST = sys.float_info.max
# Control characters, backslash, line separators, and marks that turn the reading direction
NOT_A_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\\\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Delivered:
    """One event as a trigger got it, whichever schema it came in. `topic` is the CloudEvents `source` there."""

    id: str
    topic: str
    subject: str
    type: str
    time: datetime | None
    data: object


@dataclass(frozen=True, slots=True)
class Sources:
    """The topics that are ours, as Azure resource ids; case does not matter."""

    storage: str
    workspace: str
    custom: str


@dataclass(frozen=True, slots=True)
class Routed:
    """An event and the model that it concerns."""

    model: str
    event: events.Event


def read(delivered: Delivered, sources: Sources, now: datetime) -> Routed:
    """The event for the chain; `EventRefused` says which rule it breaks. Pure and safe to repeat."""
    _check_form(delivered)
    kind = delivered.type.lower()
    if kind not in READERS:
        raise _refused(f"type {delivered.type!r} is none that Baton takes")
    source, reader = READERS[kind]
    _check_envelope(delivered, getattr(sources, source), now)
    data = _data(delivered)
    return reader(delivered, data, now)


def _refused(what: str) -> EventRefused:
    return EventRefused(
        what[:500], next="nothing, unless it was ours: compare infra/subscriptions.json with the sender"
    )


def _check_form(delivered: Delivered) -> None:
    """What nobody could store or show is refused before anything of it is read."""
    every = (delivered.id, delivered.topic, delivered.subject, delivered.type, delivered.data)
    try:
        size = len(json.dumps(every, ensure_ascii=False, default=str).encode())
    except (ValueError, RecursionError) as error:
        raise _refused(f"it cannot be written as JSON text ({type(error).__name__})") from error
    if size > LARGEST:
        raise _refused(f"it is {size} bytes large, at most {LARGEST} are taken")


def _check_envelope(delivered: Delivered, topic: str, now: datetime) -> None:
    if not topic:
        raise _refused(f"no source of {delivered.type} is configured: the platform of this installation sends none")
    if delivered.topic.lower() != topic.lower():
        raise _refused(f"topic {delivered.topic!r} is not the configured source {topic}")
    if not delivered.id or len(delivered.id) > ID_LONGEST:
        raise _refused("its id is missing or longer than 1,024 characters")
    if delivered.time is not None and delivered.time.tzinfo is not None:
        if not now - BEHIND <= delivered.time <= now + AHEAD:
            raise _refused(f"its time {delivered.time.isoformat()} is outside the window of 3 days back, 1 hour ahead")


def _data(delivered: Delivered) -> Mapping[str, Any]:
    """The event's data with keys in lower case; two that differ in spelling alone must say the same."""
    if not isinstance(delivered.data, Mapping):
        raise _refused(f"its data is {type(delivered.data).__name__}, must be an object")
    data: dict[str, Any] = {}
    for key, value in delivered.data.items():
        name = str(key).lower()
        if name in data and data[name] != value:
            raise _refused(f"data.{key} stands there twice and says different things")
        data[name] = value
    return data


def _text(data: Mapping[str, Any], key: str, longest: int = TEXT_LONGEST) -> str:
    value = data.get(key.lower())
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise _refused(f"data.{key} is {value!r}, must be text")
    if len(value) > longest:
        raise _refused(f"data.{key} has {len(value)} characters, at most {longest} are taken")
    return value.strip()


def _tags(data: Mapping[str, Any], key: str) -> dict[str, str]:
    value = data.get(key.lower())
    return {str(name): str(tag) for name, tag in value.items()} if isinstance(value, Mapping) else {}


def _model(name: str) -> str:
    try:
        return names.model_name(name)
    except NameRefused as error:
        raise _refused(error.what) from error


def _blob_created(delivered: Delivered, data: Mapping[str, Any], now: datetime) -> Routed:
    match = SUBJECT.fullmatch(delivered.subject)
    if match is None or match["container"] != CONTAINER:
        raise _refused(f"subject {delivered.subject!r} is not a blob in container {CONTAINER}")
    blob = match["blob"]
    _check_path(blob)
    url = _text(data, "url", URL_LONGEST)
    if not _names_blob(url, delivered.topic.rsplit("/", 1)[-1].lower(), blob):
        raise _refused(f"subject names blob {blob!r} of that account, data.url {url!r}")
    if data.get("api") not in WRITES:
        raise _refused(f"data.api {data.get('api')!r} does not complete a blob")
    size, etag = data.get("contentlength"), _text(data, "eTag").strip('"')
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise _refused(f"data.contentLength is {size!r}, must be a number of bytes")
    identity = names.identity_key(delivered.topic.lower(), CONTAINER, blob, etag)
    api, sequencer = str(data["api"]), str(data.get("sequencer", ""))[:TEXT_LONGEST]
    event = events.DataLanded(
        id=identity, at=now, container=CONTAINER, blob=blob, etag=etag, size=size, api=api, sequencer=sequencer
    )
    return Routed(_model(blob.split("/", 1)[0]), event)


def _names_blob(url: str, account: str, blob: str) -> bool:
    """Whether a URL is this blob's: the account is the host's first label, or for Azurite the path's first part."""
    host, _, path = url.partition("://")[2].partition("/")
    if host.split(".")[0].lower() != account:
        first, _, path = path.partition("/")
        if first.lower() != account:
            return False
    return f"{CONTAINER}/{blob}" in (path, unquote(path))


def _check_path(blob: str) -> None:
    size = len(blob.encode())
    if size > BLOB_LONGEST:
        raise _refused(f"the blob's name has {size} bytes, at most {BLOB_LONGEST} are taken")
    parts = blob.split("/")
    if len(parts) < 2 or "" in parts or any(part in (".", "..") for part in parts):
        raise _refused(f"blob {blob!r} is not <model>/<file>, or holds an empty or dotted part")
    if NOT_A_NAME.search(blob) or ".." in unquote(blob).split("/"):
        raise _refused(f"blob {blob!r} holds a control or direction character, a backslash or a hidden '..'")


def _run_changed(delivered: Delivered, data: Mapping[str, Any], now: datetime) -> Routed:
    run = _text(data, "runId")
    if not delivered.subject.endswith(f"/runs/{run}"):
        raise _refused(f"subject {delivered.subject!r} and data.runId {run!r} disagree")
    status = "completed" if delivered.type.lower().endswith("runcompleted") else _text(data, "runStatus").lower()
    release = names.release_of_run(run)
    tags = _tags(data, "runTags")
    if breach.TAG in tags:
        return _threshold_passed(delivered, tags, run, now)
    if "baton.monitor" in tags:
        return _monitor_reported(delivered, tags["baton.monitor"], run, status, now)
    if names.is_below_a_run(run):
        raise _refused(f"run {run!r} is a trial of a sweep, which tells of itself")
    tagged = tags.get("baton.model", "")
    model = release.rsplit("-", 1)[0] if release else tagged
    if not model:
        raise _refused(f"run {run!r} is not ours and carries no tag baton.model")
    identity = names.identity_key("run", delivered.topic.lower(), run, status)
    trace = context.read(tags.get(TRACE_TAG, ""))
    event = events.RunChanged(id=identity, at=now, trace=trace, run_id=run, status=status, model=tagged)
    return Routed(_model(model), event)


def _monitor_reported(delivered: Delivered, model: str, run: str, status: str, now: datetime) -> Routed:
    """A completed run that carries the tag `baton.monitor` is the life sign of that model's monitor; no other is."""
    if status != "completed":
        raise _refused(f"monitor run {run!r} is {status}, which is no life sign")
    identity = names.identity_key("monitor", delivered.topic.lower(), run)
    return Routed(_model(model), events.MonitorReported(id=identity, at=now, run_id=run))


def _threshold_passed(delivered: Delivered, tags: Mapping[str, str], run: str, now: datetime) -> Routed:
    """A model monitor's alert of Azure ML (SDK v2). The tag stays, so each later status of the run tells the same once more."""
    told = tags[breach.TAG]
    found = breach.read_breach(told)
    if found is None:
        raise _refused(f"monitor run {run!r} has a tag {breach.TAG} that names no signal")
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
    return Routed(_model(model), event)


def _model_registered(delivered: Delivered, data: Mapping[str, Any], now: datetime) -> Routed:
    model, version = _text(data, "modelName"), _text(data, "modelVersion")
    if delivered.subject != f"models/{model}:{version}":
        raise _refused(f"subject {delivered.subject!r} and data name {model}:{version} disagree")
    tags = _tags(data, "modelTags")
    release, trace = tags.get("baton.release", "")[:TEXT_LONGEST], context.read(tags.get(TRACE_TAG, ""))
    identity = names.identity_key("model", delivered.topic.lower(), model, version)
    event = events.ModelRegistered(id=identity, at=now, trace=trace, version=version, release=release)
    return Routed(_model(model), event)


def _model_deployed(delivered: Delivered, data: Mapping[str, Any], now: datetime) -> Routed:
    service, ids = _text(data, "serviceName"), str(data.get("modelids") or "")
    if delivered.subject != f"endpoints/{service}":
        raise _refused(f"subject {delivered.subject!r} and data.serviceName {service!r} disagree")
    model = ids.split(",")[0].rsplit(":", 1)[0].strip() or service
    identity = names.identity_key("deployed", delivered.topic.lower(), service, ids, delivered.id)
    return Routed(_model(model), events.ModelDeployed(id=identity, at=now, service=service))


def _drift_detected(delivered: Delivered, data: Mapping[str, Any], now: datetime) -> Routed:
    monitor, run = _text(data, "dataDriftName"), _text(data, "runId")
    if not delivered.subject.endswith(f"/{run}"):
        raise _refused(f"subject {delivered.subject!r} and data.runId {run!r} disagree")
    coefficient = _number(data, "driftCoefficient")
    identity = names.identity_key("drift", delivered.topic.lower(), monitor, run)
    signal, columns = data.get("signal", SIGNALS[0]), _names(data, "columns")
    if signal not in SIGNALS:
        raise _refused(f"data.signal is {signal!r:.80}, must be one of {', '.join(SIGNALS)}")
    event = events.DriftDetected(
        id=identity, at=now, monitor=monitor, run_id=run, coefficient=coefficient, signal=signal, columns=columns
    )
    return Routed(_model(monitor), event)


def _names(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Names in a list that may be left out, as Azure ML's own monitors do."""
    found = data.get(key, [])
    if not isinstance(found, list) or len(found) > NAMES_MOST:
        raise _refused(f"data.{key} must be a list of at most {NAMES_MOST} names")
    if not all(isinstance(name, str) and 0 < len(name) <= TEXT_LONGEST and name.isprintable() for name in found):
        raise _refused(f"data.{key} holds something that is no name")
    return tuple(found)


def _number(data: Mapping[str, Any], key: str) -> float:
    value = data.get(key.lower())
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= FLOAT_MOST:
        raise _refused(f"data.{key} is {value!r}, must be a finite number")
    return float(value)


def _retrain_requested(delivered: Delivered, data: Mapping[str, Any], now: datetime) -> Routed:
    """Another system asks for a retrain. A person's decision is refused here: it enters through the web API only."""
    model, by = _text(data, "model"), _text(data, "by")
    identity = names.identity_key("request", delivered.topic.lower(), delivered.id)
    why = str(data.get("why") or "asked through the topic")[:TOLD_LONGEST]
    return Routed(_model(model), events.RetrainRequested(id=identity, at=now, by=by, why=why))


Reader = Callable[[Delivered, Mapping[str, Any], datetime], Routed]
READERS: Mapping[str, tuple[str, Reader]] = {
    "microsoft.storage.blobcreated": ("storage", _blob_created),
    "microsoft.machinelearningservices.runcompleted": ("workspace", _run_changed),
    "microsoft.machinelearningservices.runstatuschanged": ("workspace", _run_changed),
    "microsoft.machinelearningservices.modelregistered": ("workspace", _model_registered),
    "microsoft.machinelearningservices.modeldeployed": ("workspace", _model_deployed),
    "microsoft.machinelearningservices.datasetdriftdetected": ("workspace", _drift_detected),
    "baton.retrainrequested": ("custom", _retrain_requested),
}
