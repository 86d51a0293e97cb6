"""The emulator over the wire: the real azure-eventgrid client on one side, a functions host's webhook on the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent

from local.daemon import free_port, wait_until
from tests.integration.recording import Peer, Request, peer
from tests.integration.topics import KEY, STORAGE, Emulator, Start, blob_created, client, metrics


def test_an_event_of_the_real_client_reaches_its_function_with_event_grids_headers(
    emulator: Emulator, functions: Peer
) -> None:
    client(emulator()).send(blob_created(id="one"))
    request = functions.next()
    assert (request.path, request.kind) == ("/runtime/webhooks/EventGrid?functionName=on_new_data", "Notification")
    assert request.headers["aeg-subscription-name"] == "ON-NEW-DATA"
    assert request.headers["aeg-delivery-count"] == "0"
    assert [event["id"] for event in request.body] == ["one"]


def test_the_topic_adds_its_resource_id_and_the_metadata_version(emulator: Emulator, functions: Peer) -> None:
    client(emulator()).send(blob_created())
    (event,) = functions.next().body
    assert (event["topic"], event["metadataVersion"]) == (STORAGE, "1")


def test_a_cloud_event_arrives_as_it_was_sent_as_a_single_object(emulator: Emulator, functions: Peer) -> None:
    sent = CloudEvent("/baton/cli", "Baton.RetrainRequested", data={"model": "diabetes"}, id="one")
    client(emulator()).send(sent)
    request = functions.next()
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert {"id": "one", "source": "/baton/cli", "type": "Baton.RetrainRequested", "specversion": "1.0"}.items() <= (
        request.body.items()
    )


def test_a_batch_becomes_one_request_an_event(emulator: Emulator, functions: Peer) -> None:
    client(emulator()).send([blob_created(id=str(number)) for number in range(20)])
    assert {functions.next().body[0]["id"] for _ in range(20)} == {str(number) for number in range(20)}


def test_a_function_is_validated_before_its_first_event(emulator: Emulator, functions: Peer) -> None:
    client(emulator()).send(blob_created())
    functions.next()
    (handshake,) = functions.handshakes
    assert handshake.function == "on_new_data"
    assert handshake.body[0]["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent"


def test_events_wait_for_a_functions_host_that_is_not_there_yet(emulator: Emulator) -> None:
    port = free_port()
    grid = emulator(host=f"http://127.0.0.1:{port}")
    client(grid).send(blob_created(id="early"))
    with peer(port=port) as late:
        assert late.next().body[0]["id"] == "early"


def test_what_no_subscription_wants_is_accepted_and_goes_nowhere(emulator: Emulator, functions: Peer) -> None:
    grid = emulator(subjectBeginsWith="/blobServices/default/containers/incoming/blobs/")
    client(grid).send(blob_created(id="unwanted", subject="/blobServices/default/containers/incoming-evil/blobs/a"))
    client(grid).send(blob_created(id="wanted"))
    assert functions.next().body[0]["id"] == "wanted"


@pytest.mark.parametrize("size", [60_000, 900_000])
def test_a_large_event_below_the_limit_arrives_whole(emulator: Emulator, functions: Peer, size: int) -> None:
    event = EventGridEvent("s", "Microsoft.Storage.BlobCreated", {"fill": "x" * size}, "1")
    client(emulator()).send(event)
    assert len(functions.next().body[0]["data"]["fill"]) == size


def test_a_failed_delivery_is_made_again_with_its_count(emulator: Emulator, functions: Peer) -> None:
    answers = iter([500, 503, 202])
    functions.answer = lambda _: (next(answers), {})
    client(emulator("--compress", "600")).send(blob_created(id="again"))
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


def test_an_accepted_event_outlives_a_kill(emulator: Emulator, functions: Peer) -> None:
    port = free_port()
    grid = emulator(host=f"http://127.0.0.1:{port}")
    client(grid).send([blob_created(id=str(number)) for number in range(3)])
    grid.kill()
    emulator(host=functions.url)
    assert {functions.next().body[0]["id"] for _ in range(3)} == {"0", "1", "2"}


def test_metrics_tell_what_waits_and_what_arrived(emulator: Emulator, functions: Peer) -> None:
    grid = emulator()
    client(grid).send([blob_created(), blob_created()])
    wait_until(lambda: metrics(grid)["delivered"] == 2, timeout_seconds=15, what="two events were not delivered")
    assert metrics(grid)["subscriptions"]["on-new-data"]["depth"] == 0
