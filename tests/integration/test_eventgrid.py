"""The emulator over the wire: the real azure-eventgrid client on one side, a functions host's webhook on the other."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.credentials import AzureKeyCredential, AzureSasCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent, EventGridPublisherClient, generate_sas
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.daemon import free_port, wait_until
from tests.integration.conftest import Daemon
from tests.integration.recording import Peer, Request, peer

KEY = base64.b64encode(b"the key of the topics, at least so long").decode()
STORAGE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
    "/providers/Microsoft.Storage/storageAccounts/devstoreaccount1"
)
Start = Callable[..., Daemon]
Run = Callable[..., Daemon]


@pytest.fixture
def functions() -> Iterator[Peer]:
    with peer() as recorded:
        yield recorded


@pytest.fixture
def run(start: Start, tmp_path: Path, functions: Peer) -> Run:
    """Start the emulator with one subscription on the storage topic, `run(maxDeliveryAttempts=3)`."""

    def started(*more: str, host: str = functions.url, data: str = "", port: int = 0, **subscription: object) -> Daemon:
        path = tmp_path / "subscriptions.json"
        one = {"name": "on-new-data", "topic": "storage", "function": "on_new_data", **subscription}
        path.write_text(json.dumps({"v": 1, "subscriptions": [one]}))
        words = ("--subscriptions", str(path), "--host", host, "--state", str(tmp_path / "state"), "--port", str(port))
        return start("local.eventgrid", *words, *more, BATON_TOPIC_KEY=KEY, BATON_DATA=data)

    return started


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


def test_an_event_of_the_real_client_reaches_its_function_with_event_grids_headers(run: Run, functions: Peer) -> None:
    client(run()).send(blob_created(id="one"))
    request = functions.next()
    assert (request.path, request.kind) == ("/runtime/webhooks/EventGrid?functionName=on_new_data", "Notification")
    assert request.headers["aeg-subscription-name"] == "ON-NEW-DATA"
    assert request.headers["aeg-delivery-count"] == "0"
    assert [event["id"] for event in request.body] == ["one"]


def test_the_topic_adds_its_resource_id_and_the_metadata_version(run: Run, functions: Peer) -> None:
    client(run()).send(blob_created())
    (event,) = functions.next().body
    assert (event["topic"], event["metadataVersion"]) == (STORAGE, "1")


def test_a_cloud_event_arrives_as_it_was_sent_as_a_single_object(run: Run, functions: Peer) -> None:
    sent = CloudEvent("/baton/cli", "Baton.RetrainRequested", data={"model": "diabetes"}, id="one")
    client(run()).send(sent)
    request = functions.next()
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert {"id": "one", "source": "/baton/cli", "type": "Baton.RetrainRequested", "specversion": "1.0"}.items() <= (
        request.body.items()
    )


def test_a_batch_becomes_one_request_an_event(run: Run, functions: Peer) -> None:
    client(run()).send([blob_created(id=str(number)) for number in range(20)])
    assert {functions.next().body[0]["id"] for _ in range(20)} == {str(number) for number in range(20)}


def test_a_function_is_validated_before_its_first_event(run: Run, functions: Peer) -> None:
    client(run()).send(blob_created())
    functions.next()
    (handshake,) = functions.handshakes
    assert handshake.function == "on_new_data"
    assert handshake.body[0]["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent"


def test_events_wait_for_a_functions_host_that_is_not_there_yet(run: Run) -> None:
    port = free_port()
    grid = run(host=f"http://127.0.0.1:{port}")
    client(grid).send(blob_created(id="early"))
    with peer(port=port) as late:
        assert late.next().body[0]["id"] == "early"


def test_what_no_subscription_wants_is_accepted_and_goes_nowhere(run: Run, functions: Peer) -> None:
    grid = run(subjectBeginsWith="/blobServices/default/containers/incoming/blobs/")
    client(grid).send(blob_created(id="unwanted", subject="/blobServices/default/containers/incoming-evil/blobs/a"))
    client(grid).send(blob_created(id="wanted"))
    assert functions.next().body[0]["id"] == "wanted"


def test_a_wrong_key_is_401(run: Run) -> None:
    with pytest.raises(ClientAuthenticationError):
        client(run(), key="wrong").send(blob_created())


def test_a_shared_access_signature_of_the_real_client_is_taken(run: Run, functions: Peer) -> None:
    url = f"{run().url}/topics/storage/api/events"
    token = generate_sas(url, KEY, datetime.now(UTC) + timedelta(minutes=5))
    EventGridPublisherClient(url, AzureSasCredential(token)).send(blob_created(id="signed"))
    assert functions.next().body[0]["id"] == "signed"


def test_an_expired_signature_is_401(run: Run) -> None:
    url = f"{run().url}/topics/storage/api/events"
    token = generate_sas(url, KEY, datetime.now(UTC) - timedelta(minutes=5))
    with pytest.raises(ClientAuthenticationError):
        EventGridPublisherClient(url, AzureSasCredential(token)).send(blob_created())


def test_an_unknown_topic_is_404(run: Run) -> None:
    with pytest.raises(ResourceNotFoundError):
        client(run(), topic="nowhere").send(blob_created())


@pytest.mark.parametrize("size", [60_000, 900_000])
def test_a_large_event_below_the_limit_arrives_whole(run: Run, functions: Peer, size: int) -> None:
    event = EventGridEvent("s", "Microsoft.Storage.BlobCreated", {"fill": "x" * size}, "1")
    client(run()).send(event)
    assert len(functions.next().body[0]["data"]["fill"]) == size


def test_two_megabytes_are_413(run: Run) -> None:
    event = EventGridEvent("s", "Microsoft.Storage.BlobCreated", {"fill": "x" * 2_000_000}, "1")
    with pytest.raises(HttpResponseError) as refused:
        client(run()).send(event)
    assert refused.value.status_code == 413


def test_one_bad_event_refuses_its_whole_batch(run: Run) -> None:
    good = {
        "id": "1",
        "subject": "s",
        "eventType": "T",
        "eventTime": "2026-01-01T00:00:00Z",
        "dataVersion": "",
        "data": {},
    }
    bad = {key: value for key, value in good.items() if key != "eventType"}
    grid = run()
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
def test_what_is_no_event_is_400_with_the_reason(run: Run, body: bytes, content_type: str, message: str) -> None:
    status, said = raw(run(), body, content_type)
    assert status == 400
    assert said.startswith(message)


def test_a_foreign_topic_inside_an_event_is_400(run: Run) -> None:
    event = {
        "id": "1",
        "subject": "s",
        "eventType": "T",
        "eventTime": "2026-01-01T00:00:00Z",
        "dataVersion": "",
        "topic": "/other",
    }
    assert raw(run(), json.dumps([event]).encode()) == (400, "topic '/other' is not this topic")


def test_a_failed_delivery_is_made_again_with_its_count(run: Run, functions: Peer) -> None:
    answers = iter([500, 503, 202])
    functions.answer = lambda _: (next(answers), {})
    client(run("--compress", "600")).send(blob_created(id="again"))
    requests = [functions.next() for _ in range(3)]
    assert [request.headers["aeg-delivery-count"] for request in requests] == ["0", "1", "2"]
    assert {request.body[0]["id"] for request in requests} == {"again"}


def test_a_slow_function_holds_up_no_other_subscription(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    subscriptions = [{"name": name, "topic": "custom", "function": name} for name in ("down", "up")]
    path.write_text(json.dumps({"v": 1, "subscriptions": subscriptions}))

    def answer(request: Request) -> tuple[int, object]:
        return (503 if request.function == "down" else 202), {}

    with peer(answer) as functions:
        words = ("--subscriptions", str(path), "--host", functions.url, "--state", str(tmp_path / "state"))
        client(start("local.eventgrid", *words, BATON_TOPIC_KEY=KEY), "custom").send([blob_created() for _ in range(5)])
        assert sorted(functions.next().function for _ in range(10)) == ["down"] * 5 + ["up"] * 5


def test_an_accepted_event_outlives_a_kill(run: Run, functions: Peer) -> None:
    port = free_port()
    grid = run(host=f"http://127.0.0.1:{port}")
    client(grid).send([blob_created(id=str(number)) for number in range(3)])
    grid.kill()
    run(host=functions.url)
    assert {functions.next().body[0]["id"] for _ in range(3)} == {"0", "1", "2"}


def test_metrics_tell_what_waits_and_what_arrived(run: Run, functions: Peer) -> None:
    grid = run()
    client(grid).send([blob_created(), blob_created()])
    wait_until(lambda: metrics(grid)["delivered"] == 2, timeout_seconds=15, what="two events were not delivered")
    assert metrics(grid)["subscriptions"]["on-new-data"]["depth"] == 0


NONSENSE = (b"", b"{", b"{}", b"null", b'["x"]', b"\xff\xfe", b"[" * 100_000, b'[{"id": {}}]', b"\x00" * 70_000)


def test_no_nonsense_to_a_route_is_answered_5xx(run: Run) -> None:
    base = run().url
    paths = ("/topics/storage/api/events", "/topics/none/api/events", "/health", "/metrics", "/x")
    headers = {"aeg-sas-key": KEY, "Content-Type": "application/json"}
    with httpx.Client(base_url=base, headers=headers) as client:
        tries = [(method, path, body) for method in ("POST", "GET") for path in paths for body in NONSENSE]
        answered = {one: client.request(one[0], one[1], content=one[2]).status_code for one in tries}
    assert {one: status for one, status in answered.items() if status >= 500} == {}


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
    run: Run, functions: Peer, deadletter: ContainerClient, connection: str
) -> None:
    functions.answer = lambda _: (404, {})
    now = datetime.now(UTC)
    more = ("--compress", "3000", "--deadletters", deadletter.container_name)
    client(run(*more, data=connection, maxDeliveryAttempts=2)).send(blob_created(id="lost"))
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
    run: Run, functions: Peer, deadletter: ContainerClient, connection: str
) -> None:
    functions.answer = lambda _: (400, {})
    grid = run("--compress", "3000", "--deadletters", deadletter.container_name, data=connection)
    client(grid).send(CloudEvent("/baton/cli", "Baton.RetrainRequested", data={}))
    _, (content,) = dead_letter(deadletter)
    assert (content["deadletterreason"], content["deliveryattempts"]) == ("UndeliverableDueToHttpBadRequest", 1)


def test_an_event_older_than_its_time_to_live_is_a_dead_letter(
    run: Run, functions: Peer, deadletter: ContainerClient, connection: str
) -> None:
    functions.answer = lambda _: (500, {})
    more = ("--compress", "600", "--deadletters", deadletter.container_name)
    client(run(*more, data=connection, eventTimeToLiveInMinutes=1)).send(blob_created())
    _, (content,) = dead_letter(deadletter)
    assert content["deadLetterReason"] == "TimeToLiveExceeded"


def raw(grid: Daemon, body: bytes, content_type: str = "application/json") -> tuple[int, str]:
    """POST bytes as they are; the status and the message of the error."""
    url = f"{grid.url}/topics/storage/api/events?api-version=2018-01-01"
    request = urllib.request.Request(url, body, {"Content-Type": content_type, "aeg-sas-key": KEY})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    return refused.value.code, json.load(refused.value)["error"]["message"]
