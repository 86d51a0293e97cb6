"""The JSON API: what the pages show, for programs; and what people ask, with a bearer token."""

from __future__ import annotations

from starlette.routing import Route

from shared.web import openapi
from shared.web.api_answers import answer
from shared.web.api_asking import Asking
from shared.web.api_reading import Reading
from shared.web.auth import Gatekeeper
from shared.wiring import App


class Api:
    """The endpoints under /api. Those that read never write; those that ask record one event and return its id."""

    def __init__(self, app: App, gate: Gatekeeper) -> None:
        self._reading = Reading(app)
        self._asking = Asking(app, gate)

    def routes(self) -> list[Route]:
        """All of them, without the prefix /api; the last is their own description."""
        routes = [*self._reading.routes(), *self._asking.routes()]
        told = openapi.document(routes)
        return [*routes, Route("/openapi.json", lambda request: answer(told))]
