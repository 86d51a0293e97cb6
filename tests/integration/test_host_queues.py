"""Queue triggers. Expected behaviour: QueueListener.cs and QueueProcessor.cs of Azure's storage extension."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from azure.functions.meta import Datum
from azure.storage.queue import QueueClient

from local.daemon import wait_until
from local.host.host_json import QueueSettings
from local.host.invoke import Outcome
from local.host.messages import StorageQueue, queue_service
from local.host.queues import QueueListener
from tests.integration.queued import encoded, waiting

QUICK = QueueSettings(batch_size=4, new_batch_threshold=2, max_polling_seconds=0.2, max_dequeue_count=3)
FAILED = Outcome(error=RuntimeError("refused"))


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
