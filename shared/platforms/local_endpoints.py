"""The laptop's endpoints: what `Endpoints` asks for, over the admin routes of the router (`local/serving`).

What a deployment serves lies in <home>/endpoints/<model>/<name>/: `code` is the published folder, `model` the
version's files. It is put there whole, by one rename, before the router hears of it; the router removes it.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from shared.errors import TrafficMoved
from shared.platforms.following import Following
from shared.platforms.local_router import RouterClient, endpoint_seen
from shared.platforms.port import DeployRequest, EndpointSeen, Registry, Scored

Folders = Callable[[str, str, Path], None]
NOT_PLACED = 428  # the router finds no code and model where they belong


class LocalEndpoints:
    """Endpoints on this machine. `home` is the router's own BATON_HOME.

    `folders(model, hash, into)` copies a published folder into an empty folder, checked against its hash.
    """

    def __init__(self, router_url: str, key: str, home: Path, registry: Registry, folders: Folders) -> None:
        self._router = RouterClient(router_url, key)
        self._home = home.resolve() / "endpoints"
        self._registry = registry
        self._folders = folders

    def deploy(self, request: DeployRequest) -> None:
        path, wanted = _path(request.model, request.name), {"version": request.version, "folder": request.folder}
        answer = self._router.admin("PUT", path, wanted)
        if answer.status == NOT_PLACED:
            self._place(request)
            answer = self._router.admin("PUT", path, wanted)
        answer.document()

    def look(self, model: str) -> EndpointSeen | None:
        answer = self._router.admin("GET", _path(model))
        return None if answer.status == 404 else endpoint_seen(answer.document())

    def set_traffic(self, model: str, split: Mapping[str, int], *, expected: Mapping[str, int]) -> None:
        wanted = {"split": dict(split), "expected": dict(expected)}
        self._router.admin("POST", f"{_path(model)}/traffic", wanted).document(conflict=TrafficMoved)

    def remove(self, model: str, name: str) -> None:
        answer = self._router.admin("DELETE", _path(model, name))
        if answer.status != 404:
            answer.document(conflict=TrafficMoved)

    def follow(self, model: str, serves: Following) -> None:
        """Nothing is to be made: the laptop's own monitor watches whatever serves (`local/monitor.py`), and it has no batch jobs."""

    def score(self, model: str, body: str, *, deployment: str = "") -> Scored:
        return self._router.score(model, body, deployment=deployment)

    def _place(self, request: DeployRequest) -> None:
        """Put code and model where the router looks for them; who comes second leaves the first one's."""
        place = self._home / request.model / request.name
        draft = place.with_name(f".draft-{request.name}-{uuid.uuid4().hex}")
        try:
            for part in ("code", "model"):
                (draft / part).mkdir(parents=True)
            self._folders(request.model, request.folder, draft / "code")
            self._registry.fetch(request.model, request.version, draft / "model")
            _rename(draft, place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _path(model: str, deployment: str = "") -> str:
    path = f"/{quote(model, safe='')}"
    return f"{path}/deployments/{quote(deployment, safe='')}" if deployment else path


def _rename(draft: Path, place: Path) -> None:
    try:
        draft.rename(place)
    except OSError:
        if not (place / "code").exists():
            raise
