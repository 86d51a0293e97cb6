"""The blob front between the real azure-storage-blob client and Azurite: nothing changes but that events come."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContentSettings,
    generate_blob_sas,
)

from local.azurite import ACCOUNT, KEY, Azurite
from tests.integration.conftest import Daemon
from tests.integration.recording import Peer, peer

TOPIC_KEY = "k"
Start = Callable[..., Daemon]


@pytest.fixture
def topic() -> Iterator[Peer]:
    with peer(lambda _: (200, {})) as recorded:
        yield recorded


@pytest.fixture
def front(start: Start, azurite: Azurite, topic: Peer, tmp_path: Path) -> Daemon:
    words = ("--upstream", azurite.blob_url, "--topic", f"{topic.url}/topics/storage/api/events")
    return start("local.blobfront", *words, "--intents", str(tmp_path / "intents.jsonl"), BATON_TOPIC_KEY=TOPIC_KEY)


@pytest.fixture
def service(front: Daemon, azurite: Azurite) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(azurite.connection_string(blob_url=front.url)) as client:
        yield client


@pytest.fixture
def container(service: BlobServiceClient) -> ContainerClient:
    return service.create_container(f"incoming-{uuid.uuid4().hex[:8]}")


def created(topic: Peer) -> dict[str, Any]:
    """The next event that the topic gets; each request carries one."""
    (event,) = topic.next().body
    assert event["eventType"] == "Microsoft.Storage.BlobCreated"
    found: dict[str, Any] = event
    return found


def test_put_blob_raises_an_event_of_azures_shape(container: ContainerClient, topic: Peer, front: Daemon) -> None:
    settings = ContentSettings(content_type="text/csv")
    answer = container.upload_blob("diabetes/new.csv", b"AGE,Y\n1,2\n", content_settings=settings).get_blob_properties()
    event = created(topic)
    name = container.container_name
    assert event["subject"] == f"/blobServices/default/containers/{name}/blobs/diabetes/new.csv"
    data = event["data"]
    assert (data["api"], data["contentType"], data["contentLength"], data["blobType"], data["url"], data["eTag"]) == (
        "PutBlob", "text/csv", 10, "BlockBlob", f"{front.url}/{name}/diabetes/new.csv", answer.etag.strip('"'),
    )  # fmt: skip
    assert set(data) == {
        "api", "clientRequestId", "requestId", "eTag", "contentType", "contentLength", "blobType", "url", "sequencer",
        "storageDiagnostics",
    }  # fmt: skip


def test_ids_times_and_sequencers_look_as_in_captures(container: ContainerClient, topic: Peer) -> None:
    container.upload_blob("a.csv", b"1")
    event = created(topic)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", event["eventTime"])
    assert re.fullmatch(r"[0-9a-f]{48}", event["data"]["sequencer"], re.IGNORECASE)
    assert event["id"][:-6] == event["data"]["requestId"][:-6]
    assert event["id"] != event["data"]["requestId"]


def test_staged_blocks_raise_one_event_with_the_committed_size(container: ContainerClient, topic: Peer) -> None:
    blob = container.get_blob_client("blocks.csv")
    for number in range(3):
        blob.stage_block(f"{number:04d}", b"x" * 1000)
    committed = blob.commit_block_list([BlobBlock(f"{number:04d}") for number in range(3)])
    event = created(topic)
    assert (event["data"]["api"], event["data"]["contentLength"]) == ("PutBlockList", 3000)
    assert event["data"]["eTag"] == str(committed["etag"]).strip('"')
    assert topic.arrived.empty()


def test_a_copy_raises_an_event_for_its_target(container: ContainerClient, topic: Peer) -> None:
    container.upload_blob("from.csv", b"12345")
    created(topic)
    container.get_blob_client("to.csv").start_copy_from_url(f"{container.url}/from.csv")
    event = created(topic)
    assert event["subject"].endswith("/blobs/to.csv")
    assert (event["data"]["api"], event["data"]["contentLength"]) == ("CopyBlob", 5)


def test_append_and_page_blobs_raise_an_event_when_created(container: ContainerClient, topic: Peer) -> None:
    container.get_blob_client("log").create_append_blob()
    assert created(topic)["data"]["blobType"] == "AppendBlob"
    container.get_blob_client("disk").create_page_blob(512)
    assert created(topic)["data"]["blobType"] == "PageBlob"


def test_an_overwrite_raises_an_event_with_the_new_etag(container: ContainerClient, topic: Peer) -> None:
    container.upload_blob("a.csv", b"1")
    container.upload_blob("a.csv", b"22", overwrite=True)
    first, second = created(topic), created(topic)
    assert first["data"]["eTag"] != second["data"]["eTag"]
    assert second["data"]["eTag"] == container.get_blob_client("a.csv").get_blob_properties().etag.strip('"')


def test_what_makes_no_blob_raises_no_event(container: ContainerClient, topic: Peer) -> None:
    blob = container.upload_blob("a.csv", b"1")
    created(topic)
    blob.set_blob_metadata({"owner": "ann"})
    blob.set_blob_tags({"verdict": "accepted"})
    blob.acquire_lease(15).release()
    blob.download_blob().readall()
    with pytest.raises(ResourceExistsError):
        blob.upload_blob(b"2")
    blob.delete_blob()
    container.upload_blob("last.csv", b"1")
    assert created(topic)["subject"].endswith("/last.csv")


@pytest.mark.parametrize(
    "name", ["m/a b+c.csv", "m/ä€💎.csv", "m/100%.csv", "m/x%2Fy.csv", "m/q?x=1#y.csv", "m//double.csv"]
)
def test_odd_names_pass_unchanged(container: ContainerClient, topic: Peer, name: str) -> None:
    container.upload_blob(name, b"1")
    event = created(topic)
    assert event["subject"].endswith(f"/blobs/{name}")
    assert BlobClient.from_blob_url(event["data"]["url"]).blob_name == name
    assert name in list(container.list_blob_names())


def test_a_signed_url_works_through_the_front(container: ContainerClient, topic: Peer) -> None:
    blob = container.get_blob_client("diabetes/by sas.csv")
    token = generate_blob_sas(
        ACCOUNT, container.container_name, blob.blob_name, account_key=KEY,
        permission=BlobSasPermissions(read=True, write=True, create=True),
        expiry=datetime.now(UTC) + timedelta(minutes=5),
    )  # fmt: skip
    BlobClient.from_blob_url(f"{blob.url}?{token}").upload_blob(b"1,2")
    assert created(topic)["data"]["url"] == blob.url


def test_a_wrong_signature_is_refused_and_raises_no_event(container: ContainerClient, topic: Peer) -> None:
    credential = {"account_name": ACCOUNT, "account_key": "d3Jvbmc="}
    with pytest.raises(HttpResponseError) as refused:
        BlobClient.from_blob_url(f"{container.url}/a.csv", credential).upload_blob(b"1")
    assert refused.value.status_code == 403
    container.upload_blob("good.csv", b"1")
    assert created(topic)["subject"].endswith("/good.csv")


def test_twenty_megabytes_stream_through_without_being_held(
    container: ContainerClient, topic: Peer, front: Daemon
) -> None:
    before = resident_kb(front)
    content = bytes(range(256)) * 80 * 1024
    container.get_blob_client("large").upload_blob(content)
    assert created(topic)["data"]["contentLength"] == len(content)
    assert container.download_blob("large", max_concurrency=1).readall() == content
    assert resident_kb(front) - before < 10_000


def resident_kb(daemon: Daemon) -> int:
    """The most memory that the process ever held, in kB."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0])


def test_writers_of_one_name_get_sequencers_in_the_order_that_took_effect(
    container: ContainerClient, topic: Peer
) -> None:
    def write(number: int) -> None:
        container.upload_blob("contended.csv", b"x" * number, overwrite=True)

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(write, range(1, 25)))
    events = [created(topic) for _ in range(24)]
    newest = max(events, key=lambda event: str(event["data"]["sequencer"]))
    standing = container.get_blob_client("contended.csv").get_blob_properties()
    assert newest["data"]["eTag"] == standing.etag.strip('"')
    assert len({event["data"]["sequencer"] for event in events}) == 24


def test_the_clients_answer_does_not_wait_for_the_topic(container: ContainerClient, topic: Peer) -> None:
    release = threading.Event()
    topic.answer = lambda _: (200, {}) if release.wait(20) else (503, {})
    container.upload_blob("a.csv", b"1")
    assert topic.arrived.empty()
    release.set()
    assert created(topic)["subject"].endswith("/a.csv")


def test_an_event_is_published_again_until_the_topic_takes_it(container: ContainerClient, topic: Peer) -> None:
    answers = iter([503, 401, 200])
    topic.answer = lambda _: (next(answers), {})
    container.upload_blob("a.csv", b"1")
    assert len({created(topic)["id"] for _ in range(3)}) == 1
