"""Who asks: bearer tokens for programs, a signed cookie for pages; in Azure, whom the platform's own sign-in lets through.

On the laptop a JSON file maps each token to a person's name, and headers of a sign-in proxy (X-MS-*) are never read. A
session cookie holds name, end and a random id under HMAC-SHA256; the token of its forms is bound to that id, so that no
other site can send them. In Azure that token is bound to the person, since the platform's cookie is not ours to read.
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

from shared import names
from shared.settings import Settings
from shared.web.answers import NotAllowed, NotSignedIn
from shared.web.person import OPERATOR, Person
from shared.web.principal import Door

COOKIE = "baton_session"
SESSION_FOR = timedelta(hours=12)
DECISIONS = ("approve", "reject")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Session:
    """A person who signed in on a page, until `ends`; `id` is random, or the person's own, and binds the forms' token."""

    person: Person
    id: str
    ends: datetime


class Gatekeeper:
    """Tells who asks, by the users file and the key that signs sessions. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._users = settings.users
        self._key = settings.approval_key.encode()
        self._origin = origin_of(settings.url)
        self._door = Door(settings.tenant, settings.is_guarded) if settings.tenant else None
        self.is_secure = settings.url.startswith("https:")

    @property
    def sign_in_at(self) -> str:
        """Where the platform signs people in; "" where they sign in on a page of ours."""
        return "/.auth/login/aad" if self._door else ""

    def bearer(self, request: Request) -> Person:
        """The person whose token the Authorization header carries; `NotSignedIn` if there is none.

        The platform's cookie alone is not enough here: a browser sends it along with what another site asks for, a token never.
        """
        person = self.reader(request)
        if person is None:
            key = (
                f"a token for this app (az account get-access-token --resource {self._origin})"
                if self._door
                else "<key>"
            )
            raise NotSignedIn("This needs a signed-in person.", next=f"send the header `Authorization: Bearer {key}`")
        return person

    def reader(self, request: Request) -> Person | None:
        """The person whose token the Authorization header carries, or None."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        if self._door:
            return self._door.person(request)
        name = self.name_of(token.strip())
        return Person(name) if name else None

    def check_may_ask(self, request: Request, person: Person) -> None:
        """`NotAllowed` unless this person may ask for it. Decisions are their approvers', by the model's own rules."""
        if not person.may_operate and request.url.path.rsplit("/", 1)[-1] not in DECISIONS:
            raise NotAllowed(
                f"{person.name} may read and decide, and ask for nothing else.",
                next=f"have the app role {OPERATOR} given to them in the directory",
            )

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
        """The session of the request's cookie; None if it is missing, forged, over, or its person is gone.

        In Azure the platform keeps the session, and tells its person with each request.
        """
        if self._door:
            person = self._door.person(request)
            return Session(person, names.person_key(person.name), now + SESSION_FOR) if person else None
        text, _, mac = request.cookies.get(COOKIE, "").partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac("session", text).encode()):
            return None
        body = json.loads(base64.urlsafe_b64decode(text))
        found = Session(Person(body["name"]), body["id"], datetime.fromisoformat(body["ends"]))
        return found if now < found.ends and found.person.name in _users(self._users).values() else None

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
