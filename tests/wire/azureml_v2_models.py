"""Model versions of a workspace as SDK v2 registers and lists them: a version's number is the client's own choice."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.wire.azureml import SCOPE, now
from tests.wire.server import Answer, Asked

if TYPE_CHECKING:
    from tests.wire.azureml_v2 import FakeAzureMLV2

PAGE = 20
WHERE = "subscriptions/sub-1/resourcegroups/rg-1/workspaces/ws-1"
VERSIONS = rf"{SCOPE}/models/(?P<model>[^/]+)/versions"
TAKEN = "A model with this name and version already exists with another path"


class ModelVersions:
    """Lists lag behind by the workspace's `lag` reads; one version by its number does not."""

    def __init__(self, fake: FakeAzureMLV2) -> None:
        self._fake = fake
        self.found: dict[tuple[str, str], dict[str, Any]] = {}
        self.registered: Callable[[str, dict[str, Any]], None] = lambda model, version: None

    def add_routes(self, route: Callable[..., None]) -> None:
        route("GET", VERSIONS, self._list)
        route("GET", rf"{VERSIONS}/(?P<version>[^/]+)", self._get)
        route("PUT", rf"{VERSIONS}/(?P<version>[^/]+)", self._put)

    def register(self, model: str, uri: str, *, tags: Mapping[str, str] = {}) -> str:
        """What somebody's own client's PUT comes to; returns the version."""
        version = str(1 + max((int(v) for m, v in self.found if m == model), default=0))
        self._write(
            model,
            version,
            {"modelUri": self._stored(uri), "tags": dict(tags), "properties": {}, "modelType": "custom_model"},
        )
        return version

    def _list(self, asked: Asked, model: str) -> Answer:
        shown = [
            one for (name, version), one in self.found.items()
            if name == model and not self._fake.hidden(f"models/{name}/{version}")
        ]  # fmt: skip
        newest = sorted(shown, key=lambda one: -int(one["name"]))
        begin = int(asked.query.get("$skip") or 0)
        page = newest[begin : begin + min(PAGE, int(asked.query.get("$top") or PAGE))]
        document: dict[str, Any] = {"value": page}
        if begin + len(page) < len(newest) and "$top" not in asked.query:
            document["nextLink"] = (
                f"https://{asked.host}{asked.path}?api-version=2023-08-01-preview&$skip={begin + len(page)}"
            )
        return Answer(document=document)

    def _get(self, _asked: Asked, model: str, version: str) -> Answer:
        found = self.found.get((model, version))
        return Answer(document=found) if found else _error(404, f"Model {model}:{version} was not found")

    def _put(self, asked: Asked, model: str, version: str) -> Answer:
        wanted = asked.body["properties"]
        there = self.found.get((model, version))
        uri = self._stored(wanted["modelUri"])
        if there and there["properties"]["modelUri"] != uri:
            return _error(400, TAKEN)
        return Answer(200 if there else 201, self._write(model, version, {**wanted, "modelUri": uri}))

    def _write(self, model: str, version: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        identity = f"{SCOPE}/models/{model}/versions/{version}"
        kept = {"flavors": {}, "description": "", "isArchived": False, "isAnonymous": False, **properties}
        made = {"id": identity, "name": version, "properties": kept, "systemData": {"createdAt": now()}}
        is_new = (model, version) not in self.found
        self.found[model, version] = made
        if is_new:
            self._fake.hide(f"models/{model}/{version}")
            self.registered(model, made)
        return made

    def _stored(self, uri: str) -> str:
        """The address in a datastore that the service makes of a job's output."""
        found = re.fullmatch(r"azureml://jobs/([^/]+)/outputs/artifacts/(?:paths/)?(.+)", uri)
        if not found:
            return uri
        return f"azureml://{WHERE}/datastores/workspaceartifactstore/paths/ExperimentRun/dcid.{found[1]}/{found[2]}"


def _error(status: int, message: str) -> Answer:
    return Answer(status, {"error": {"code": "UserError", "message": message, "details": []}})
