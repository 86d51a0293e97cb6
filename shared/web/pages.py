"""The pages: complete without scripts, each with a JSON twin, and the forms by which people decide."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from shared.monitoring.drift_history import DriftHistory
from shared.state import AcceptedFile, Release
from shared.storage.port import BlobMissing
from shared.web import asking, frozen, letters, reading, replaying
from shared.web.answers import NotDone, NotSignedIn
from shared.web.approval import data_change, losing_slices
from shared.web.auth import COOKIE, SESSION_FOR, Gatekeeper, Session
from shared.web.certificate_view import certificate_view
from shared.web.chart import gain_chart
from shared.web.columns import columns_beside
from shared.web.driftchart import drift_chart
from shared.web.person import Person
from shared.web.rendering import Renderer
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
Form = dict[str, str]


class Pages:
    """The endpoints that people use. Those that read never write."""

    def __init__(self, app: App, gate: Gatekeeper, renderer: Renderer) -> None:
        self._app = app
        self._gate = gate
        self._renderer = renderer

    @cached_property
    def _drift(self) -> DriftHistory:
        """Made at the first page that shows drift."""
        return DriftHistory(self._app.book, self._app.blobs, self._app.parts.rules)

    def routes(self) -> list[Route]:
        """All pages and forms."""
        reads: dict[str, Callable[[Request], Response]] = {
            "/": self.home,
            "/models/{model}": self.model,
            "/releases/{release}": self.release,
            "/releases/{release}/certificate": self.certificate,
            "/deadletters": self.deadletters,
            "/deadletters/{owner}/{key}": self.deadletter,
            "/ignored": self.ignored,
            "/reports/{container}/{path:path}": self.report,
            "/sign-in": self.sign_in,
            "/static/{name}": self._renderer.static,
        }
        forms = [
            Route("/sign-in", self.signed_in, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
        ]
        forms += [Route(f"/{action}", self._of_all(action), methods=["POST"]) for action in frozen.OF_ALL]
        forms += [
            Route(f"/models/{{model}}/{action}", self._of_model(action), methods=["POST"]) for action in asking.OF_MODEL
        ]
        forms += [
            Route(f"/releases/{{release}}/{action}", self._of_release(action), methods=["POST"])
            for action in asking.OF_RELEASE
        ]
        forms += [
            Route(f"/deadletters/{{owner}}/{{key}}/{action}", self._of_letter(action), methods=["POST"])
            for action in replaying.OF_LETTER
        ]
        return forms + [Route(path, endpoint) for path, endpoint in reads.items()]

    # Reading

    def home(self, request: Request) -> Response:
        """Whether anything needs you, what waits for whom, the models, and the latest releases."""
        found = reading.every_model(self._app)
        models = [one.view for one in found]
        person = self._person(request)
        releases = newest_first(release for one in found for release in one.releases)[:RECENT]
        waiting = [wait for model in models for wait in model.waiting]
        undelivered = letters.undelivered_count(self._app)
        return self._page(
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
        return self._page(
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
        return self._page(
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
        return self._page(request, "certificate.html", **certificate_view(self._app, found))

    def _papers(self, release: Release) -> Papers:
        try:
            return reading.papers(self._app, release)
        except BlobMissing as gone:
            raise NotDone(gone.what, next=f"publish the folder of {release.model} again") from gone

    def _why_not(self, request: Request, release: Release) -> str:
        person = self._person(request)
        return asking.why_not(self._app, release, person) if person and release.state == NEEDS_PERSON else ""

    def deadletters(self, request: Request) -> Response:
        """What was set aside for a person, ours and Event Grid's, each with its remedy."""
        found = letters.dead_letters(self._app)
        undelivered = letters.undelivered_count(self._app)
        asked = _known(request, replaying.OF_LETTER)
        return self._page(request, "deadletters.html", letters=found, undelivered=undelivered, asked=asked)

    def deadletter(self, request: Request) -> Response:
        """One dead letter: what it holds, what a replay would come to, and the forms for people."""
        letter = letters.find(self._app, request.path_params["owner"], request.path_params["key"])
        content = json.dumps(letters.content(self._app, letter), indent=1, ensure_ascii=False)[:CONTENT_SHOWN]
        foreseen = replaying.foresee(self._app, letter)
        return self._page(request, "deadletter.html", letter=letter, content=content, foreseen=foreseen)

    def ignored(self, request: Request) -> Response:
        """Events that concerned no model, with the reason."""
        return self._page(request, "ignored.html", events=reading.ignored(self._app))

    def report(self, request: Request) -> Response:
        """A report as it was written, in a sandbox: no script of it runs, and it reaches nothing."""
        path = request.path_params["path"]
        content = reading.report(self._app, request.path_params["container"], path)
        kind = "application/json" if path.endswith(".json") else "text/html; charset=utf-8"
        return Response(content, headers={"content-type": kind, "content-security-policy": SANDBOX})

    # Signing in and out

    def sign_in(self, request: Request) -> Response:
        """The form; or, with `?key=`, signing in by a link that the laptop printed."""
        if self._gate.sign_in_at:
            then = quote(_inside(request.query_params.get("next", "/")))
            return RedirectResponse(f"{self._gate.sign_in_at}?post_login_redirect_uri={then}", 303)
        key = request.query_params.get("key", "")
        if key:
            return self._begin_session(request, key, request.query_params.get("next", "/"))
        return self._page(request, "sign_in.html", next=_inside(request.query_params.get("next", "/")), wrong=False)

    def signed_in(self, request: Request) -> Response:
        """The form, sent."""
        self._gate.check_origin(request)
        form = _form(request)
        return self._begin_session(request, form.get("key", ""), form.get("next", "/"))

    def _begin_session(self, request: Request, key: str, then: str) -> Response:
        name = self._gate.name_of(key.strip())
        if not name:
            return self._page(request, "sign_in.html", status=401, next=_inside(then), wrong=True)
        answer = RedirectResponse(_inside(then), 303)
        answer.set_cookie(
            COOKIE,
            self._gate.open_session(name, self._app.clock()),
            max_age=int(SESSION_FOR.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=self._gate.is_secure,
        )
        return answer

    def sign_out(self, request: Request) -> Response:
        """End the session of this browser."""
        self._checked(request)
        answer = RedirectResponse("/.auth/logout" if self._gate.sign_in_at else "/", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self._gate.is_secure)
        return answer

    # Asking

    def _of_all(self, action: str) -> Callable[[Request], Response]:
        def ask(request: Request) -> Response:
            frozen.OF_ALL[action](self._app, _asked(*self._checked(request)))
            return RedirectResponse("/", 303)

        return ask

    def _of_model(self, action: str) -> Callable[[Request], Response]:
        def ask(request: Request) -> Response:
            session, form = self._checked(request)
            model = request.path_params["model"]
            asking.of_model(self._app, action, model, _asked(session, form))
            return RedirectResponse(f"/models/{model}?asked={action}", 303)

        return ask

    def _of_release(self, action: str) -> Callable[[Request], Response]:
        def ask(request: Request) -> Response:
            session, form = self._checked(request)
            release = request.path_params["release"]
            asking.of_release(self._app, action, release, _asked(session, form), nonce=form.get("nonce", ""))
            return RedirectResponse(f"/releases/{release}?asked={action}", 303)

        return ask

    def _of_letter(self, action: str) -> Callable[[Request], Response]:
        def ask(request: Request) -> Response:
            session, form = self._checked(request)
            letter = letters.find(self._app, request.path_params["owner"], request.path_params["key"])
            replaying.ask(self._app, action, letter, _asked(session, form))
            return RedirectResponse(f"/deadletters?asked={action}", 303)

        return ask

    def _checked(self, request: Request) -> tuple[Session, Form]:
        session = self._gate.session(request, self._app.clock())
        if session is None:
            raise NotSignedIn("You are not signed in, or your session is over.", next="sign in, then send it again")
        form = _form(request)
        self._gate.check_form(request, session, form.get("token", ""))
        if request.url.path != "/sign-out":
            self._gate.check_may_ask(request, session.person)
        return session, form

    def _person(self, request: Request) -> Person | None:
        session = self._gate.session(request, self._app.clock())
        return session.person if session else None

    def _page(self, request: Request, template: str, *, status: int = 200, **values: object) -> Response:
        session = self._gate.session(request, self._app.clock())
        token = self._gate.form_token(session) if session else ""
        person = session.person if session else None
        return self._renderer.page(request, template, status=status, person=person, form_token=token, **values)


def _asked(session: Session, form: Form) -> asking.Asked:
    return asking.asked(session.person, form.get("why", ""), form.get("ticket", ""))


def _form(request: Request) -> Form:
    """The fields of a form; of a repeated one the last. What is no form has no fields."""
    try:
        found = parse_qs(request.state.body.decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise NotDone("This is not a form that can be read.", next="send it from the page") from error
    return {name: values[-1] for name, values in found.items()}


def _inside(path: str) -> str:
    """A path of this site, or the first page for anything else."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isascii() and path.isprintable()
    return path if is_ours else "/"


def _known(request: Request, actions: object) -> str:
    """Which of our own actions was just asked for, to say so on the page."""
    asked = request.query_params.get("asked", "")
    return asked if isinstance(actions, dict | tuple) and asked in actions else ""
