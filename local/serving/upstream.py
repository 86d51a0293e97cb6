"""One request to an inference server, on a connection of its own: the server closes after each reply."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field

import httptools

from local.daemon import LOCALHOST
from local.serving.messages import Headers

CHUNK = 256 * 1024


class NoAnswer(Exception):
    """The server refused the connection, closed it early, or answered what is no HTTP."""


class AnswerTooLarge(Exception):
    """The server's answer is larger than the router passes on."""


@dataclass(slots=True)
class Answer:
    """What the server said, filled as it arrives: header names in lower case."""

    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""


async def ask(port: int, message: bytes, *, limit: int) -> Answer:
    """Send the bytes of a request and return the whole answer of at most `limit` body bytes. The caller limits the time."""
    loop = asyncio.get_running_loop()
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reader = _Reader(limit)
    try:
        await _connect(connection, port, loop)
        await loop.sock_sendall(connection, message)
        while not reader.complete:
            reader.feed(await loop.sock_recv(connection, CHUNK))
    except (OSError, httptools.HttpParserError) as error:
        raise NoAnswer(str(error) or type(error).__name__) from error
    finally:
        loop.call_soon(connection.close)  # a close takes 40 us, and the client waits for its reply
    return reader.answer()


async def _connect(connection: socket.socket, port: int, loop: asyncio.AbstractEventLoop) -> None:
    """Connect, without a turn of the loop where the kernel does it at once, as Linux does on 127.0.0.1."""
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.connect_ex((LOCALHOST, port))
    try:
        connection.getpeername()
    except OSError:  # not yet, or refused
        await loop.sock_connect(connection, (LOCALHOST, port))


class _Reader:
    """Puts one answer together with httptools."""

    def __init__(self, limit: int) -> None:
        self.complete = False
        self._limit = limit
        self._size = 0
        self._chunks: list[bytes] = []
        self._headers: Headers = []
        self._framed = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        if data:
            self._parser.feed_data(data)
        elif self._framed or not self._headers:
            raise NoAnswer("the server closed the connection before it had answered")
        else:
            self.complete = True
        if self._size > self._limit:
            raise AnswerTooLarge(f"the answer is larger than {self._limit} bytes")

    def answer(self) -> Answer:
        return Answer(self._parser.get_status_code(), self._headers, b"".join(self._chunks))

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self._headers.append((name, value))
        self._framed = self._framed or name in (b"content-length", b"transfer-encoding")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        self.complete = True
