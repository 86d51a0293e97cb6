"""What the API shows: what the pages show too, for programs. Nothing here writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
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
from shared.web import datasets, frozen, letters, reading, replaying, requests
from shared.web.answers import NotDone, NotFound
from shared.web.api_answers import again, answer
from shared.web.story import Told, story
from shared.web.views import ModelView, last_change, outcome
from shared.wiring import App

Endpoint = Callable[[Request], Response]


class Reading:
    """The endpoints that show what is there."""

    def __init__(self, app: App) -> None:
        self._app = app

    def routes(self) -> list[Route]:
        """All of them, without the prefix /api."""
        paths: dict[str, Endpoint] = {
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
        return [Route(path, endpoint) for path, endpoint in paths.items()]

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
            told.headers.update(again(f"{requests.place(self._app, model, event)}{_query(request)}"))
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


def _query(request: Request) -> str:
    return f"?{request.url.query}" if request.url.query else ""


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 12):
        raise NotDone(f"`from` is {text[:40]!r}.", next="give a line's number, 1 or more")
    return max(int(text), 1)
