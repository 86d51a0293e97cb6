"""Blob front and emulator together: a file that is written wakes a function."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from tests.integration.conftest import PROJECT, Daemon
from tests.integration.recording import peer


def test_a_dropped_file_wakes_on_new_data_and_no_other_function(
    start: Callable[..., Daemon], azurite: Azurite, tmp_path: Path
) -> None:
    name = f"diabetes/{uuid.uuid4().hex}.csv"
    with peer() as functions:
        subscriptions = str(PROJECT / "infra/subscriptions.json")
        words = ("--subscriptions", subscriptions, "--host", functions.url, "--state", str(tmp_path / "grid"))
        grid = start("local.eventgrid", *words, BATON_TOPIC_KEY="k")
        upstream = ("--upstream", azurite.blob_url, "--topic", grid.ready["topics"]["storage"])
        front = start("local.blobfront", *upstream, "--intents", str(tmp_path / "intents.jsonl"), BATON_TOPIC_KEY="k")
        with BlobServiceClient.from_connection_string(azurite.connection_string(blob_url=front.url)) as service:
            there = {container.name for container in service.list_containers()}
            for container in ("incoming", "reports"):
                if container not in there:
                    service.create_container(container)
                service.get_blob_client(container, name).upload_blob(b"AGE,Y\n1,2\n")
        request = functions.next()
        assert request.function == "on_new_data"
        (event,) = request.body
        assert event["subject"] == f"/blobServices/default/containers/incoming/blobs/{name}"
        assert event["topic"].endswith("/storageAccounts/devstoreaccount1")
        assert event.keys() == json.loads((PROJECT / "tests/events/blob_created.json").read_text()).keys()
