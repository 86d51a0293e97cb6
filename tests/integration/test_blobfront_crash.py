"""The blob front is killed between any two of its steps; the event comes all the same."""

from __future__ import annotations

import asyncio
import http.client
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.azurite import ACCOUNT, Azurite
from local.blobwrites import Write
from local.daemon import DaemonFailed, free_port
from local.intents import LARGEST_IDLE_BYTES, IntentLog
from tests.integration.conftest import Daemon
from tests.integration.recording import Peer, peer

Start = Callable[..., Daemon]
Run = Callable[..., Daemon]


@dataclass
class Gate:
    """A blob service that stops its first write before it takes effect, and every write after, until told to go on."""

    url: str = ""
    before: threading.Event = field(default_factory=threading.Event)
    after: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)
    written: threading.Event = field(default_factory=threading.Event)


@contextmanager
def gate(azurite: Azurite) -> Iterator[Gate]:
    """Stand before Azurite: `arrived` and `written` tell how far a PUT is, `before` and `after` let it go on."""
    found, real = Gate(), urlsplit(azurite.blob_url)

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            first = not found.arrived.is_set()
            found.arrived.set()
            if first and (not found.before.wait(20) or self.client_is_gone()):
                return
            behind = http.client.HTTPConnection(str(real.hostname), real.port)
            behind.request("PUT", self.path, body, dict(self.headers.items()))
            answer = behind.getresponse()
            answer.read()
            found.written.set()
            found.after.wait(20)
            self.send_response(answer.status)
            self.send_header("ETag", str(answer.headers["ETag"]))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def client_is_gone(self) -> bool:
            self.connection.setblocking(False)
            try:
                return not self.connection.recv(1)
            except BlockingIOError:
                return False

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/{ACCOUNT}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    try:
        yield found
    finally:
        found.before.set()
        found.after.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def topic() -> Iterator[Peer]:
    with peer(lambda _: (200, {})) as recorded:
        yield recorded


@pytest.fixture
def container(connection: str) -> Iterator[ContainerClient]:
    """A container as Azurite itself shows it."""
    with BlobServiceClient.from_connection_string(connection) as service:
        yield service.create_container(f"incoming-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def run(start: Start, tmp_path: Path) -> Run:
    """Start the front; every one of a test has the same port and the same log."""
    port = str(free_port())

    def started(upstream: str, topic: str) -> Daemon:
        words = ("--upstream", upstream, "--topic", f"{topic}/topics/storage/api/events", "--port", port)
        return start("local.blobfront", *words, "--intents", str(tmp_path / "intents.jsonl"), BATON_TOPIC_KEY="k")

    return started


def upload(azurite: Azurite, front: Daemon, container: ContainerClient, name: str) -> threading.Thread:
    """Begin an upload through the front that nobody tries again."""

    def write() -> None:
        connection = azurite.connection_string(blob_url=front.url)
        with BlobServiceClient.from_connection_string(connection, retry_total=0) as service:
            blob = service.get_blob_client(container.container_name, name)
            try:
                blob.upload_blob(b"1,2\n", overwrite=True)
            except AzureError:
                return

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_killed_after_the_write_and_before_its_answer_the_event_comes_at_the_next_start(
    run: Run, azurite: Azurite, topic: Peer, container: ContainerClient
) -> None:
    with gate(azurite) as behind:
        behind.before.set()
        front = run(behind.url, topic.url)
        client = upload(azurite, front, container, "a.csv")
        assert behind.written.wait(20)
        front.kill()
        client.join()
    assert topic.arrived.empty()
    run(azurite.blob_url, topic.url)
    (event,) = topic.next().body
    assert event["subject"].endswith("/blobs/a.csv")
    assert event["data"]["eTag"] == container.get_blob_client("a.csv").get_blob_properties().etag.strip('"')


def test_killed_before_the_topic_took_the_event_it_is_published_at_the_next_start(
    run: Run, azurite: Azurite, topic: Peer, container: ContainerClient
) -> None:
    topic.answer = lambda _: (503, {})
    front = run(azurite.blob_url, topic.url)
    upload(azurite, front, container, "a.csv").join()
    (refused,) = topic.next().body
    front.kill()
    with peer(lambda _: (200, {})) as second:
        run(azurite.blob_url, second.url)
        assert second.next().body == [refused]


def test_killed_before_the_write_there_is_no_event_for_it(
    run: Run, azurite: Azurite, topic: Peer, container: ContainerClient
) -> None:
    with gate(azurite) as behind:
        front = run(behind.url, topic.url)
        client = upload(azurite, front, container, "never.csv")
        assert behind.arrived.wait(20)
        front.kill()
        client.join()
    front = run(azurite.blob_url, topic.url)
    upload(azurite, front, container, "next.csv").join()
    assert topic.next().body[0]["subject"].endswith("/blobs/next.csv")


def test_sequencers_grow_across_a_restart(run: Run, azurite: Azurite, topic: Peer, container: ContainerClient) -> None:
    sequencers = []
    for name in ("first.csv", "second.csv"):
        front = run(azurite.blob_url, topic.url)
        upload(azurite, front, container, name).join()
        sequencers.append(sequencer_of(topic, name))
        front.kill()
    assert sequencers[0] < sequencers[1]


def test_a_later_write_of_the_same_name_never_overtakes_the_first(
    run: Run, azurite: Azurite, topic: Peer, container: ContainerClient
) -> None:
    with gate(azurite) as behind:
        behind.after.set()
        front = run(behind.url, topic.url)
        first = upload(azurite, front, container, "a.csv")
        assert behind.arrived.wait(20)
        second = upload(azurite, front, container, "a.csv")
        assert not behind.written.wait(1)  # it would be there by now, did it not wait for its turn
        behind.before.set()
        first.join()
        second.join()
    events = [topic.next().body[0]["data"] for _ in range(2)]
    standing = container.get_blob_client("a.csv").get_blob_properties()
    assert max(events, key=lambda data: str(data["sequencer"]))["eTag"] == standing.etag.strip('"')


def sequencer_of(topic: Peer, name: str) -> str:
    """The next event about a blob of that name; events of others may come again after a kill."""
    while True:
        (event,) = topic.next().body
        if event["subject"].endswith(f"/{name}"):
            return str(event["data"]["sequencer"])


def test_when_the_blob_service_is_away_the_client_is_told_to_try_again(run: Run, topic: Peer, azurite: Azurite) -> None:
    front = run(f"http://127.0.0.1:{free_port()}/{ACCOUNT}", topic.url)
    connection = azurite.connection_string(blob_url=front.url)
    with (
        BlobServiceClient.from_connection_string(connection, retry_total=0) as service,
        pytest.raises(AzureError) as refused,
    ):
        service.get_service_properties()
    assert getattr(refused.value, "status_code", 0) == 503


def test_two_fronts_never_share_a_log(tmp_path: Path) -> None:
    async def twice() -> None:
        first = IntentLog(tmp_path / "intents.jsonl")
        try:
            IntentLog(tmp_path / "intents.jsonl")
        finally:
            await first.close()

    with pytest.raises(DaemonFailed, match=r"another process writes intents\.jsonl"):
        asyncio.run(twice())


def test_a_log_that_grew_large_is_emptied_when_nothing_is_open(tmp_path: Path) -> None:
    path = tmp_path / "intents.jsonl"

    async def fill() -> int:
        log = IntentLog(path)
        write = Write("PutBlob", "incoming", "x" * (LARGEST_IDLE_BYTES // 2))
        for _ in range(3):
            last = await log.begin(write)
            log.done(last)
        log.done(await log.begin(Write("PutBlob", "incoming", "small")))
        await log.close()
        return last.number

    last = asyncio.run(fill())
    assert path.stat().st_size < 1000
    assert asyncio.run(next_number(path)) > last


async def next_number(path: Path) -> int:
    log = IntentLog(path)
    number = (await log.begin(Write("PutBlob", "incoming", "next"))).number
    await log.close()
    return number
