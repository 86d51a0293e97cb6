"""What every page has around it: who is signed in, and the token of its forms."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from shared.web.auth import Gatekeeper, Session
from shared.web.person import Person
from shared.web.rendering import Renderer
from shared.wiring import App


class Frame:
    """Pages as the person sees them who asked for them."""

    def __init__(self, app: App, gate: Gatekeeper, renderer: Renderer) -> None:
        self.renderer = renderer
        self._gate = gate
        self._app = app

    def session(self, request: Request) -> Session | None:
        """The session of the request, if somebody is signed in."""
        return self._gate.session(request, self._app.clock())

    def person(self, request: Request) -> Person | None:
        """Who is signed in."""
        session = self.session(request)
        return session.person if session else None

    def page(self, request: Request, template: str, *, status: int = 200, **values: object) -> Response:
        """A page of this template."""
        session = self.session(request)
        token = self._gate.form_token(session) if session else ""
        person = session.person if session else None
        return self.renderer.page(request, template, status=status, person=person, form_token=token, **values)
