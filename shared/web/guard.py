"""What holds for every request, whatever answers it: host, size, headers, HEAD, and no fault without a clear answer."""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Callable
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import log
from shared.errors import BatonError
from shared.web.answers import NotDone, TooLarge
from shared.web.auth import Gatekeeper

BODY_LIMIT = 64 * 1024
BROKEN = "The request could not be answered. It is logged."
PLAIN = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

Answerer = Callable[[Request, BatonError, int], Response]


class Guard:
    """ASGI middleware around the whole site. It reads the body (at most 64 KiB), so that endpoints need not wait for it."""

    def __init__(self, app: ASGIApp, gate: Gatekeeper, answer: Answerer) -> None:
        self._app = app
        self._gate = gate
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(12)
        scope["headers"] = [(name.lower(), value) for name, value in scope["headers"]]
        scope["state"] = {**(scope.get("state") or {}), "nonce": nonce}
        answering = Answering(send, nonce, is_head=scope["method"] == "HEAD")
        request = Request(scope, receive)
        try:
            self._gate.check_host(request.headers.get("host", ""))
            scope["state"]["body"] = await _body(request)
            await self._app(scope, _ended, answering)
        except NotDone as error:
            await self._answer(request, error, error.status)(scope, _ended, answering)
        except Exception as error:  # noqa: BLE001 - whatever it is, the person gets an answer, and the log the reason
            where = traceback.extract_tb(error.__traceback__)[-1]
            at = f"{Path(where.filename).name}:{where.lineno}"
            log.error(
                "page failed", path=scope["path"][:200], why=repr(error)[:300], at=at, next="docs/runbook.md#pages"
            )
            if not answering.has_begun:
                broken = BatonError(BROKEN, next="try again; if it stays, look in the log for `page failed`")
                await self._answer(request, broken, 500)(scope, _ended, answering)


class Answering:
    """An ASGI `send` that adds our headers where the endpoint did not set them, and leaves out the body for HEAD."""

    def __init__(self, send: Send, nonce: str, *, is_head: bool) -> None:
        self._send = send
        self._nonce = nonce
        self._is_head = is_head
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers = MutableHeaders(raw=message["headers"])
            for name, value in {**PLAIN, "content-security-policy": policy(self._nonce)}.items():
                headers.setdefault(name, value)
        elif self._is_head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


def policy(nonce: str) -> str:
    """The content security policy of our own pages: our style sheet, our one script, our forms, nothing else."""
    return (
        f"default-src 'none'; style-src 'self'; script-src 'nonce-{nonce}'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


async def _body(request: Request) -> bytes:
    size, parts = 0, []
    async for part in request.stream():
        size += len(part)
        if size > BODY_LIMIT:
            raise TooLarge(
                f"The body has more than {BODY_LIMIT} bytes.", next="send less; files go to storage, not here"
            )
        parts.append(part)
    return b"".join(parts)


async def _ended() -> Message:
    """The body was read: nothing more comes."""
    return {"type": "http.disconnect"}
