"""The part of Azure ML's model management that azureml-core uses: assets, models, their tags."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.wire.server import Answer, Asked

if TYPE_CHECKING:
    from tests.wire.azureml import FakeAzureML

PAGE = 20


class Models:
    """Versions count from 1 for each name. A list lags behind by the workspace's `lag` reads; one by its id does not."""

    def __init__(self, fake: FakeAzureML) -> None:
        self._fake = fake
        self.found: dict[str, dict[str, Any]] = {}
        self.assets: dict[str, dict[str, Any]] = {}

    def add_routes(self, route: Callable[[str, str, Callable[..., Answer]], None]) -> None:
        from tests.wire.azureml import ANY

        base = f"/modelmanagement/v1.0{ANY}"
        route("POST", f"{base}/assets", self._make_asset)
        route("GET", f"{base}/assets/(?P<asset>[^/]+)", lambda asked, asset: Answer(document=self.assets[asset]))
        route("POST", f"{base}/models", self._register)
        route("GET", f"{base}/models", self._list)
        route("GET", f"{base}/models/(?P<model>[^/]+)", self._model)
        route("PATCH", f"{base}/models/(?P<model>[^/]+)", self._patch)

    def register(
        self, name: str, prefix: str, *, run_id: str = "", tags: Mapping[str, str] = {}, unpack: bool = False
    ) -> str:
        """What a client's POSTs come to; returns the version."""
        asset = str(uuid.uuid4())
        self.assets[asset] = {
            "id": asset,
            "name": name,
            "artifacts": [{"prefix": prefix}],
            "kvTags": {},
            "properties": {},
        }
        return str(
            self._add(
                {"name": name, "url": f"aml://asset/{asset}", "runId": run_id, "kvTags": dict(tags), "unpack": unpack}
            )["version"]
        )

    def _make_asset(self, asked: Asked) -> Answer:
        asset = str(uuid.uuid4())
        self.assets[asset] = {**asked.body, "id": asset}
        return Answer(document=self.assets[asset])

    def _register(self, asked: Asked) -> Answer:
        return Answer(document=self._add(asked.body))

    def _add(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        from tests.wire.azureml import now

        version = 1 + max(
            (model["version"] for model in self.found.values() if model["name"] == wanted["name"]), default=0
        )
        identity = f"{wanted['name']}:{version}"
        made = {
            "mimeType": "application/x-python", "description": "", "properties": {}, "kvTags": {}, "datasets": [], "unpack": False,
            "framework": None, "frameworkVersion": None, "experimentName": None, "runId": None, **wanted,
            "id": identity, "version": version, "createdTime": now(), "createdBy": {},
        }  # fmt: skip
        self.found[identity] = made
        self._fake.hide(f"models/{identity}")
        self._fake.registered(made)
        return made

    def _list(self, asked: Asked) -> Answer:
        name, tags = asked.query.get("name"), asked.query.get("tags")
        run = asked.query.get("runId")
        matching = [
            model
            for model in self.found.values()
            if name in (None, model["name"]) and run in (None, "", model.get("runId")) and _tagged(model, tags)
        ]
        shown = [model for model in matching if not self._fake.hidden(f"models/{model['id']}")]
        newest = sorted(shown, key=lambda model: -int(model["version"]))
        begin = int(asked.query.get("$skipToken") or asked.query.get("continuationToken") or 0)
        page = newest[begin : begin + min(PAGE, int(asked.query.get("count", PAGE)))]
        more = begin + len(page) < len(newest)
        document: dict[str, Any] = {"value": page, "continuationToken": str(begin + len(page)) if more else None}
        if more:
            document["nextLink"] = f"{self._fake.wire.url}{asked.path}?$skipToken={begin + len(page)}&name={name or ''}"
        return Answer(document=document)

    def _model(self, _asked: Asked, model: str) -> Answer:
        return Answer(document=self.found[model]) if model in self.found else error(404, f"Model {model} was not found")

    def _patch(self, asked: Asked, model: str) -> Answer:
        for change in asked.body:
            assert change["op"] in ("replace", "add"), change
            self.found[model][change["path"].strip("/")] = change["value"]
        return Answer(document=self.found[model])


def error(status: int, message: str) -> Answer:
    """An error as model management words it, unlike the other services."""
    return Answer(status, {"statusCode": status, "code": "Test", "message": message, "correlation": {}, "details": []})


def _tagged(model: Mapping[str, Any], tags: str | None) -> bool:
    pairs = [part.partition("=") for part in (tags or "").split(",") if part]
    return all(model["kvTags"].get(key) == value for key, _, value in pairs)
