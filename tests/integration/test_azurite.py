"""Azurite as we start it: the clients of today work, and data outlives a clean end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import azurite as run_azurite
from local.daemon import DaemonFailed, free_port


def test_the_blob_client_writes_and_reads(connection: str) -> None:
    container = BlobServiceClient.from_connection_string(connection).create_container(f"c-{uuid.uuid4().hex}")
    container.upload_blob("a/b.csv", b"1,2\n")
    assert container.download_blob("a/b.csv").readall() == b"1,2\n"


def test_the_queue_client_sends_and_receives(connection: str) -> None:
    queue = QueueServiceClient.from_connection_string(connection).create_queue(f"q-{uuid.uuid4().hex}")
    queue.send_message("diabetes")
    assert [message.content for message in queue.receive_messages()] == ["diabetes"]


def test_the_table_client_inserts_and_gets(connection: str) -> None:
    table = TableServiceClient.from_connection_string(connection).create_table(f"t{uuid.uuid4().hex}")
    table.create_entity({"PartitionKey": "diabetes", "RowKey": "!0head", "v": 1})
    assert table.get_entity("diabetes", "!0head")["v"] == 1


def test_data_outlives_a_clean_end(tmp_path: Path) -> None:
    with run_azurite(tmp_path) as first:
        container = BlobServiceClient.from_connection_string(first.connection_string()).create_container("kept")
        container.upload_blob("a.txt", b"still here")
    with run_azurite(tmp_path) as second:
        blob = BlobServiceClient.from_connection_string(second.connection_string()).get_blob_client("kept", "a.txt")
        assert blob.download_blob().readall() == b"still here"


def test_a_taken_port_is_an_error_that_names_it(tmp_path: Path) -> None:
    with run_azurite(tmp_path / "first", in_memory=True) as first:
        taken = int(first.blob_url.split(":")[2].split("/")[0])
        with (
            pytest.raises(DaemonFailed, match=rf"(?s)EADDRINUSE.*{taken}"),
            run_azurite(tmp_path / "second", in_memory=True, ports=(taken, free_port(), free_port())),
        ):
            pass


def test_the_daemon_says_ready_in_one_line_and_ends_on_sigterm(tmp_path: Path) -> None:
    daemon = subprocess.Popen(
        [sys.executable, "-m", "local.azurite", "--home", str(tmp_path), "--in-memory"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert daemon.stdout
    ready = json.loads(daemon.stdout.readline())
    os.kill(daemon.pid, signal.SIGTERM)
    assert (ready["ready"], daemon.wait(20)) == (True, 0)


def test_the_lock_names_no_registry_and_has_a_hash_for_every_package() -> None:
    lock = json.loads((Path(__file__).parents[2] / "local/azurite/package-lock.json").read_text())
    packages = [package for path, package in lock["packages"].items() if path]
    assert all("resolved" not in package and package["integrity"].startswith("sha512-") for package in packages)
