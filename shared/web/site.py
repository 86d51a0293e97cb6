"""The web application: pages and API behind one guard. Built once a process, at the first request."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from shared.errors import BatonError
from shared.web.answers import NotFound, status_of
from shared.web.api import Api
from shared.web.api_answers import answer
from shared.web.auth import Gatekeeper
from shared.web.forms import Forms
from shared.web.frame import Frame
from shared.web.guard import BROKEN, Guard
from shared.web.pages import Pages
from shared.web.reads import Reads
from shared.web.rendering import Renderer
from shared.wiring import App


def site(app: App) -> ASGIApp:
    """Everything that is answered over HTTP, over the given app."""
    gate = Gatekeeper(app.settings)
    renderer = Renderer(clock=app.clock)
    faults = Faults(renderer)
    routes = [Mount("/api", routes=Api(app, gate).routes()), *people(app, gate, renderer)]
    handlers = {BatonError: faults.told, HTTPException: faults.refused, Exception: faults.unforeseen}
    inside = Starlette(routes=[*routes, Route("/{path:path}", faults.nowhere)], exception_handlers=handlers)
    return Guard(Reads(inside, gate, app.access, clock=app.clock), gate, faults.answer)


def people(app: App, gate: Gatekeeper, renderer: Renderer) -> list[Route]:
    """The routes of pages and forms."""
    frame = Frame(app, gate, renderer)
    return [*Forms(app, gate, frame).routes(), *Pages(app, frame).routes()]


class Faults:
    """Answers for what is not done: JSON under /api, a page elsewhere, each with what happened and what to do next."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def answer(self, request: Request, error: BatonError, status: int) -> Response:
        """One answer of this status."""
        if request.url.path.startswith("/api"):
            return answer({"what": error.what, "next": error.next}, status)
        return self._renderer.page(request, "problem.html", status=status, what=error.what, next=error.next)

    def told(self, request: Request, error: Exception) -> Response:
        """An error of ours."""
        assert isinstance(error, BatonError)
        return self.answer(request, error, status_of(error))

    def refused(self, request: Request, error: Exception) -> Response:
        """A refusal of the router: a wrong method, or a mount without that path."""
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return self.nowhere(request)
        allowed = (error.headers or {}).get("allow", "") or (error.headers or {}).get("Allow", "")
        what = f"{request.method} is not possible here."
        answer = self.answer(request, BatonError(what, next=f"use {allowed or 'another method'}"), error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    def nowhere(self, request: Request) -> Response:
        """No such path."""
        path = request.url.path[:100]
        todo = "GET /api/models lists the models" if path.startswith("/api") else "begin at the list of models"
        return self.answer(request, NotFound(f"There is nothing at {path}.", next=todo), 404)

    def unforeseen(self, request: Request, error: Exception) -> Response:
        """A fault of ours; the guard logs it."""
        todo = "try again; if it stays, look in the log for `page failed`"
        return self.answer(request, BatonError(BROKEN, next=todo), 500)
