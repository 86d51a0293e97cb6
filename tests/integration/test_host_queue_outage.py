"""A queue service that is away for a while: the host tells it once, and serves the queue again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient, QueueServiceClient

from local.daemon import wait_until
from tests.integration.hosting import running_host
from tests.integration.queued import encoded


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
