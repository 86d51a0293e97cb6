"""Queue triggers. Expected behaviour: QueueListener.cs and QueueProcessor.cs of Azure's storage extension."""

from __future__ import annotations

import asyncio
import base64
import socket
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from azure.functions.meta import Datum
from azure.storage.queue import QueueClient, QueueServiceClient

from local.daemon import wait_until
from local.host.host_json import QueueSettings
from local.host.invoke import Outcome
from local.host.messages import StorageQueue, queue_service
from local.host.queues import QueueListener
from tests.integration.hosting import RunningHost, running_host

QUICK = QueueSettings(batch_size=4, new_batch_threshold=2, max_polling_seconds=0.2, max_dequeue_count=3)
FAILED = Outcome(error=RuntimeError("refused"))


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def queue(connection: str) -> QueueClient:
    """A queue of the test's own, seen as raw text."""
    client = QueueClient.from_connection_string(connection, f"test-{uuid.uuid4().hex}")
    client.create_queue()
    return client


@dataclass
class Listening:
    """Runs one listener in this process; the function is `answer`, its invocations are kept in `taken`."""

    connection: str
    queue: str
    settings: QueueSettings = QUICK
    answer: Callable[[str], Awaitable[Outcome]] | None = None
    taken: list[tuple[str, int]] = field(default_factory=list)

    async def run(self, data: Datum, metadata: Mapping[str, Datum]) -> Outcome:
        body = data.value if isinstance(data.value, str) else data.value.hex()
        self.taken.append((body, int(metadata["DequeueCount"].value)))
        return await self.answer(body) if self.answer else Outcome()

    async def until(self, done: Callable[[], bool], *, timeout_seconds: float = 10) -> None:
        """Listen until `done()`, then stop and finish what runs."""
        async with queue_service(self.connection) as service:
            queue = StorageQueue(service.get_queue_client(self.queue))
            listener = QueueListener(queue, queue.poison(service), self.settings, self.run)
            listening = asyncio.create_task(listener.listen())
            try:
                await asyncio.to_thread(wait_until, done, timeout_seconds=timeout_seconds, what="the queue's end")
            finally:
                listener.stop()
                await listening


def waiting(client: QueueClient) -> list[str]:
    """The raw messages that are in a queue and visible; none if it does not exist."""
    with suppress(Exception):
        return [str(message.content) for message in client.peek_messages(32)]
    return []


def count(client: QueueClient) -> int:
    """How many messages are in the queue, hidden ones too."""
    return int(client.get_queue_properties().approximate_message_count or 0)


def poison_of(client: QueueClient, connection: str) -> QueueClient:
    return QueueClient.from_connection_string(connection, f"{client.queue_name}-poison")


def test_a_message_is_given_decoded_and_deleted_after_success(queue: QueueClient, connection: str) -> None:
    queue.send_message(encoded("diabetes"))
    listening = Listening(connection, queue.queue_name)
    asyncio.run(listening.until(lambda: count(queue) == 0))
    assert listening.taken == [("diabetes", 1)]


def test_a_failed_message_comes_again_and_then_lies_in_the_poison_queue(queue: QueueClient, connection: str) -> None:
    async def fail(body: str) -> Outcome:
        return FAILED

    queue.send_message(encoded("bad"))
    listening = Listening(connection, queue.queue_name, answer=fail)
    asyncio.run(listening.until(lambda: waiting(poison_of(queue, connection)) == [encoded("bad")]))
    assert listening.taken == [("bad", 1), ("bad", 2), ("bad", 3)]
    assert count(queue) == 0


def test_a_failed_message_waits_for_the_visibility_timeout(queue: QueueClient, connection: str) -> None:
    async def fail(body: str) -> Outcome:
        return FAILED

    queue.send_message(encoded("later"))
    listening = Listening(connection, queue.queue_name, replace(QUICK, visibility_seconds=600), answer=fail)
    asyncio.run(listening.until(lambda: len(listening.taken) == 1))
    assert waiting(queue) == []
    assert count(queue) == 1


def test_a_message_taken_too_often_is_moved_without_an_invocation(queue: QueueClient, connection: str) -> None:
    queue.send_message(encoded("crashed"))
    for _ in range(3):
        message = queue.receive_message(visibility_timeout=600)
        assert message is not None
        queue.update_message(message, visibility_timeout=0)
    listening = Listening(connection, queue.queue_name)
    asyncio.run(listening.until(lambda: waiting(poison_of(queue, connection)) == [encoded("crashed")]))
    assert listening.taken == []


def test_a_message_that_is_not_base64_blocks_nobody_and_is_set_aside(queue: QueueClient, connection: str) -> None:
    queue.send_message("{not base64}")
    queue.send_message(encoded("good"))
    listening = Listening(connection, queue.queue_name)
    poison = poison_of(queue, connection)
    asyncio.run(listening.until(lambda: bool(waiting(poison)) and count(queue) == 0))
    assert listening.taken == [("good", 1)]
    assert waiting(poison) == [encoded("{not base64}")]


def test_bytes_that_are_no_text_are_given_as_bytes(queue: QueueClient, connection: str) -> None:
    queue.send_message(base64.b64encode(b"\xff\x00").decode())
    listening = Listening(connection, queue.queue_name)
    asyncio.run(listening.until(lambda: count(queue) == 0))
    assert listening.taken == [("ff00", 1)]


def test_message_encoding_none_gives_the_text_as_it_is(queue: QueueClient, connection: str) -> None:
    queue.send_message("plain {text}")
    listening = Listening(connection, queue.queue_name, replace(QUICK, base64=False))
    asyncio.run(listening.until(lambda: count(queue) == 0))
    assert listening.taken == [("plain {text}", 1)]


def test_a_failed_message_of_a_poison_queue_stays_hidden(connection: str) -> None:
    async def fail(body: str) -> Outcome:
        return FAILED

    poison = QueueClient.from_connection_string(connection, f"test-{uuid.uuid4().hex[:20]}-poison")
    poison.create_queue()
    poison.send_message(encoded("twice bad"))
    listening = Listening(connection, poison.queue_name, answer=fail)
    asyncio.run(listening.until(lambda: len(listening.taken) == 1))
    assert (waiting(poison), count(poison)) == ([], 1)


def test_no_more_messages_run_at_once_than_batch_and_threshold_allow(queue: QueueClient, connection: str) -> None:
    running, most = 0, 0

    async def work(body: str) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return Outcome()

    for number in range(30):
        queue.send_message(encoded(str(number)))
    listening = Listening(connection, queue.queue_name, answer=work)
    asyncio.run(listening.until(lambda: count(queue) == 0))
    assert sorted(int(body) for body, _ in listening.taken) == list(range(30))
    assert 4 <= most <= 6


def test_the_lease_of_a_long_message_is_renewed(queue: QueueClient, connection: str) -> None:
    async def work(body: str) -> Outcome:
        await asyncio.sleep(3)
        return Outcome()

    queue.send_message(encoded("long"))
    listening = Listening(connection, queue.queue_name, replace(QUICK, lease_seconds=2), answer=work)
    asyncio.run(listening.until(lambda: count(queue) == 0))
    assert listening.taken == [("long", 1)]


def test_a_message_whose_lease_went_to_somebody_else_is_left_to_them(queue: QueueClient, connection: str) -> None:
    async def lose_lease(body: str) -> Outcome:
        await asyncio.to_thread(queue.clear_messages)
        return Outcome()

    queue.send_message(encoded("gone"))
    queue.send_message(encoded("next"))
    listening = Listening(connection, queue.queue_name, answer=lose_lease)
    asyncio.run(listening.until(lambda: len(listening.taken) >= 1 and count(queue) == 0))


def test_a_queue_that_is_made_later_is_served(connection: str) -> None:
    name = f"test-{uuid.uuid4().hex}"
    client = QueueClient.from_connection_string(connection, name)
    listening = Listening(connection, name)

    def create_and_look() -> bool:
        with suppress(Exception):
            client.create_queue()
            client.send_message(encoded("late"))
        return bool(listening.taken)

    asyncio.run(listening.until(create_and_look))
    assert listening.taken[0] == ("late", 1)


class Relay:
    """A TCP relay before the queue service that can be cut and mended, as a network would."""

    def __init__(self, port: int) -> None:
        self._target, self._open = port, True
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._open = False
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._open = True

    def close(self) -> None:
        self.cut()
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                if not self._open:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    for one in (source, sink):
        one.close()


@pytest.fixture
def relay(connection: str) -> Iterator[Relay]:
    port = QueueServiceClient.from_connection_string(connection).primary_hostname.split("/")[0].rsplit(":", 1)[1]
    relay = Relay(int(port))
    yield relay
    relay.close()


def through(relay: Relay, connection: str) -> str:
    parts = dict(part.split("=", 1) for part in connection.strip(";").split(";"))
    parts["QueueEndpoint"] = f"http://127.0.0.1:{relay.port}/devstoreaccount1"
    return ";".join(f"{name}={value}" for name, value in parts.items())


def test_a_service_that_is_away_for_a_while_is_told_once_and_served_again(
    relay: Relay, connection: str, tmp_path: Path
) -> None:
    with running_host(tmp_path, through(relay, connection)) as host:
        before = QueueClient.from_connection_string(connection, host.queue)
        before.create_queue()
        relay.cut()
        down = f"queue {host.queue} does not answer"
        wait_until(lambda: down in host.log(), timeout_seconds=15, what="the outage was not told")
        before.send_message(encoded("after the outage"))
        relay.mend()
        host.wait_for("on_message", lambda line: line["body"] == "after the outage")
        assert host.log().count(down) == 1
        assert f"queue {host.queue} answers again" in host.log()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, connection: str) -> Iterator[RunningHost]:
    with running_host(tmp_path_factory.mktemp("host"), connection) as running:
        yield running


def send(host: RunningHost, connection: str, text: str, *, suffix: str = "") -> QueueClient:
    client = QueueClient.from_connection_string(connection, host.queue + suffix)
    with suppress(Exception):
        client.create_queue()
    client.send_message(encoded(text))
    return client


def test_the_function_sees_the_messages_properties(host: RunningHost, connection: str) -> None:
    send(host, connection, "properties")
    (line,) = host.wait_for("on_message", lambda line: line["body"] == "properties")
    assert line["count"] == 1
    assert str(line["inserted"]).endswith("+00:00")
    assert line["id"]


def test_what_a_function_cannot_do_reaches_the_poison_queues_function(host: RunningHost, connection: str) -> None:
    send(host, connection, "fail always")
    host.wait_for("on_poison", lambda line: line["body"] == "fail always")
    assert [line["count"] for line in host.journal("on_message") if line["body"] == "fail always"] == [1, 2, 3]
    assert "RuntimeError: this message is refused at" in host.log()


def test_a_list_becomes_one_message_each_and_a_returned_text_another(host: RunningHost, connection: str) -> None:
    send(host, connection, "some words", suffix="-text")
    done = QueueClient.from_connection_string(connection, f"{host.queue}-done")
    expected = sorted(encoded(text) for text in ("some words", "SOME WORDS", "Some Words"))
    wait_until(lambda: sorted(waiting(done)) == expected, timeout_seconds=10, what="three messages")


def test_a_message_is_taken_within_the_longest_pause(host: RunningHost, connection: str) -> None:
    send(host, connection, "prompt")
    host.wait_for("on_message", lambda line: line["body"] == "prompt", timeout_seconds=2)
