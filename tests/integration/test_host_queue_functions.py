"""Queue triggers as a function sees them: a message's properties, its poison queue, and messages that it returns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from azure.storage.queue import QueueClient

from local.daemon import wait_until
from tests.integration.hosting import RunningHost, running_host
from tests.integration.queued import encoded, waiting


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
