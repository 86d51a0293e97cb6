"""A streaming reverse proxy for HTTP/1.1: bytes, path, query and headers go through as they came.

Signatures survive because nothing that they cover is touched: `Host` included, no decoding, no decompression.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from local.daemon import LOCALHOST

HOP_BY_HOP = ("Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect")
NEVER_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
LONGEST_HEADER_BYTES = 64 * 1024
BUFFER_BYTES = 256 * 1024
BUSY = b'<?xml version="1.0" encoding="utf-8"?><Error><Code>ServerBusy</Code><Message>%s</Message></Error>'

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class RelayBroken(Exception):
    """No whole answer came from behind: whether the request took effect is not known."""


def session() -> aiohttp.ClientSession:
    """Connections to the server behind. Idle ones are dropped after 3 s, before Azurite does it (5 s)."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=3),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        auto_decompress=False,
        skip_auto_headers=NEVER_ADDED,
        read_bufsize=BUFFER_BYTES,
        max_line_size=LONGEST_HEADER_BYTES,
        max_field_size=LONGEST_HEADER_BYTES,
    )


class Relay:
    """Asks the server behind (`upstream`, scheme and authority only) and passes its answer back."""

    def __init__(self, client: aiohttp.ClientSession, upstream: str) -> None:
        self._client = client
        self._upstream = upstream.rstrip("/")

    async def ask(
        self, request: web.BaseRequest, *, body: AsyncIterator[bytes] | None = None
    ) -> aiohttp.ClientResponse:
        """Send the request on, its body as it arrives or another; return the answer's head. Raise `RelayBroken` without one."""
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        try:
            return await self._client.request(
                request.method,
                URL(self._upstream + request.raw_path, encoded=True),
                headers=_end_to_end(request.headers),
                data=body or (request.content if request.body_exists else None),
                allow_redirects=False,
            )
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
            raise RelayBroken(f"{type(error).__name__}: {error}") from error

    async def reply(self, request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        """Pass the answer on, its body as it arrives."""
        async with answer:
            response = web.StreamResponse(
                status=answer.status, reason=answer.reason, headers=_end_to_end(answer.headers)
            )
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response


def busy(why: bytes) -> web.Response:
    """503 in the words of a storage service."""
    headers = {"x-ms-error-code": "ServerBusy", "Content-Type": "application/xml"}
    return web.Response(status=503, headers=headers, body=BUSY % why)


@asynccontextmanager
async def served(handle: Handler, port: int) -> AsyncIterator[None]:
    """Answer requests to a port of 127.0.0.1 by `handle` while the block runs, bodies as they come."""
    server = web.Server(
        handle,
        access_log=None,
        auto_decompress=False,
        max_line_size=LONGEST_HEADER_BYTES,
        max_field_size=LONGEST_HEADER_BYTES,
        read_bufsize=BUFFER_BYTES,
    )
    runner = web.ServerRunner(server, shutdown_timeout=5)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOCALHOST, port).start()
        yield
    finally:
        await runner.cleanup()


def _end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    kept = CIMultiDict(headers)
    for name in HOP_BY_HOP:
        kept.popall(name, None)
    return kept
