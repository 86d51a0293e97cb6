"""Tells the access log what people read: every page and API answer but health, static files and what asks for something."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import log, names
from shared.access import AccessLog
from shared.web.auth import Gatekeeper

NOT_LOGGED = ("/static/", "/api/health", "/sign-in", "/sign-out", "/favicon")


class Reads:
    """ASGI middleware. A fault of it is logged and changes nothing for the person."""

    def __init__(self, app: ASGIApp, gate: Gatekeeper, access: AccessLog, *, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._gate = gate
        self._access = access
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def answering(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        await self._app(scope, receive, answering)
        if scope["type"] == "http" and scope["method"] == "GET" and not scope["path"].startswith(NOT_LOGGED):
            self._note(Request(scope), status)

    def _note(self, request: Request, status: int) -> None:
        try:
            path = request.url.path[:300]
            self._access.note(
                self._person(request), path, model_of(path, request.query_params.get("model", "")), status
            )
        except Exception as error:  # noqa: BLE001 - a read that cannot be noted is told, and the page was answered
            log.warning("read not noted", why=repr(error)[:200])

    def _person(self, request: Request) -> str:
        session = self._gate.session(request, self._clock())
        person = session.person if session else self._gate.reader(request)
        return person.name if person else ""


def model_of(path: str, asked: str = "") -> str:
    """The model that a path is about, or "".

    >>> model_of("/api/releases/diabetes-0012/story"), model_of("/reports/reports/diabetes/runs/a.json"), model_of("/")
    ('diabetes', 'diabetes', '')
    """
    parts = [part for part in path.split("/") if part and part != "api"]
    if len(parts) >= 2 and parts[0] == "models":
        return parts[1]
    if len(parts) >= 2 and parts[0] == "releases":
        match = names.RELEASE_ID.fullmatch(parts[1])
        return match["model"] if match else ""
    if len(parts) >= 3 and parts[0] == "reports":
        return parts[2]
    return asked
