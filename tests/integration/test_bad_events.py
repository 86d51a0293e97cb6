"""Bad events through the real host and the project's own function app: each is answered 2xx and recorded with its reason.

The platform's addresses lead nowhere: taking events in needs storage and nothing else.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.daemon import wait_until
from shared import events, wiring
from shared.files.folder import folder_files, folder_hash
from shared.journaling.journal import read
from shared.ledger import Ledger
from shared.settings import LOCAL_STORAGE, LOCAL_WORKSPACE
from tests.integration.hosting import PROJECT, RunningHost, start_host

DIABETES = PROJECT / "models" / "diabetes"
NOWHERE = "http://127.0.0.1:9"
Event = dict[str, Any]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, connection: str) -> Iterator[RunningHost]:
    """The function app with the diabetes model published, over storage of its own."""
    wiring.create_storage(connection)
    folder = tmp_path_factory.mktemp("app")
    log = folder / "log.txt"
    with log.open("w") as stderr:
        process = start_host(PROJECT, folder / "state", settings(connection, folder), stderr=stderr.fileno())
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline() or "{}")
            assert ready.get("ready"), log.read_text()
            running = RunningHost(process, ready["url"], "", log, log)
            publish(running, connection)
            yield running
        finally:
            process.kill()
            process.communicate()


def settings(connection: str, folder: Path) -> dict[str, str]:
    (folder / "users.json").write_text('{"a-key": "operations"}')
    return {
        "BATON_DATA": connection,
        "BATON_APPROVAL_KEY": "a key of these tests",
        "BATON_SIGNING_KEY": "00" * 32,
        "BATON_URL": NOWHERE,
        "BATON_ROUTER": NOWHERE,
        "BATON_ROUTER_KEY": "none",
        "BATON_USERS": str(folder / "users.json"),
        "BATON_HOME": str(folder / "home"),
        "BATON_SWEEP": "0 0 0 1 1 *",
        "MLFLOW_TRACKING_URI": NOWHERE,
    }


def publish(host: RunningHost, connection: str) -> None:
    """Upload the diabetes folder and publish it as a person does."""
    _, _, blobs = wiring.storage(connection)
    shelf = folder_hash(DIABETES)
    for file in folder_files(DIABETES):
        name = f"diabetes/{shelf}/{file.relative_to(DIABETES).as_posix()}"
        blobs.put("models", name, file, content_type="application/octet-stream")
    asked = httpx.post(
        f"{host.url}/api/models/diabetes/publish",
        headers={"authorization": "Bearer a-key"},
        json={"folder": shelf, "why": "tests"},
        timeout=30,
    )
    assert asked.status_code == 202, asked.text
    book = Ledger(wiring.storage(connection)[0])
    wait_until(lambda: book.has_head("diabetes"), timeout_seconds=20, what="the model was not published")


@pytest.fixture
def book(connection: str) -> Ledger:
    """The ledger that the app writes to."""
    return Ledger(wiring.storage(connection)[0])


def drop(**changes: Any) -> Event:
    """BlobCreated for a name of its own; `data` is merged, other names replace what stands in the envelope."""
    name = changes.pop("name", f"{uuid.uuid4().hex}.csv")
    data = changes.pop("data", {})
    if isinstance(data, Mapping):
        url = f"https://devstoreaccount1.blob.core.windows.net/incoming/diabetes/{name}"
        data = {"api": "PutBlob", "eTag": "0x1", "contentLength": 10, "url": url, **data}
    event = {
        "id": str(uuid.uuid4()),
        "topic": LOCAL_STORAGE,
        "subject": f"/blobServices/default/containers/incoming/blobs/diabetes/{name}",
        "eventType": "Microsoft.Storage.BlobCreated",
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z"),
        "data": data,
        "dataVersion": "",
        "metadataVersion": "1",
        **changes,
    }
    return {key: value for key, value in event.items() if value is not None}


def cloud(event: Event) -> Event:
    """The same event as a CloudEvent."""
    names = {"topic": "source", "eventType": "type", "eventTime": "time"}
    kept = {names.get(key, key): value for key, value in event.items() if "Version" not in key}
    return {"specversion": "1.0", **kept}


def post(host: RunningHost, body: object, **headers: str) -> int:
    """Deliver to `on_new_data` as Event Grid does; returns the status."""
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    answer = httpx.post(
        f"{host.url}/runtime/webhooks/EventGrid",
        params={"functionName": "on_new_data"},
        headers={"aeg-event-type": "Notification", **headers},
        content=content,
        timeout=30,
    )
    return answer.status_code


def recorded(host: RunningHost, book: Ledger, bad: object, *, also: tuple[Event, ...] = ()) -> Mapping[str, Any]:
    """Deliver a bad event, with good ones `also`, and return the one row that was written for it."""
    before = book.unrouted(1000)
    assert post(host, [*also, bad]) == 202
    (row,) = [row for row in book.unrouted(1000) if row not in before]
    assert row["next"]
    return row


def blob_of(event: Event) -> str:
    return str(event["subject"]).removeprefix("/blobServices/default/containers/incoming/blobs/")


def decided(book: Ledger, event: Event) -> int:
    """How often the journal decided on the drop of this event."""
    lines = [read(line)["event"] for line in book.journal("diabetes")]
    return sum(line["kind"] == "DataLanded" and line["blob"] == blob_of(event) for line in lines)


def until_taken(book: Ledger, event: Event) -> None:
    wait_until(lambda: decided(book, event) == 1, timeout_seconds=20, what=f"{blob_of(event)} was not taken")


# Taken


@pytest.mark.parametrize("size", [60_000, 900_000])
def test_a_large_event_is_taken(host: RunningHost, book: Ledger, size: int) -> None:
    event = drop(data={"more": "x" * size})
    assert post(host, [event]) == 202
    until_taken(book, event)


@pytest.mark.parametrize(
    "type", ["application/json; charset=utf-8", "text/plain", "application/xml", "application/cloudevents+json"]
)
def test_the_content_type_plays_no_part(host: RunningHost, book: Ledger, type: str) -> None:
    event = drop()
    assert post(host, [event], **{"content-type": type}) == 202
    until_taken(book, event)


def test_a_cloud_event_is_taken(host: RunningHost, book: Ledger) -> None:
    event = drop()
    assert post(host, cloud(event), **{"content-type": "application/cloudevents+json"}) == 202
    until_taken(book, event)


def test_the_same_drop_in_both_schemas_is_taken_once(host: RunningHost, book: Ledger) -> None:
    event = drop()
    assert post(host, [event, cloud(event)]) == 202
    until_taken(book, event)
    assert post(host, [event]) == 202
    after = drop()
    assert post(host, [after]) == 202
    until_taken(book, after)
    assert decided(book, event) == 1


def test_keys_of_data_in_any_casing_are_taken(host: RunningHost, book: Ledger) -> None:
    event = drop()
    event["data"] = {key.upper(): value for key, value in event["data"].items()}
    assert post(host, [event]) == 202
    until_taken(book, event)


def test_a_name_with_spaces_is_taken(host: RunningHost, book: Ledger) -> None:
    event = drop(name=f"new patients {uuid.uuid4().hex} (2).csv")
    assert post(host, [event]) == 202
    until_taken(book, event)


# Recorded with the reason


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (drop(eventType="Microsoft.Storage.BlobDeleted"), "type 'Microsoft.Storage.BlobDeleted' is none that Baton takes"),
        (drop(eventType=None), "type '' is none that Baton takes"),
        (drop(topic=LOCAL_STORAGE.replace("local", "foreign")), "is not the configured source"),
        (drop(topic=LOCAL_WORKSPACE), "is not the configured source"),
        (drop(subject=None), "subject '' is not a blob in container incoming"),
        (drop(data=None), "its data is NoneType, must be an object"),
        (drop(data="text"), "its data is str, must be an object"),
        (drop(data={"url": None}), "data.url is None, must be text"),
        (drop(data={"contentLength": "ten"}), "data.contentLength is 'ten', must be a number of bytes"),
        (drop(data={"more": "x" * 2_000_000}), "bytes large, at most 1048576 are taken"),
        (drop(data={"why": "\ud800"}), "it cannot be written as JSON text (UnicodeEncodeError)"),
        (drop(id=None), "its id is missing or longer than 1,024 characters"),
        (drop(eventTime="2019-01-01T00:00:00Z"), "outside the window of 3 days back, 1 hour ahead"),
        (drop(name="../wine/new.csv"), "holds an empty or dotted part"),
        (drop(name="%2e%2e/new.csv"), "a hidden '..'"),
        ({key.upper(): value for key, value in drop().items()}, "type '' is none that Baton takes"),
        ({"specVersion" if key == "specversion" else key: v for key, v in cloud(drop()).items()}, "type '' is none"),
        ({}, "type '' is none that Baton takes"),
        (cloud(drop(topic="elsewhere")), "topic 'elsewhere' is not the configured source"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "event",
)  # fmt: skip
def test_a_bad_event_is_answered_2xx_and_recorded(host: RunningHost, book: Ledger, bad: Event, reason: str) -> None:
    assert reason in recorded(host, book, bad)["reason"]


def test_a_path_of_no_known_model_is_recorded_with_what_to_do(host: RunningHost, book: Ledger) -> None:
    event = drop(subject="/blobServices/default/containers/incoming/blobs/diabetes2/a.csv")
    event["data"]["url"] = "https://devstoreaccount1.blob.core.windows.net/incoming/diabetes2/a.csv"
    row = recorded(host, book, event)
    assert row["reason"] == "no model is published under the name diabetes2"
    assert "`baton publish models/diabetes2`" in row["next"]


def test_of_a_batch_the_good_ones_are_taken_and_the_bad_one_is_recorded(host: RunningHost, book: Ledger) -> None:
    good = (drop(), drop(), cloud(drop()))
    row = recorded(host, book, drop(eventType="Sample.Happened"), also=good)
    assert row["reason"] == "type 'Sample.Happened' is none that Baton takes"
    for event in good:
        until_taken(book, event)


def test_a_bad_event_that_comes_again_is_recorded_once(host: RunningHost, book: Ledger) -> None:
    bad = drop(eventType="Sample.Happened")
    recorded(host, book, bad)
    before = len(book.unrouted(1000))
    assert post(host, [bad, bad]) == 202
    assert len(book.unrouted(1000)) == before


def test_two_bad_events_without_an_id_are_two_rows(host: RunningHost, book: Ledger) -> None:
    assert recorded(host, book, drop(id=None))["subject"] != recorded(host, book, drop(id=None))["subject"]


@pytest.mark.parametrize("broken", ["not json", [7], [drop(eventTime="2026-01-01T00:00:00+02:00")]])
def test_what_never_reaches_a_function_is_not_acknowledged(host: RunningHost, broken: object) -> None:
    """Event Grid keeps it, tries again, and sets it aside as a dead letter of its own: `deadletter` has it."""
    assert post(host, broken) == 500


def test_the_good_ones_of_a_batch_that_comes_again_are_taken_once(host: RunningHost, book: Ledger) -> None:
    good, broken = drop(), drop(eventTime="2026-01-01T00:00:00+02:00")
    assert [post(host, [good, broken]) for _ in range(3)] == [500] * 3
    until_taken(book, good)


def test_a_persons_decision_through_event_grid_is_refused(host: RunningHost, book: Ledger) -> None:
    decision = {"release": "diabetes-0001", "approve": True, "by": "operations", "version": "1", "nonce": "n"}
    forged = drop(eventType=f"Baton.{events.ApprovalGiven.__name__}", data=decision)
    assert recorded(host, book, forged)["reason"] == "type 'Baton.ApprovalGiven' is none that Baton takes"
