"""The JSON API: what the pages show, for programs; and what people ask, with a bearer token."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared import state
from shared.certificates.statement import CertificateRefused
from shared.effects.certificates import carried_certificate
from shared.state import Champion, Release
from shared.storage.port import BlobMissing
from shared.table.plain import plain
from shared.web import asking, datasets, frozen, letters, openapi, reading, replaying, requests
from shared.web.answers import NotDone, NotFound
from shared.web.auth import Gatekeeper
from shared.web.story import Told, story
from shared.web.views import ModelView, last_change, outcome
from shared.wiring import App

Endpoint = Callable[[Request], Response]


def answer(body: object, status: int = 200) -> Response:
    """A JSON answer; times become ISO 8601."""
    text = json.dumps(body, default=_plain, ensure_ascii=False)
    return Response(text, status, media_type="application/json")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


class Api:
    """The endpoints under /api. Those that read never write; those that ask record one event and return its id."""

    def __init__(self, app: App, gate: Gatekeeper) -> None:
        self._app = app
        self._gate = gate

    def routes(self) -> list[Route]:
        """All of them, without the prefix /api."""
        reads: dict[str, Endpoint] = {
            "/health": self.health,
            "/models": self.models,
            "/models/{model}": self.model,
            "/models/{model}/journal": self.journal,
            "/models/{model}/why-not": self.why_not,
            "/models/{model}/requests/{event}": self.request,
            "/models/{model}/data": self.data,
            "/models/{model}/files": self.files,
            "/models/{model}/data/{version}": self.dataset,
            "/releases/{release}": self.release,
            "/releases/{release}/story": self.story,
            "/releases/{release}/certificate": self.certificate,
            "/deadletters": self.deadletters,
            "/deadletters/{owner}/{key}": self.deadletter,
            "/deadletters/{owner}/{key}/foreseen": self.foreseen,
            "/ignored": self.ignored,
            "/freeze": self.freeze,
            "/breakers": self.breakers,
        }
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
        routes = [Route(path, endpoint) for path, endpoint in reads.items()] + asks
        told = openapi.document(routes)
        return [*routes, Route("/openapi.json", lambda request: answer(told))]

    # Reading

    def health(self, request: Request) -> Response:
        """Whether this process answers; it asks nothing of storage."""
        return answer({"ok": True})

    def models(self, request: Request) -> Response:
        """Every model."""
        return answer([model_json(found.view) for found in reading.every_model(self._app)])

    def model(self, request: Request) -> Response:
        """One model with its last releases."""
        found = reading.one_model(self._app, request.path_params["model"])
        return answer({**model_json(found.view), "releases": [_short(release) for release in found.releases]})

    def journal(self, request: Request) -> Response:
        """Journal lines from `?from=` on; `next` is where the following page begins."""
        model = reading.known(self._app, request.path_params["model"])
        first = _positive(request.query_params.get("from", "1"))
        lines = reading.journal_page(self._app, model, first)
        return answer({"lines": lines, "next": lines[-1]["n"] + 1 if lines else first})

    def why_not(self, request: Request) -> Response:
        """Why no newer version is in production: what stopped each later attempt, and what would let it pass."""
        return answer(asdict(reading.why_not(self._app, request.path_params["model"])))

    def request(self, request: Request) -> Response:
        """What became of a request: 202 while it goes on, 409 if it failed. `?until=end` waits for the approver too."""
        model, event = request.path_params["model"], request.path_params["event"]
        found = requests.became(self._app, model, event, request.query_params.get("until", "approval"))
        told = answer(asdict(found), found.status)
        if not found.done:
            told.headers.update(_again(f"{requests.place(self._app, model, event)}{_query(request)}"))
        return told

    def data(self, request: Request) -> Response:
        """Dataset versions, newest first, with the releases that used them; of `?file=` those that contain it."""
        return answer(datasets.log(self._app, request.path_params["model"], request.query_params.get("file", "")))

    def files(self, request: Request) -> Response:
        """Every accepted file of a model."""
        return answer(datasets.files(self._app, request.path_params["model"]))

    def dataset(self, request: Request) -> Response:
        """One dataset version with its files: by its id's beginning, a release, or `latest`."""
        return answer(datasets.show(self._app, request.path_params["model"], request.path_params["version"]))

    def release(self, request: Request) -> Response:
        """One release with its small documents and the rules that it began with."""
        found = reading.one_release(self._app, request.path_params["release"])
        documents = {
            "evidence_document": reading.document(self._app, found.evidence),
            "certificate_document": reading.document(self._app, found.certificate),
        }
        return answer({**json.loads(state.dumps(found)), **documents, "rules": self._rules(found)})

    def _rules(self, release: Release) -> object:
        """None where the folder is not there any more."""
        try:
            return plain(self._app.parts.rules(release.model, release.folder))
        except BlobMissing:
            return None

    def story(self, request: Request) -> Response:
        """What the journal tells about one release, in order."""
        found = reading.one_release(self._app, request.path_params["release"])
        told = story(reading.lines_of(self._app, found), found.id)
        return answer([told_json(entry) for entry in told])

    def certificate(self, request: Request) -> Response:
        """A release's certificate and its signature, exactly as they were signed: what goes along with a version that is carried on."""
        found = reading.one_release(self._app, request.path_params["release"])
        try:
            return answer(carried_certificate(self._app.parts.blobs, found).document())
        except CertificateRefused as error:
            raise NotFound(error.what, next=error.next) from error

    def deadletters(self, request: Request) -> Response:
        """Dead letters of all models, or of `?model=`."""
        found = letters.dead_letters(self._app, request.query_params.get("model", ""))
        return answer([asdict(letter) for letter in found])

    def deadletter(self, request: Request) -> Response:
        """One dead letter, with all that is kept of it."""
        letter = self._letter(request)
        return answer({**asdict(letter), "content": letters.content(self._app, letter)})

    def foreseen(self, request: Request) -> Response:
        """What a replay of a dead letter would come to. Nothing is written."""
        return answer(asdict(replaying.foresee(self._app, self._letter(request))))

    def _letter(self, request: Request) -> letters.DeadLetter:
        return letters.find(self._app, request.path_params["owner"], request.path_params["key"])

    def ignored(self, request: Request) -> Response:
        """Events that concerned no model."""
        return answer(reading.ignored(self._app))

    def freeze(self, request: Request) -> Response:
        """The freeze that holds, or the last one, and how many models know of it."""
        return answer(asdict(frozen.view(self._app)))

    def breakers(self, request: Request) -> Response:
        """Platforms that did not answer, so that their commands wait: whether open or probed now, since and until when, why."""
        return answer([asdict(breaker) for breaker in self._app.breakers.all()])

    # Asking

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
            told.headers.update(_again(there))
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
            return answer(asdict(replaying.ask(self._app, action, self._letter(request), by)), 202)

        return ask

    def _asked(self, request: Request, *, needs_why: bool = True) -> tuple[Mapping[str, Any], asking.Asked]:
        person = self._gate.bearer(request)
        self._gate.check_may_ask(request, person)
        body = _object(request.state.body)
        key = request.headers.get("idempotency-key", "")
        return body, asking.asked(person, body.get("why", ""), key, of=request.url.path, needs_why=needs_why)


def model_json(view: ModelView) -> dict[str, Any]:
    """A model as the API gives it."""
    return {**asdict(view), "champion": _champion(view.champion), "previous": _champion(view.previous)}


def _champion(champion: Champion | None) -> dict[str, Any] | None:
    return asdict(champion) if champion else None


def _short(release: Release) -> dict[str, Any]:
    return {
        "id": release.id,
        "state": release.state,
        "why": outcome(release),
        "version": release.version,
        "since": last_change(release),
        "deadline": release.deadline,
        "owner": release.owner,
    }


def told_json(told: Told) -> dict[str, Any]:
    """A sentence of the story as the API gives it."""
    return asdict(told)


def _again(where: str) -> Mapping[str, str]:
    """The headers of a 202 that says where and when to ask again."""
    return {"location": where, "retry-after": str(requests.AGAIN_SECONDS)}


def _query(request: Request) -> str:
    return f"?{request.url.query}" if request.url.query else ""


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


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 12):
        raise NotDone(f"`from` is {text[:40]!r}.", next="give a line's number, 1 or more")
    return max(int(text), 1)
