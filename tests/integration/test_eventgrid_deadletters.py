"""Events that the emulator gives up: dead letters in the form that Azure writes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core.messaging import CloudEvent
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.daemon import wait_until
from tests.integration.recording import Peer
from tests.integration.topics import STORAGE, Emulator, blob_created, client


@pytest.fixture
def deadletter(connection: str) -> Iterator[ContainerClient]:
    with BlobServiceClient.from_connection_string(connection) as service:
        yield service.create_container(f"dead-{uuid.uuid4().hex}")


def dead_letter(container: ContainerClient) -> tuple[str, Any]:
    """The name and content of the first dead letter, waited for."""
    wait_until(lambda: any(container.list_blob_names()), timeout_seconds=20, what="no dead letter was written")
    name = next(iter(container.list_blob_names()))
    return name, json.loads(container.download_blob(name).readall())


def test_after_its_last_attempt_an_event_is_a_dead_letter_in_azures_form(
    emulator: Emulator, functions: Peer, deadletter: ContainerClient, connection: str
) -> None:
    functions.answer = lambda _: (404, {})
    now = datetime.now(UTC)
    more = ("--compress", "3000", "--deadletters", deadletter.container_name)
    client(emulator(*more, data=connection, maxDeliveryAttempts=2)).send(blob_created(id="lost"))
    name, content = dead_letter(deadletter)
    subscription, *path = name.split("/")
    assert (subscription, path[:3]) == ("ON-NEW-DATA", [str(now.year), str(now.month), str(now.day)])
    assert len(content) == 1
    assert {
        "id": "lost", "topic": STORAGE, "deadLetterReason": "MaxDeliveryAttemptsExceeded", "deliveryAttempts": 2,
        "lastDeliveryOutcome": "NotFound", "lastHttpStatusCode": 404,
    }.items() <= content[0].items()  # fmt: skip
    assert {"publishTime", "lastDeliveryAttemptTime"} <= content[0].keys()


def test_a_cloud_event_is_a_dead_letter_with_keys_in_lower_case(
    emulator: Emulator, functions: Peer, deadletter: ContainerClient, connection: str
) -> None:
    functions.answer = lambda _: (400, {})
    grid = emulator("--compress", "3000", "--deadletters", deadletter.container_name, data=connection)
    client(grid).send(CloudEvent("/baton/cli", "Baton.RetrainRequested", data={}))
    _, (content,) = dead_letter(deadletter)
    assert (content["deadletterreason"], content["deliveryattempts"]) == ("UndeliverableDueToHttpBadRequest", 1)


def test_an_event_older_than_its_time_to_live_is_a_dead_letter(
    emulator: Emulator, functions: Peer, deadletter: ContainerClient, connection: str
) -> None:
    functions.answer = lambda _: (500, {})
    more = ("--compress", "600", "--deadletters", deadletter.container_name)
    client(emulator(*more, data=connection, eventTimeToLiveInMinutes=1)).send(blob_created())
    _, (content,) = dead_letter(deadletter)
    assert content["deadLetterReason"] == "TimeToLiveExceeded"
