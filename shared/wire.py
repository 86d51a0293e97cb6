"""From the wire to the chain: what Event Grid delivers becomes one of our events, or is refused with a reason.

Nothing is trusted because it arrived: topic and subject are held against the configured sources, and
subject and data must agree. Shapes are those of Microsoft's system events for Storage and Machine
Learning (azure-rest-api-specs, specification/eventgrid), whose keys occur in several casings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import events, names
from shared.arriving.delivered import Delivered, Routed
from shared.arriving.drops import blob_created
from shared.arriving.fields import fields, model_of, refused, text
from shared.arriving.workspace import drift_detected, model_deployed, model_registered, run_changed

__all__ = ["Delivered", "Routed", "Sources", "read"]

LARGEST = 1024 * 1024
ID_LONGEST, TOLD_LONGEST = 1024, 1000
AHEAD, BEHIND = timedelta(hours=1), timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Sources:
    """The topics that are ours, as Azure resource ids; case does not matter."""

    storage: str
    workspace: str
    custom: str


def read(delivered: Delivered, sources: Sources, now: datetime) -> Routed:
    """The event for the chain; `EventRefused` says which rule it breaks. Pure and safe to repeat."""
    _check_form(delivered)
    kind = delivered.type.lower()
    if kind not in READERS:
        raise refused(f"type {delivered.type!r} is none that Baton takes")
    source, reader = READERS[kind]
    _check_envelope(delivered, getattr(sources, source), now)
    data = fields(delivered)
    return reader(delivered, data, now)


def _check_form(delivered: Delivered) -> None:
    """What nobody could store or show is refused before anything of it is read."""
    every = (delivered.id, delivered.topic, delivered.subject, delivered.type, delivered.data)
    try:
        size = len(json.dumps(every, ensure_ascii=False, default=str).encode())
    except (ValueError, RecursionError) as error:
        raise refused(f"it cannot be written as JSON text ({type(error).__name__})") from error
    if size > LARGEST:
        raise refused(f"it is {size} bytes large, at most {LARGEST} are taken")


def _check_envelope(delivered: Delivered, topic: str, now: datetime) -> None:
    if not topic:
        raise refused(f"no source of {delivered.type} is configured: the platform of this installation sends none")
    if delivered.topic.lower() != topic.lower():
        raise refused(f"topic {delivered.topic!r} is not the configured source {topic}")
    if not delivered.id or len(delivered.id) > ID_LONGEST:
        raise refused("its id is missing or longer than 1,024 characters")
    if delivered.time is not None and delivered.time.tzinfo is not None:
        if not now - BEHIND <= delivered.time <= now + AHEAD:
            raise refused(f"its time {delivered.time.isoformat()} is outside the window of 3 days back, 1 hour ahead")


def _retrain_requested(delivered: Delivered, data: Mapping[str, Any], now: datetime) -> Routed:
    """Another system asks for a retrain. A person's decision is refused here: it enters through the web API only."""
    model, by = text(data, "model"), text(data, "by")
    identity = names.identity_key("request", delivered.topic.lower(), delivered.id)
    why = str(data.get("why") or "asked through the topic")[:TOLD_LONGEST]
    return Routed(model_of(model), events.RetrainRequested(id=identity, at=now, by=by, why=why))


Reader = Callable[[Delivered, Mapping[str, Any], datetime], Routed]
READERS: Mapping[str, tuple[str, Reader]] = {
    "microsoft.storage.blobcreated": ("storage", blob_created),
    "microsoft.machinelearningservices.runcompleted": ("workspace", run_changed),
    "microsoft.machinelearningservices.runstatuschanged": ("workspace", run_changed),
    "microsoft.machinelearningservices.modelregistered": ("workspace", model_registered),
    "microsoft.machinelearningservices.modeldeployed": ("workspace", model_deployed),
    "microsoft.machinelearningservices.datasetdriftdetected": ("workspace", drift_detected),
    "baton.retrainrequested": ("custom", _retrain_requested),
}
