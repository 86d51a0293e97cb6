"""Who asks: bearer tokens for programs, a signed cookie for pages. Headers of a sign-in proxy (X-MS-*) are never read.

On the laptop a JSON file maps each token to a person's name. A session cookie holds name, end and a random id
under HMAC-SHA256; the token of its forms is bound to that id, so that no other site can send them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request

from shared.settings import Settings
from shared.web.answers import NotAllowed, NotSignedIn

COOKIE = "baton_session"
SESSION_FOR = timedelta(hours=12)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Session:
    """A person who signed in on a page, until `ends`; `id` is random and binds the forms' token."""

    name: str
    id: str
    ends: datetime


class Gatekeeper:
    """Tells who asks, by the users file and the key that signs sessions. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._users = settings.users
        self._key = settings.approval_key.encode()
        self._origin = origin_of(settings.url)
        self.is_secure = settings.url.startswith("https:")

    def bearer(self, request: Request) -> str:
        """The person whose token the Authorization header carries; `NotSignedIn` if there is none."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        name = self.name_of(token.strip()) if kind.lower() == "bearer" else ""
        if not name:
            raise NotSignedIn(
                "This needs a signed-in person.", next="send the header `Authorization: Bearer <your sign-in key>`"
            )
        return name

    def name_of(self, token: str) -> str:
        """The name that a token stands for, or "" for an unknown one. Takes the same time for each."""
        given = token.encode("utf-8", "surrogatepass")
        matching = [name for known, name in _users(self._users).items() if hmac.compare_digest(known.encode(), given)]
        return matching[0] if token and matching else ""

    def open_session(self, name: str, now: datetime) -> str:
        """The cookie's value for a new session of this person."""
        body = {"name": name, "id": secrets.token_urlsafe(12), "ends": (now + SESSION_FOR).isoformat()}
        text = base64.urlsafe_b64encode(json.dumps(body).encode()).decode()
        return f"{text}.{self._mac('session', text)}"

    def session(self, request: Request, now: datetime) -> Session | None:
        """The session of the request's cookie; None if it is missing, forged, over, or its person is gone."""
        text, _, mac = request.cookies.get(COOKIE, "").partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac("session", text).encode()):
            return None
        body = json.loads(base64.urlsafe_b64decode(text))
        found = Session(body["name"], body["id"], datetime.fromisoformat(body["ends"]))
        return found if now < found.ends and found.name in _users(self._users).values() else None

    def form_token(self, session: Session) -> str:
        """What every form of this session must carry."""
        return self._mac("form", session.id)

    def check_form(self, request: Request, session: Session, token: str) -> None:
        """`NotAllowed` unless the form is ours: sent from our own origin, with the token of this session."""
        self.check_origin(request)
        if not hmac.compare_digest(token.encode(), self.form_token(session).encode()):
            raise NotAllowed("This form belongs to another session.", next="load the page again and send it from there")

    def check_origin(self, request: Request) -> None:
        """`NotAllowed` unless the browser says that the request comes from a page of this site."""
        origin = request.headers.get("origin", "")
        host = request.headers.get("host", "")
        if not origin or (origin != self._origin and urlsplit(origin).netloc != host):
            raise NotAllowed(
                f"This was sent by a page of {origin or 'unknown origin'}, not by ours.", next=f"use {self._origin}"
            )

    def check_host(self, host: str) -> None:
        """On a laptop, `NotAllowed` for other names than the laptop's own, so that no site can rebind its name to us."""
        if host and urlsplit(self._origin).hostname in LOOPBACK and _hostname(host) not in LOOPBACK:
            raise NotAllowed(f"{host[:100]!r} is not a name of this laptop.", next=f"use {self._origin}")

    def _mac(self, use: str, text: str) -> str:
        return hmac.new(self._key, f"web:{use}:{text}".encode(), hashlib.sha256).hexdigest()


def origin_of(url: str) -> str:
    """Scheme and host of a URL, as browsers send them in `Origin`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _users(path: Path) -> Mapping[str, str]:
    """Token to name, read each time: who is added or removed is so at once. No file, nobody."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return {str(token): str(name) for token, name in found.items()} if isinstance(found, dict) else {}
