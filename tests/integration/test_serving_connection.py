"""What clients may and may not do to the router's connections: bad HTTP, too much, too slow, too many at once."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import Awaitable, Callable

import pytest

from local.daemon import wait_until
from local.serving.connection import Connections
from local.serving.messages import Limits, Reply, Request

SMALL = Limits(body_bytes=1000, header_bytes=400, connections=3, request_seconds=0.3, idle_seconds=0.6)
Talk = Callable[["Client"], Awaitable[None]]


class Client:
    """A raw connection to the server."""

    def __init__(self, port: int, connections: Connections) -> None:
        self.port = port
        self.connections = connections

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def reply(self) -> tuple[int, dict[str, object]]:
        """The next reply: status and document."""
        async with asyncio.timeout(5):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            assert length
            body = await self.reader.readexactly(int(length[1]))
        return int(head.split()[1]), json.loads(body)

    async def closed(self) -> bool:
        """Whether the server closes the connection, with nothing more to read."""
        async with asyncio.timeout(5):
            try:
                return await self.reader.read() == b""
            except ConnectionResetError:
                return True


async def tell(request: Request) -> Reply:
    """What the server understood."""
    told = {"method": request.method, "path": request.path, "body": request.body.decode()}
    return Reply(200, json.dumps(told).encode(), [])


def talk(conversation: Talk, limits: Limits = SMALL, handle: Callable[[Request], Awaitable[Reply]] = tell) -> None:
    """Hold a conversation with a server of these limits."""

    async def run() -> None:
        connections = Connections(handle, limits)
        server = await asyncio.get_running_loop().create_server(connections.accept, "127.0.0.1", 0)
        sweep = asyncio.get_running_loop().create_task(connections.sweep())
        client = Client(server.sockets[0].getsockname()[1], connections)
        await client.open()
        try:
            await conversation(client)
        finally:
            client.writer.close()
            sweep.cancel()
            server.close()
            await connections.close()

    asyncio.run(run())


def post(body: bytes, more: bytes = b"") -> bytes:
    return b"POST /a HTTP/1.1\r\nhost: x\r\n" + more + b"content-length: %d\r\n\r\n%s" % (len(body), body)


def test_a_request_in_many_pieces_is_one_request() -> None:
    async def conversation(client: Client) -> None:
        await client.send(*(bytes([byte]) for byte in post(b"rows")))
        assert await client.reply() == (200, {"method": "POST", "path": "/a", "body": "rows"})

    talk(conversation)


def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    async def slow_first(request: Request) -> Reply:
        await asyncio.sleep(0.05 if request.body == b"0" else 0)
        return await tell(request)

    async def conversation(client: Client) -> None:
        await client.send(b"".join(post(b"%d" % number) for number in range(20)))
        assert [(await client.reply())[1]["body"] for _ in range(20)] == [str(number) for number in range(20)]

    talk(conversation, handle=slow_first)


def test_a_chunked_body_is_put_together() -> None:
    async def conversation(client: Client) -> None:
        await client.send(
            b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nro\r\n2\r\nws\r\n0\r\n\r\n"
        )
        assert (await client.reply())[1]["body"] == "rows"

    talk(conversation)


def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    async def conversation(client: Client) -> None:
        await client.send(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"rows")
        assert (await client.reply())[0] == 200

    talk(conversation)


def test_a_client_that_ends_its_side_still_gets_its_reply() -> None:
    async def slow(request: Request) -> Reply:
        await asyncio.sleep(0.05)
        return await tell(request)

    async def conversation(client: Client) -> None:
        await client.send(post(b"rows"))
        client.writer.write_eof()
        assert (await client.reply())[0] == 200
        assert await client.closed()

    talk(conversation, handle=slow)


def test_a_connection_that_should_close_is_closed_after_the_reply() -> None:
    async def conversation(client: Client) -> None:
        await client.send(post(b"rows", b"connection: close\r\n"))
        assert (await client.reply())[0] == 200
        assert await client.closed()

    talk(conversation)


@pytest.mark.parametrize(
    ("sent", "status", "what"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "not an HTTP/1.1 request"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", 400, "speaks HTTP/1.1 only"),
        (b"POST / HTTP/1.1\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nrows", 400, "not an HTTP/1.1 request"),
        (b"POST / HTTP/1.1\r\ncontent-length: 1001\r\n\r\n", 413, "larger than 1000 bytes"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n" + b"r" * 1001, 413, "larger than 1000 bytes"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 500 + b"\r\n\r\n", 431, "headers are larger than 400 bytes"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 500, 431, "headers are larger than 400 bytes"),
        (b"GET /" + b"y" * 500, 431, "headers are larger than 400 bytes"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_the_connection_closed(sent: bytes, status: int, what: str) -> None:
    async def conversation(client: Client) -> None:
        await client.send(sent)
        found, document = await client.reply()
        assert found == status
        assert what in str(document["error"])
        assert document["next"]
        assert await client.closed()

    talk(conversation)


def test_a_client_that_still_sends_what_was_refused_can_read_the_refusal() -> None:
    async def conversation(client: Client) -> None:
        await client.send(post(b"r" * 200_000))
        assert (await client.reply())[0] == 413

    talk(conversation)


def test_a_client_that_sends_too_slowly_is_told_so() -> None:
    async def conversation(client: Client) -> None:
        await client.send(b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\nro")
        found, document = await client.reply()
        assert (found, document["error"]) == (408, "the request took longer than 0.3 s to arrive")
        assert await client.closed()

    talk(conversation)


def test_a_connection_without_requests_is_closed_after_a_while() -> None:
    async def conversation(client: Client) -> None:
        await client.send(post(b"rows"))
        await client.reply()
        assert await client.closed()

    talk(conversation)


def test_a_client_that_does_not_read_is_cut_off() -> None:
    async def large(_request: Request) -> Reply:
        return Reply(200, b"x" * 20_000_000, [])

    async def conversation(client: Client) -> None:
        await client.send(post(b"rows"))
        gone = functools.partial(wait_until, timeout_seconds=5, what="the connection was not closed")
        await asyncio.to_thread(gone, lambda: not client.connections.open)

    talk(conversation, handle=large)


def test_one_connection_too_many_is_refused() -> None:
    async def conversation(client: Client) -> None:
        others = [Client(client.port, client.connections) for _ in range(3)]
        for other in others:
            await other.open()
        found, document = await others[-1].reply()
        assert (found, document["error"]) == (503, "too many connections are open")
        for other in others:
            other.writer.close()

    talk(conversation)


def test_a_fault_of_the_router_is_a_500_and_the_connection_lives() -> None:
    async def broken(request: Request) -> Reply:
        if request.body == b"bad":
            raise RuntimeError("a fault")
        return await tell(request)

    async def conversation(client: Client) -> None:
        await client.send(post(b"bad"), post(b"good"))
        assert [(await client.reply())[0] for _ in range(2)] == [500, 200]

    talk(conversation, handle=broken)
