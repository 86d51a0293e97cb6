"""Deliveries for tests: the golden events of `tests/events` as a trigger of ours gets them, and what `wire.read` says.

Their sources stand beside the golden files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from azure.functions.meta import Datum

from functions.intake import delivered as delivered_by_trigger
from shared.errors import EventRefused
from shared.settings import LOCAL_STORAGE, LOCAL_TOPIC, LOCAL_WORKSPACE
from shared.wire import Delivered, Routed, Sources, read

EXAMPLES = Path(__file__).parent / "events"
SOURCES = Sources(LOCAL_STORAGE, LOCAL_WORKSPACE, LOCAL_TOPIC)
NOW = datetime(2026, 11, 24, 7, tzinfo=UTC)
BLOB = "diabetes/new.csv"


def example(name: str) -> dict[str, Any]:
    read_back: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text())
    return read_back


def through_the_trigger(document: Mapping[str, Any]) -> Delivered:
    """As the azure-functions library gives the event to our function."""
    converter: Any = func.get_binding_registry().get("eventGridTrigger")
    return delivered_by_trigger(converter.decode(Datum(json.dumps(document), "json"), trigger_metadata={}))


def golden(name: str) -> Delivered:
    return through_the_trigger(example(name))


def taken(delivered: Delivered) -> Routed:
    return read(delivered, SOURCES, NOW)


def event_of(delivered: Delivered) -> Any:
    return taken(delivered).event


def reason(delivered: Delivered) -> str:
    with pytest.raises(EventRefused) as refused:
        read(delivered, SOURCES, NOW)
    assert refused.value.next
    return refused.value.what


def changed(delivered: Delivered, **data: object) -> Delivered:
    """The same event with other data; None takes an entry away."""
    assert isinstance(delivered.data, Mapping)
    merged = {**delivered.data, **data}
    return replace(delivered, data={key: value for key, value in merged.items() if value is not None})


def drop(blob: str = BLOB, **data: object) -> Delivered:
    """BlobCreated of a blob, subject and URL in agreement."""
    url = f"https://devstoreaccount1.blob.core.windows.net/incoming/{blob}"
    subject = f"/blobServices/default/containers/incoming/blobs/{blob}"
    return replace(changed(golden("blob_created"), url=url, **data), subject=subject)


def request(**data: object) -> Delivered:
    """A retrain that another system asks for through the custom topic."""
    body = {"model": "diabetes", "by": "scheduler", "why": "monthly", **data}
    return Delivered("q-1", LOCAL_TOPIC, "anything", "Baton.RetrainRequested", NOW, body)
