"""What people ask through the API, with a bearer token: each becomes one event, and the answer has its id."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.web import asking, datasets, frozen, letters, replaying, requests
from shared.web.answers import NotDone
from shared.web.api_answers import again, answer
from shared.web.auth import Gatekeeper
from shared.wiring import App

Endpoint = Callable[[Request], Response]


class Asking:
    """The endpoints that record what a person asks."""

    def __init__(self, app: App, gate: Gatekeeper) -> None:
        self._app = app
        self._gate = gate

    def routes(self) -> list[Route]:
        """All of them, without the prefix /api."""
        asks = [Route("/models/{model}/publish", self.publish, methods=["POST"])]
        asks += [Route("/models/{model}/pin", self.pin, methods=["POST"])]
        asks += [Route("/models/{model}/forget", self.forget, methods=["POST"])]
        asks += [Route(f"/{action}", self._of_all(action), methods=["POST"]) for action in frozen.OF_ALL]
        asks += [
            Route(f"/models/{{model}}/{action}", self._of_model(action), methods=["POST"]) for action in asking.OF_MODEL
        ]
        asks += [
            Route(f"/releases/{{release}}/{action}", self._of_release(action), methods=["POST"])
            for action in asking.OF_RELEASE
        ]
        asks += [
            Route(f"/deadletters/{{owner}}/{{key}}/{action}", self._of_letter(action), methods=["POST"])
            for action in replaying.OF_LETTER
        ]
        return asks

    def publish(self, request: Request) -> Response:
        """Publish an uploaded folder."""
        body, by = self._asked(request, needs_why=False)
        return _recorded(asking.publish(self._app, request.path_params["model"], body.get("folder"), by))

    def pin(self, request: Request) -> Response:
        """Pin a dataset version for the next retrain; `none` takes the pin off."""
        body, by = self._asked(request)
        return _recorded(datasets.pin(self._app, request.path_params["model"], body.get("version"), by))

    def forget(self, request: Request) -> Response:
        """Erase files, refused drops and collected requests for ever, leaving tombstones."""
        body, by = self._asked(request)
        return _recorded(datasets.forget(self._app, request.path_params["model"], body, by))

    def _of_all(self, action: str) -> Endpoint:
        def ask(request: Request) -> Response:
            _, by = self._asked(request)
            return answer(asdict(frozen.OF_ALL[action](self._app, by)), 202)

        return ask

    def _of_model(self, action: str) -> Endpoint:
        def ask(request: Request) -> Response:
            _, by = self._asked(request)
            model = request.path_params["model"]
            recorded = asking.of_model(self._app, action, model, by)
            there = requests.place(self._app, model, recorded.event)
            told = answer({**asdict(recorded), "statusUrl": there}, 202)
            told.headers.update(again(there))
            return told

        return ask

    def _of_release(self, action: str) -> Endpoint:
        def ask(request: Request) -> Response:
            body, by = self._asked(request)
            nonce = str(body.get("nonce", ""))
            return _recorded(asking.of_release(self._app, action, request.path_params["release"], by, nonce=nonce))

        return ask

    def _of_letter(self, action: str) -> Endpoint:
        def ask(request: Request) -> Response:
            _, by = self._asked(request)
            letter = letters.find(self._app, request.path_params["owner"], request.path_params["key"])
            return answer(asdict(replaying.ask(self._app, action, letter, by)), 202)

        return ask

    def _asked(self, request: Request, *, needs_why: bool = True) -> tuple[Mapping[str, Any], asking.Asked]:
        person = self._gate.bearer(request)
        self._gate.check_may_ask(request, person)
        body = _object(request.state.body)
        key = request.headers.get("idempotency-key", "")
        return body, asking.asked(person, body.get("why", ""), key, of=request.url.path, needs_why=needs_why)


def _recorded(recorded: asking.Recorded) -> Response:
    return answer(asdict(recorded), 202)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotDone("The body is not JSON.", next='send an object such as {"why": "..."}') from error
    if not isinstance(found, dict):
        raise NotDone("The body is JSON, but no object.", next='send an object such as {"why": "..."}')
    return found
