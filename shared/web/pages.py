"""The pages: complete without scripts, each with a JSON twin."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.monitoring.drift_history import DriftHistory
from shared.state import AcceptedFile, Release
from shared.storage.port import BlobMissing
from shared.web import asking, frozen, letters, reading, replaying
from shared.web.answers import NotDone
from shared.web.approval import data_change, losing_slices
from shared.web.certificate_view import certificate_view
from shared.web.chart import gain_chart
from shared.web.columns import columns_beside
from shared.web.driftchart import drift_chart
from shared.web.frame import Frame
from shared.web.steps import Papers, steps
from shared.web.story import latest
from shared.web.views import NEEDS_PERSON, need, newest_first
from shared.wiring import App

RECENT = 12
LINES_SHOWN = 60
SENTENCES_SHOWN = 20
FILES_SHOWN = 20
CONTENT_SHOWN = 20_000
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


class Pages:
    """The pages that people read. None of them writes."""

    def __init__(self, app: App, frame: Frame) -> None:
        self._app = app
        self._frame = frame

    @cached_property
    def _drift(self) -> DriftHistory:
        """Made at the first page that shows drift."""
        return DriftHistory(self._app.book, self._app.blobs, self._app.parts.rules)

    def routes(self) -> list[Route]:
        """All pages."""
        reads: dict[str, Callable[[Request], Response]] = {
            "/": self.home,
            "/models/{model}": self.model,
            "/releases/{release}": self.release,
            "/releases/{release}/certificate": self.certificate,
            "/deadletters": self.deadletters,
            "/deadletters/{owner}/{key}": self.deadletter,
            "/ignored": self.ignored,
            "/reports/{container}/{path:path}": self.report,
            "/static/{name}": self._frame.renderer.static,
        }
        return [Route(path, endpoint) for path, endpoint in reads.items()]

    def home(self, request: Request) -> Response:
        """Whether anything needs you, what waits for whom, the models, and the latest releases."""
        found = reading.every_model(self._app)
        models = [one.view for one in found]
        person = self._frame.person(request)
        releases = newest_first(release for one in found for release in one.releases)[:RECENT]
        waiting = [wait for model in models for wait in model.waiting]
        undelivered = letters.undelivered_count(self._app)
        return self._frame.page(
            request,
            "home.html",
            need=need(models, person, undelivered=undelivered),
            undelivered=undelivered,
            models=models,
            releases=releases,
            waiting=waiting,
            freeze=frozen.view(self._app),
            breakers=self._app.breakers.all(),
        )

    def model(self, request: Request) -> Response:
        """One model: champion, basket, releases, files, and what happened last."""
        found = reading.one_model(self._app, request.path_params["model"])
        name = found.view.name
        return self._frame.page(
            request,
            "model.html",
            model=found.view,
            releases=found.releases,
            files=self._last_files(name),
            drift=drift_chart(lambda: self._drift.of_model(name)),
            story=latest(reading.last_lines(self._app, name, LINES_SHOWN), SENTENCES_SHOWN),
            asked=_known(request, asking.OF_MODEL),
        )

    def _last_files(self, model: str) -> Sequence[AcceptedFile]:
        head = self._app.book.head(model)
        return list(reversed(self._app.book.files(model, head.next_file - 1)))[:FILES_SHOWN] if head else []

    def release(self, request: Request) -> Response:
        """One release: its way step by step, its numbers, its story, and the decision if it waits for one."""
        found = reading.one_release(self._app, request.path_params["release"])
        papers = self._papers(found)
        gates = papers.spec.gates
        return self._frame.page(
            request,
            "release.html",
            release=found,
            spec=papers.spec,
            steps=steps(found, papers),
            story=papers.story,
            chart=gain_chart(found.gain, limit=gates.minimum_gain, confidence=gates.confidence),
            drift=drift_chart(lambda: self._drift.of_release(found)),
            model=reading.one_model(self._app, found.model).view,
            needs_person=found.state == NEEDS_PERSON,
            losing=losing_slices(papers.evidence),
            trials=papers.trials,
            data_change=data_change(found, self._serving(found)),
            columns=columns_beside(lambda: self._drift.of_versions(found)) if found.against else None,
            why_not=self._why_not(request, found),
            asked=_known(request, asking.OF_RELEASE),
        )

    def _serving(self, release: Release) -> Release | None:
        """The release of the version that the release was judged against."""
        head = self._app.book.head(release.model)
        champion = head.champion if head else None
        if champion is None or champion.version != release.against or not champion.release:
            return None
        return self._app.book.release(release.model, champion.release)

    def certificate(self, request: Request) -> Response:
        """What was measured of a release's version, for whoever must trust it."""
        found = reading.one_release(self._app, request.path_params["release"])
        return self._frame.page(request, "certificate.html", **certificate_view(self._app, found))

    def _papers(self, release: Release) -> Papers:
        try:
            return reading.papers(self._app, release)
        except BlobMissing as gone:
            raise NotDone(gone.what, next=f"publish the folder of {release.model} again") from gone

    def _why_not(self, request: Request, release: Release) -> str:
        person = self._frame.person(request)
        return asking.why_not(self._app, release, person) if person and release.state == NEEDS_PERSON else ""

    def deadletters(self, request: Request) -> Response:
        """What was set aside for a person, ours and Event Grid's, each with its remedy."""
        found = letters.dead_letters(self._app)
        undelivered = letters.undelivered_count(self._app)
        asked = _known(request, replaying.OF_LETTER)
        return self._frame.page(request, "deadletters.html", letters=found, undelivered=undelivered, asked=asked)

    def deadletter(self, request: Request) -> Response:
        """One dead letter: what it holds, what a replay would come to, and the forms for people."""
        letter = letters.find(self._app, request.path_params["owner"], request.path_params["key"])
        content = json.dumps(letters.content(self._app, letter), indent=1, ensure_ascii=False)[:CONTENT_SHOWN]
        foreseen = replaying.foresee(self._app, letter)
        return self._frame.page(request, "deadletter.html", letter=letter, content=content, foreseen=foreseen)

    def ignored(self, request: Request) -> Response:
        """Events that concerned no model, with the reason."""
        return self._frame.page(request, "ignored.html", events=reading.ignored(self._app))

    def report(self, request: Request) -> Response:
        """A report as it was written, in a sandbox: no script of it runs, and it reaches nothing."""
        path = request.path_params["path"]
        content = reading.report(self._app, request.path_params["container"], path)
        kind = "application/json" if path.endswith(".json") else "text/html; charset=utf-8"
        return Response(content, headers={"content-type": kind, "content-security-policy": SANDBOX})


def _known(request: Request, actions: object) -> str:
    """Which of our own actions was just asked for, to say so on the page."""
    asked = request.query_params.get("asked", "")
    return asked if isinstance(actions, dict | tuple) and asked in actions else ""
