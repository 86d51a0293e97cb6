"""One client's connection: whole, bounded requests in, replies out in their order."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import cast
from urllib.parse import unquote

import httptools

from local.serving.messages import Headers, Limits, Reply, Request, refusal
from shared import log

Handle = Callable[[Request], Awaitable[Reply]]
SWEEP_SECONDS = 0.5
GRACE_SECONDS = 3.0
LINGER_SECONDS = 2.0  # a refused client may still be sending; a reset would take the refusal from it
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connections:
    """All open connections. One sweep closes those whose client is too slow, so that no request needs a timer."""

    def __init__(self, handle: Handle, limits: Limits) -> None:
        self.handle = handle
        self.limits = limits
        self.open: set[Connection] = set()

    def accept(self) -> Connection:
        """The protocol of a new connection."""
        return Connection(self)

    async def sweep(self) -> None:
        """Close overdue connections, for ever."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            for connection in [connection for connection in self.open if connection.overdue(now)]:
                connection.give_up()

    async def close(self) -> None:
        """Close all connections; requests at hand get `GRACE_SECONDS` for their reply."""
        if tasks := [connection.answering for connection in self.open if connection.answering]:
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        for connection in list(self.open):
            connection.abort()


class Connection(asyncio.Protocol):
    """Parses with httptools; requests sent ahead wait their turn, and reading waits with them."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._limits = connections.limits
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._refused = self._half_closed = False
        self._blocked: float | None = None
        self._since = time.monotonic()
        self._parser = httptools.HttpRequestParser(self)
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: Headers = []
        self._body: list[bytes] = []
        self._size = self._head_size = 0
        self._in_request = self._in_body = False

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass of it
        self._connections.open.add(self)
        if len(self._connections.open) > self._limits.connections:
            self._refuse(503, "too many connections are open", next="close some, or try again later")

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.open.discard(self)

    def eof_received(self) -> bool:
        self._half_closed = True
        return self._answering is not None  # stay open for the reply

    def pause_writing(self) -> None:
        self._blocked = time.monotonic()

    def resume_writing(self) -> None:
        self._blocked = None

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if not self._in_request and self._answering is None:
            self._since = time.monotonic()
        self._head_size += 0 if self._in_body else len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(400, "this server speaks HTTP/1.1 only", next="send the request without an Upgrade header")
        except httptools.HttpParserError:
            self._refuse(400, "this is not an HTTP/1.1 request", next="send POST /endpoints/<model>/score")
        if self._in_request and not self._in_body and self._head_size > self._limits.header_bytes:
            self._refuse_headers()

    # httptools calls these

    def on_message_begin(self) -> None:
        self._in_request = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._in_body = True
        length = next((value for name, value in self._headers if name == b"content-length"), b"0")
        if sum(len(name) + len(value) for name, value in self._headers) + len(self._url) > self._limits.header_bytes:
            self._refuse_headers()
        elif int(length) > self._limits.body_bytes:
            self._refuse_body()
        elif (b"expect", b"100-continue") in self._headers:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > self._limits.body_bytes:
            self._refuse_body()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self._refused:
            return
        path, _, query = self._url.partition(b"?")
        request = Request(
            self._parser.get_method().decode(),
            unquote(path.decode("latin-1")),
            query,
            self._headers,
            b"".join(self._body),
        )
        self._waiting.append((request, self._parser.should_keep_alive()))
        self._begin()
        if self._answering is None:
            self._answering = asyncio.get_running_loop().create_task(self._answer())
        else:
            self._transport.pause_reading()

    # replies

    async def _answer(self) -> None:
        while self._waiting and not self._refused:
            request, keep_alive = self._waiting.popleft()
            reply = await self._reply_to(request)
            if self._transport.is_closing():
                return
            self._transport.write(reply.to_bytes(keep_alive=keep_alive))
            if not keep_alive or (self._half_closed and not self._waiting):
                self._transport.close()
                return
        self._answering = None
        self._since = time.monotonic()
        self._transport.resume_reading()

    async def _reply_to(self, request: Request) -> Reply:
        try:
            return await self._connections.handle(request)
        except Exception as error:
            log.error("the router failed on a request", path=request.path, why=repr(error), next="baton doctor")
            return refusal(500, "the router failed on this request", next="read the router's log; `baton doctor`")

    def _refuse_headers(self) -> None:
        limit = self._limits.header_bytes
        self._refuse(431, f"the headers are larger than {limit} bytes", next="send fewer or shorter headers")

    def _refuse_body(self) -> None:
        limit = self._limits.body_bytes
        self._refuse(413, f"the body is larger than {limit} bytes", next="send fewer rows in one request")

    def _refuse(self, status: int, what: str, *, next: str) -> None:
        if not self._refused:
            self._refused = True
            self._since = time.monotonic()
            self._transport.write(refusal(status, what, next=next).to_bytes(keep_alive=False))
            self._transport.write_eof()

    # looked at and closed from outside

    @property
    def answering(self) -> asyncio.Task[None] | None:
        """The task that answers the requests at hand."""
        return self._answering

    def overdue(self, now: float) -> bool:
        """Whether the client let the router wait for longer than it may."""
        limits = self._limits
        if self._blocked is not None:
            return now - self._blocked > limits.request_seconds
        if self._refused:
            return now - self._since > LINGER_SECONDS
        if self._answering is not None:
            return False
        return now - self._since > (limits.request_seconds if self._in_request else limits.idle_seconds)

    def give_up(self) -> None:
        """Tell a client that sends too slowly, and close."""
        if self._in_request and not self._refused and self._blocked is None:
            seconds = self._limits.request_seconds
            self._refuse(408, f"the request took longer than {seconds:g} s to arrive", next="send it again, faster")
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()
