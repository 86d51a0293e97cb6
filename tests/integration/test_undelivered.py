"""What the host refuses before our code sees it: through the real emulator, host and storage into an accepted drop."""

from __future__ import annotations

import base64
import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.storage.blob import BlobServiceClient

from local.daemon import wait_until
from shared import wiring
from shared.files.folder import folder_files, folder_hash
from shared.settings import LOCAL_STORAGE
from tests.integration.conftest import Daemon
from tests.integration.hosting import PROJECT, start_host

LINEAR = PROJECT / "tests/models/linear"
TOPIC_KEY = base64.b64encode(b"the key of the topics, at least so long").decode()
CLIENT = httpx.Client(timeout=60)
SIGNED_IN = {"Authorization": "Bearer operations-key"}
TIME = "2026-01-01T00:00:00+02:00"
SUBSCRIPTION = {
    "name": "on-new-data",
    "topic": "storage",
    "function": "on_new_data",
    "includedEventTypes": ["Microsoft.Storage.BlobCreated"],
    "maxDeliveryAttempts": 2,
}


@pytest.fixture
def model() -> str:
    """A model that no other test publishes."""
    return f"m{uuid.uuid4().hex[:10]}"


@pytest.fixture
def host(connection: str, tmp_path: Path) -> Iterator[str]:
    """The URL of Baton's own function app, served by the laptop's host."""
    wiring.create_storage(connection)
    users = tmp_path / "users.json"
    users.write_text(json.dumps({"operations-key": "operations"}))
    settings = {
        "BATON_DATA": connection,
        "BATON_APPROVAL_KEY": "a key for tests, 24 long",
        "BATON_SIGNING_KEY": "00" * 32,
        "BATON_URL": "http://127.0.0.1:1",
        "BATON_SWEEP": "0 0 0 1 1 *",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:2",
        "BATON_ROUTER": "http://127.0.0.1:3",
        "BATON_ROUTER_KEY": "k",
        "BATON_USERS": str(users),
        "BATON_HOME": str(tmp_path),
    }
    with (tmp_path / "host.log").open("w") as log:
        process = start_host(PROJECT, tmp_path / "host", settings, stderr=log.fileno())
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            process.communicate(timeout=20)


def published(host: str, connection: str, model: str, folder: Path) -> None:
    """The linear model under another name, whose batch never closes, so that nothing is trained."""
    shutil.copytree(LINEAR, folder)
    text = (folder / "model.yaml").read_text().replace("name: linear", f"name: {model}", 1)
    (folder / "model.yaml").write_text(text.replace("files: 1", "files: 99"))
    found, (_, _, blobs) = folder_hash(folder), wiring.storage(connection)
    for file in folder_files(folder):
        name = f"{model}/{found}/{file.relative_to(folder).as_posix()}"
        blobs.put("models", name, file.read_bytes(), content_type="text/plain")
    asked = CLIENT.post(f"{host}/api/models/{model}/publish", json={"folder": found}, headers=SIGNED_IN)
    assert asked.status_code == 202, asked.text
    wait_until(
        lambda: CLIENT.get(f"{host}/api/models/{model}").json().get("folder") == found,
        timeout_seconds=60,
        what="the publish was not decided",
    )


def dropped(blobs: BlobServiceClient, model: str) -> dict[str, Any]:
    """A good file, written with no blob front before storage, and the event that should tell of it."""
    name, content = f"{model}/first.csv", b"ID,X1,X2,Y\n1,0.5,1.5,2.5\n2,1.5,0.5,3.5\n"
    etag = blobs.get_blob_client("incoming", name).upload_blob(content)["etag"].strip('"')
    url = f"http://127.0.0.1/devstoreaccount1/incoming/{name}"
    data = {"api": "PutBlob", "eTag": etag, "contentLength": len(content), "url": url}
    subject = f"/blobServices/default/containers/incoming/blobs/{name}"
    return {
        "id": uuid.uuid4().hex,
        "topic": LOCAL_STORAGE,
        "subject": subject,
        "eventType": "Microsoft.Storage.BlobCreated",
        "eventTime": TIME,
        "data": data,
        "dataVersion": "",
    }


def letters(host: str, model: str) -> list[dict[str, Any]]:
    """The model's dead letters."""
    found: list[dict[str, Any]] = CLIENT.get(f"{host}/api/deadletters", params={"model": model}).json()
    return found


def test_an_event_with_a_time_that_the_host_cannot_parse_is_replayed_into_an_accepted_drop(
    start: Callable[..., Daemon], host: str, connection: str, model: str, tmp_path: Path
) -> None:
    published(host, connection, model, tmp_path / "folder")
    listed = tmp_path / "subscriptions.json"
    listed.write_text(json.dumps({"v": 1, "subscriptions": [SUBSCRIPTION]}))
    words = ("--subscriptions", str(listed), "--host", host, "--state", str(tmp_path / "grid"), "--compress", "3000")
    grid = start("local.eventgrid", *words, BATON_TOPIC_KEY=TOPIC_KEY, BATON_DATA=connection)
    with BlobServiceClient.from_connection_string(connection) as blobs:
        event = dropped(blobs, model)
        where = f"{grid.url}/topics/storage/api/events?api-version=2018-01-01"
        sent = CLIENT.post(where, json=[event], headers={"aeg-sas-key": TOPIC_KEY})
        assert sent.status_code == 200, sent.text

        wait_until(lambda: bool(letters(host, model)), timeout_seconds=60, what="it never became a dead letter")
        (letter,) = letters(host, model)
        assert letter["kind"] == "undelivered"
        assert letter["id"].startswith("ON-NEW-DATA/")
        assert TIME in letter["why"]
        at = f"{host}/api/deadletters/{letter['id']}"
        foreseen = CLIENT.get(f"{at}/foreseen").json()
        assert [step["answer"] for step in foreseen["steps"]] == ["taken"]
        assert foreseen["commands"] == ["check_file"]

        asked = CLIENT.post(f"{at}/replay", json={"why": "its time is odd, its file is good"}, headers=SIGNED_IN)
        assert asked.status_code == 202, asked.text
        drop = blobs.get_blob_client("incoming", f"{model}/first.csv")
        wait_until(
            lambda: drop.get_blob_tags().get("baton") == "accepted", timeout_seconds=60, what="it was not accepted"
        )
        assert letters(host, model) == []
        assert CLIENT.post(f"{at}/replay", json={"why": "again"}, headers=SIGNED_IN).status_code == 404
