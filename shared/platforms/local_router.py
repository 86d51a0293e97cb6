"""Speaks to the laptop's endpoint router (`local/serving`): its admin routes and its scoring route."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from shared.errors import BatonError, Permanent, PlatformBusy
from shared.platforms.port import Deployment, EndpointSeen, Scored

if TYPE_CHECKING:
    from http.client import HTTPResponse

ADMIN_SECONDS = 20.0
SCORE_SECONDS = 65.0  # the router itself gives up on a server after 60
_JSON = {"Content-Type": "application/json"}
_SHOWN = [field.name for field in fields(Deployment)]


class DeploymentRefused(Permanent):
    """The router will not do this; the message says why and what would help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the router said, header names in lower case."""

    status: int
    text: str
    headers: Mapping[str, str]
    seconds: float

    def document(self, *, conflict: type[BatonError] = DeploymentRefused) -> dict[str, Any]:
        """The document of a good answer; otherwise raises the error that it stands for, `conflict` for a 409."""
        document: dict[str, Any] = json.loads(self.text)
        if self.status == 200:
            return document
        what, next = document.get("error", self.text), document.get("next", "read the router's log")
        if self.status >= 500:
            raise PlatformBusy(f"the endpoint router is not ready: {what}", next=next)
        raise (conflict if self.status == 409 else DeploymentRefused)(what, next=next)


class RouterClient:
    """The router at a URL, with the key of its admin routes. One connection for each call, so threads may share it."""

    def __init__(self, url: str, key: str) -> None:
        self._address = urlsplit(url)
        self._key = key

    def admin(self, method: str, path: str, document: Mapping[str, object] | None = None) -> Answer:
        """One admin request below /admin/endpoints; `PlatformBusy` if no answer came."""
        body = json.dumps(document).encode() if document is not None else b""
        headers = _JSON | {"x-baton-key": self._key}
        return self._ask(method, f"/admin/endpoints{path}", body, headers, seconds=ADMIN_SECONDS)

    def endpoints(self) -> tuple[EndpointSeen, ...]:
        """All endpoints."""
        return tuple(endpoint_seen(document) for document in self.admin("GET", "").document()["endpoints"])

    def score(self, model: str, body: str, *, deployment: str = "") -> Scored:
        """One scoring request, as `Endpoints.score` has it."""
        pin = {"azureml-model-deployment": deployment} if deployment else {}
        path = f"/endpoints/{quote(model, safe='')}/score"
        answer = self._ask("POST", path, body.encode(), _JSON | pin, seconds=SCORE_SECONDS)
        version, name = (answer.headers.get(header, "") for header in ("x-baton-version", "x-baton-deployment"))
        return Scored(answer.status, answer.text, version, name, answer.seconds)

    def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> Answer:
        from http.client import HTTPConnection, HTTPException

        connection = HTTPConnection(self._address.hostname or "", self._address.port, timeout=seconds)
        began = time.perf_counter()
        try:
            connection.request(method, path, body, dict(headers))
            return _read(connection.getresponse(), began)
        except (OSError, HTTPException) as error:
            raise PlatformBusy(
                f"the endpoint router at {self._address.geturl()} did not answer ({error!r})",
                next="see that `baton up` runs; it is asked again",
            ) from error
        finally:
            connection.close()


def endpoint_seen(document: Mapping[str, Any]) -> EndpointSeen:
    """An endpoint from the router's document."""
    deployments = [Deployment(**{name: found[name] for name in _SHOWN}) for found in document["deployments"]]
    return EndpointSeen(document["model"], tuple(deployments))


def _read(response: HTTPResponse, began: float) -> Answer:
    text = response.read().decode(errors="replace")
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, text, headers, time.perf_counter() - began)
