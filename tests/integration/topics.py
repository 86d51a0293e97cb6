"""Publishing to the Event Grid emulator, as the real client does and by raw bytes."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from azure.core.credentials import AzureKeyCredential
from azure.eventgrid import EventGridEvent, EventGridPublisherClient

from tests.integration.conftest import Daemon

KEY = base64.b64encode(b"the key of the topics, at least so long").decode()
STORAGE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
    "/providers/Microsoft.Storage/storageAccounts/devstoreaccount1"
)
Start = Callable[..., Daemon]
Emulator = Callable[..., Daemon]


def client(grid: Daemon, topic: str = "storage", key: str = KEY) -> EventGridPublisherClient:
    return EventGridPublisherClient(f"{grid.url}/topics/{topic}/api/events", AzureKeyCredential(key))


def blob_created(
    id: str = "", subject: str = "/blobServices/default/containers/incoming/blobs/a.csv"
) -> EventGridEvent:
    data = {"api": "PutBlob", "contentLength": 3}
    return EventGridEvent(subject, "Microsoft.Storage.BlobCreated", data, "", id=id or str(uuid.uuid4()))


def metrics(grid: Daemon) -> Mapping[str, Any]:
    with urllib.request.urlopen(f"{grid.url}/metrics") as answer:
        found: Mapping[str, Any] = json.load(answer)
        return found


def raw(grid: Daemon, body: bytes, content_type: str = "application/json") -> tuple[int, str]:
    """POST bytes as they are; the status and the message of the error."""
    url = f"{grid.url}/topics/storage/api/events?api-version=2018-01-01"
    request = urllib.request.Request(url, body, {"Content-Type": content_type, "aeg-sas-key": KEY})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    return refused.value.code, json.load(refused.value)["error"]["message"]
