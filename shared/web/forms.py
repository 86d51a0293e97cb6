"""The forms by which people sign in and decide. Each is sent with the token of a page of ours, and answered by going on to one."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from shared.web import asking, frozen, letters, replaying
from shared.web.answers import NotDone, NotSignedIn
from shared.web.auth import COOKIE, SESSION_FOR, Gatekeeper, Session
from shared.web.frame import Frame
from shared.wiring import App

Form = dict[str, str]


class Forms:
    """The endpoints that forms are sent to, and the page that people sign in at."""

    def __init__(self, app: App, gate: Gatekeeper, frame: Frame) -> None:
        self._app = app
        self._gate = gate
        self._frame = frame

    def routes(self) -> list[Route]:
        """Where forms go, and `/sign-in`."""
        asked: dict[str, Callable[[Request], Response]] = {
            "/sign-in": self.signed_in,
            "/sign-out": self.sign_out,
            **{f"/{action}": self._of_all(action) for action in frozen.OF_ALL},
            **{f"/models/{{model}}/{action}": self._of_model(action) for action in asking.OF_MODEL},
            **{f"/releases/{{release}}/{action}": self._of_release(action) for action in asking.OF_RELEASE},
            **{f"/deadletters/{{owner}}/{{key}}/{action}": self._of_letter(action) for action in replaying.OF_LETTER},
        }
        sent = [Route(path, endpoint, methods=["POST"]) for path, endpoint in asked.items()]
        return [*sent, Route("/sign-in", self.sign_in)]

    # Signing in and out

    def sign_in(self, request: Request) -> Response:
        """The form; or, with `?key=`, signing in by a link that the laptop printed."""
        if self._gate.sign_in_at:
            then = quote(_inside(request.query_params.get("next", "/")))
            return RedirectResponse(f"{self._gate.sign_in_at}?post_login_redirect_uri={then}", 303)
        key = request.query_params.get("key", "")
        if key:
            return self._begin_session(request, key, request.query_params.get("next", "/"))
        return self._frame.page(
            request, "sign_in.html", next=_inside(request.query_params.get("next", "/")), wrong=False
        )

    def signed_in(self, request: Request) -> Response:
        """The form, sent."""
        self._gate.check_origin(request)
        form = _form(request)
        return self._begin_session(request, form.get("key", ""), form.get("next", "/"))

    def _begin_session(self, request: Request, key: str, then: str) -> Response:
        name = self._gate.name_of(key.strip())
        if not name:
            return self._frame.page(request, "sign_in.html", status=401, next=_inside(then), wrong=True)
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
        session = self._frame.session(request)
        if session is None:
            raise NotSignedIn("You are not signed in, or your session is over.", next="sign in, then send it again")
        form = _form(request)
        self._gate.check_form(request, session, form.get("token", ""))
        if request.url.path != "/sign-out":
            self._gate.check_may_ask(request, session.person)
        return session, form


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
