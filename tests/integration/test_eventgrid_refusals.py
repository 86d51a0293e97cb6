"""What a topic of the emulator does not take: wrong keys, too much, and what is no event."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.eventgrid import EventGridEvent, EventGridPublisherClient, generate_sas

from tests.integration.recording import Peer
from tests.integration.topics import KEY, Emulator, blob_created, client, metrics, raw


def test_a_wrong_key_is_401(emulator: Emulator) -> None:
    with pytest.raises(ClientAuthenticationError):
        client(emulator(), key="wrong").send(blob_created())


def test_a_shared_access_signature_of_the_real_client_is_taken(emulator: Emulator, functions: Peer) -> None:
    url = f"{emulator().url}/topics/storage/api/events"
    token = generate_sas(url, KEY, datetime.now(UTC) + timedelta(minutes=5))
    EventGridPublisherClient(url, AzureSasCredential(token)).send(blob_created(id="signed"))
    assert functions.next().body[0]["id"] == "signed"


def test_an_expired_signature_is_401(emulator: Emulator) -> None:
    url = f"{emulator().url}/topics/storage/api/events"
    token = generate_sas(url, KEY, datetime.now(UTC) - timedelta(minutes=5))
    with pytest.raises(ClientAuthenticationError):
        EventGridPublisherClient(url, AzureSasCredential(token)).send(blob_created())


def test_an_unknown_topic_is_404(emulator: Emulator) -> None:
    with pytest.raises(ResourceNotFoundError):
        client(emulator(), topic="nowhere").send(blob_created())


def test_two_megabytes_are_413(emulator: Emulator) -> None:
    event = EventGridEvent("s", "Microsoft.Storage.BlobCreated", {"fill": "x" * 2_000_000}, "1")
    with pytest.raises(HttpResponseError) as refused:
        client(emulator()).send(event)
    assert refused.value.status_code == 413


def test_one_bad_event_refuses_its_whole_batch(emulator: Emulator) -> None:
    good = {
        "id": "1",
        "subject": "s",
        "eventType": "T",
        "eventTime": "2026-01-01T00:00:00Z",
        "dataVersion": "",
        "data": {},
    }
    bad = {key: value for key, value in good.items() if key != "eventType"}
    grid = emulator()
    assert raw(grid, json.dumps([good, bad]).encode()) == (400, "eventType is missing, empty or no text")
    assert metrics(grid)["depth"] == 0


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"{", "application/json", "the body is not JSON"),
        (b"{}", "application/json", "the body must be an array of events"),
        (b'["text"]', "application/json", "an event is str, must be an object"),
        (b"[]", "text/plain", "content type 'text/plain'"),
        (b"[NaN]", "application/json", "NaN is not JSON"),
        (b"[" * 200_000, "application/json", "the body is not JSON"),
        (b'[{"id":"1","source":"s","type":"t","specversion":"2.0"}]', "application/cloudevents-batch+json", "specversion is '2.0'"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_400_with_the_reason(
    emulator: Emulator, body: bytes, content_type: str, message: str
) -> None:
    status, said = raw(emulator(), body, content_type)
    assert status == 400
    assert said.startswith(message)


def test_a_foreign_topic_inside_an_event_is_400(emulator: Emulator) -> None:
    event = {
        "id": "1",
        "subject": "s",
        "eventType": "T",
        "eventTime": "2026-01-01T00:00:00Z",
        "dataVersion": "",
        "topic": "/other",
    }
    assert raw(emulator(), json.dumps([event]).encode()) == (400, "topic '/other' is not this topic")


NONSENSE = (b"", b"{", b"{}", b"null", b'["x"]', b"\xff\xfe", b"[" * 100_000, b'[{"id": {}}]', b"\x00" * 70_000)


def test_no_nonsense_to_a_route_is_answered_5xx(emulator: Emulator) -> None:
    base = emulator().url
    paths = ("/topics/storage/api/events", "/topics/none/api/events", "/health", "/metrics", "/x")
    headers = {"aeg-sas-key": KEY, "Content-Type": "application/json"}
    with httpx.Client(base_url=base, headers=headers) as client:
        tries = [(method, path, body) for method in ("POST", "GET") for path in paths for body in NONSENSE]
        answered = {one: client.request(one[0], one[1], content=one[2]).status_code for one in tries}
    assert {one: status for one, status in answered.items() if status >= 500} == {}
