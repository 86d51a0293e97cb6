"""The laptop's endpoints: what `Endpoints` asks for, over the admin routes of the router (`local/serving`).

What a deployment serves lies in <home>/endpoints/<model>/<name>/: `code` is the published folder, `model` the
version's files. It is put there whole, by one rename, before the router hears of it; the router removes it.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from shared.errors import BatonError, Permanent, PlatformBusy, TrafficMoved
from shared.platforms.port import Deployment, DeployRequest, EndpointSeen, Registry, Scored

if TYPE_CHECKING:
    from http.client import HTTPResponse

Folders = Callable[[str, str, Path], None]
ADMIN_SECONDS = 20.0
SCORE_SECONDS = 65.0  # the router itself gives up on a server after 60
NOT_PLACED = 428  # the router finds no code and model where they belong
JSON = {"Content-Type": "application/json"}


class DeploymentRefused(Permanent):
    """The router will not do this; the message says why and what would help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the router said."""

    status: int
    text: str
    headers: Mapping[str, str]
    seconds: float


class LocalEndpoints:
    """Endpoints on this machine. `home` is the router's own BATON_HOME.

    `folders(model, hash, into)` copies a published folder into an empty folder, checked against its hash.
    """

    def __init__(self, router_url: str, key: str, home: Path, registry: Registry, folders: Folders) -> None:
        self._address = urlsplit(router_url)
        self._key = key
        self._home = home.resolve() / "endpoints"
        self._registry = registry
        self._folders = folders

    def deploy(self, request: DeployRequest) -> None:
        path, wanted = _path(request.model, request.name), {"version": request.version, "folder": request.folder}
        answer = self._admin("PUT", path, wanted)
        if answer.status == NOT_PLACED:
            self._place(request)
            answer = self._admin("PUT", path, wanted)
        _check(answer)

    def look(self, model: str) -> EndpointSeen | None:
        answer = self._admin("GET", _path(model))
        if answer.status == 404:
            return None
        found = _check(answer)
        return EndpointSeen(model, tuple(_deployment(document) for document in found["deployments"]))

    def set_traffic(self, model: str, split: Mapping[str, int], *, expected: Mapping[str, int]) -> None:
        wanted = {"split": dict(split), "expected": dict(expected)}
        _check(self._admin("POST", f"{_path(model)}/traffic", wanted), conflict=TrafficMoved)

    def remove(self, model: str, name: str) -> None:
        answer = self._admin("DELETE", _path(model, name))
        if answer.status != 404:
            _check(answer, conflict=TrafficMoved)

    def score(self, model: str, body: str, *, deployment: str = "") -> Scored:
        pin = {"azureml-model-deployment": deployment} if deployment else {}
        path = f"/endpoints/{quote(model)}/score"
        answer = self._ask("POST", path, body.encode(), JSON | pin, seconds=SCORE_SECONDS)
        version, name = (answer.headers.get(header, "") for header in ("x-baton-version", "x-baton-deployment"))
        return Scored(answer.status, answer.text, version, name, answer.seconds)

    def _place(self, request: DeployRequest) -> None:
        """Put code and model where the router looks for them; who comes second leaves the first one's."""
        place = self._home / request.model / request.name
        if (place / "code").exists():
            return
        draft = place.with_name(f".draft-{request.name}-{uuid.uuid4().hex}")
        try:
            for part in ("code", "model"):
                (draft / part).mkdir(parents=True)
            self._folders(request.model, request.folder, draft / "code")
            self._registry.fetch(request.model, request.version, draft / "model")
            _rename(draft, place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _admin(self, method: str, path: str, document: Mapping[str, object] | None = None) -> Answer:
        body = json.dumps(document).encode() if document is not None else b""
        return self._ask(method, path, body, JSON | {"x-baton-key": self._key}, seconds=ADMIN_SECONDS)

    def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> Answer:
        from http.client import HTTPConnection, HTTPException

        connection = HTTPConnection(self._address.hostname or "", self._address.port, timeout=seconds)
        began = time.perf_counter()
        try:
            connection.request(method, path, body, dict(headers))
            return _read(connection.getresponse(), began)
        except (OSError, HTTPException) as error:
            url = self._address.geturl()
            raise PlatformBusy(
                f"the endpoint router at {url} did not answer ({error!r})",
                next="see that `baton up` runs; it is asked again",
            ) from error
        finally:
            connection.close()


def _read(response: HTTPResponse, began: float) -> Answer:
    text = response.read().decode(errors="replace")
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, text, headers, time.perf_counter() - began)


def _check(answer: Answer, *, conflict: type[BatonError] = DeploymentRefused) -> dict[str, Any]:
    """The document of a good answer; otherwise the error that it stands for."""
    document: dict[str, Any] = json.loads(answer.text)
    if answer.status == 200:
        return document
    what, next = document.get("error", answer.text), document.get("next", "read the router's log")
    if answer.status >= 500:
        raise PlatformBusy(f"the endpoint router is not ready: {what}", next=next)
    raise (conflict if answer.status == 409 else DeploymentRefused)(what, next=next)


def _deployment(document: Mapping[str, Any]) -> Deployment:
    return Deployment(**{name: document[name] for name in Deployment.__slots__})


def _path(model: str, deployment: str = "") -> str:
    path = f"/admin/endpoints/{quote(model, safe='')}"
    return f"{path}/deployments/{quote(deployment, safe='')}" if deployment else path


def _rename(draft: Path, place: Path) -> None:
    try:
        draft.rename(place)
    except OSError:
        if not (place / "code").exists():
            raise
