"""The ten lines of function_app.py, tested with the storage, events and faults that they meet in Azure."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64DecodePolicy

from local.testkit import Kit, start_kit  # noqa: F401 - start_kit is the fixture

APP = Path(__file__).parent


@pytest.fixture
def kit(start_kit: Callable[..., Kit]) -> Kit:  # noqa: F811
    return start_kit(APP, storage_setting="STORAGE")


@pytest.fixture
def counts(kit: Kit) -> Iterator[QueueClient]:
    with BlobServiceClient.from_connection_string(kit.storage) as blobs:
        blobs.create_container("texts")
    service = QueueServiceClient.from_connection_string(kit.storage)
    queue = service.get_queue_client("counts", message_decode_policy=TextBase64DecodePolicy())
    queue.create_queue()
    yield queue
    service.close()


def drop(kit: Kit, name: str, content: bytes) -> None:
    with BlobServiceClient.from_connection_string(kit.storage) as blobs:
        blobs.get_blob_client("texts", name).upload_blob(content)


def test_a_blob_is_counted(kit: Kit, counts: QueueClient) -> None:
    drop(kit, "poem.txt", b"one\ntwo\nthree\n")
    assert kit.until(lambda: [message.content for message in counts.receive_messages()]) == ["poem.txt 3"]


def test_a_blob_is_counted_although_the_first_read_breaks(kit: Kit, counts: QueueClient) -> None:
    kit.faults.next("blob", "cut", method="GET", contains="poem.txt", times=9)
    drop(kit, "poem.txt", b"one\ntwo\nthree\n")
    kit.until(lambda: kit.faults.counts()["blob"].get("cut"))
    kit.faults.stop()
    assert kit.until(lambda: [message.content for message in counts.receive_messages()]) == ["poem.txt 3"]
