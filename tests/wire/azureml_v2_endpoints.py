"""Managed online endpoints of a workspace: their deployments, traffic, mirroring, scoring, and Azure Monitor's counts.

A deployment is `Creating` for the workspace's `operation_seconds`, then `Failed` if its version is in `broken`, else what
`servers` says of its server. Rules of the service that are kept: shares sum to 100 or to 0, only to deployments that are
there; one deployment may be mirrored, up to 50 %, and without live traffic; with live traffic it is not deleted.
Counts are metric RequestsPerMinute of Microsoft.MachineLearningServices/workspaces/onlineEndpoints, in the form of
Azure Monitor's Metrics_List.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from tests.wire.azureml import SCOPE, now
from tests.wire.server import Answer, Asked

if TYPE_CHECKING:
    from tests.wire.azureml_v2 import FakeAzureMLV2

ENDPOINT = rf"{SCOPE}/onlineEndpoints/(?P<endpoint>[^/]+)"
DEPLOYMENT = rf"{ENDPOINT}/deployments/(?P<deployment>[^/]+)"
INFERENCE = "westeurope.inference.ml.azure.com"


Key = tuple[str, str]


class Serving(Protocol):
    """The servers of deployments, by endpoint and name: `state` is `Creating`, `Succeeded` or `Failed`."""

    def start(self, key: Key, deployment: Mapping[str, Any]) -> None: ...
    def state(self, key: Key) -> str: ...
    def answer(self, key: Key, body: bytes) -> Answer: ...
    def log(self, key: Key) -> str: ...
    def stop(self, key: Key) -> None: ...


class SaidByTheFake:
    """A model that answers 1 to whatever has `data`, at once."""

    def start(self, key: Key, deployment: Mapping[str, Any]) -> None: ...

    def state(self, key: Key) -> str:
        return "Succeeded"

    def answer(self, key: Key, body: bytes) -> Answer:
        return Answer(200 if "data" in json.loads(body) else 500, {"predictions": [1]})

    def log(self, key: Key) -> str:
        return "Instance status: SystemSetup\n\nKeyError: 'w'\n"

    def stop(self, key: Key) -> None: ...


class OnlineEndpoints:
    """Endpoints by name, deployments by endpoint and name."""

    def __init__(self, fake: FakeAzureMLV2) -> None:
        self._fake = fake
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.deployments: dict[tuple[str, str], dict[str, Any]] = {}
        self.counts: dict[tuple[str, str, int, int], int] = {}
        self.mirrored: dict[str, int] = {}
        self.broken: set[str] = set()
        self.made: list[str] = []
        self.servers: Serving = SaidByTheFake()
        self._ready: dict[object, float] = {}

    def add_routes(self, route: Callable[..., None]) -> None:
        route("GET", ENDPOINT, self._endpoint)
        route("PUT", ENDPOINT, self._put_endpoint)
        route("GET", f"{ENDPOINT}/deployments", self._list)
        route("GET", DEPLOYMENT, self._deployment)
        route("PUT", DEPLOYMENT, self._put_deployment)
        route("DELETE", DEPLOYMENT, self._delete)
        route("POST", f"{DEPLOYMENT}/getLogs", self._logs)
        route("GET", f"{ENDPOINT}/providers/Microsoft.Insights/metrics", self._metrics)
        self._fake.wire.route("POST", "/score", self._score)

    def _endpoint(self, _asked: Asked, endpoint: str) -> Answer:
        if endpoint not in self.endpoints:
            return _error(404, f"Endpoint {endpoint} was not found")
        return Answer(document=self._shown(endpoint, self.endpoints[endpoint]))

    def _put_endpoint(self, asked: Asked, endpoint: str) -> Answer:
        wanted = asked.body["properties"]
        if problem := self._problem(endpoint, wanted):
            return _error(400, problem)
        there = endpoint in self.endpoints
        properties = {
            "traffic": {}, "mirrorTraffic": {}, "properties": {}, **wanted, "scoringUri": f"https://{endpoint}.{INFERENCE}/score",
            "swaggerUri": f"https://{endpoint}.{INFERENCE}/swagger.json",
        }  # fmt: skip
        assert wanted["authMode"] == "AADToken", wanted
        self.endpoints[endpoint] = {
            "id": f"{SCOPE}/onlineEndpoints/{endpoint}", "name": endpoint, "location": asked.body["location"],
            "identity": asked.body["identity"], "tags": asked.body.get("tags") or {}, "properties": properties,
            "systemData": {"createdAt": now(), "lastModifiedAt": now(), "createdBy": "the app"},
        }  # fmt: skip
        self._begin(endpoint)
        return Answer(200 if there else 201, self._shown(endpoint, self.endpoints[endpoint]), self._fake.operation())

    def _problem(self, endpoint: str, wanted: dict[str, Any]) -> str:
        traffic, mirror = wanted.get("traffic") or {}, wanted.get("mirrorTraffic") or {}
        known = {name for one, name in self.deployments if one == endpoint}
        if unknown := {*traffic, *mirror} - known:
            return f"no deployment {', '.join(sorted(unknown))}"
        if sum(traffic.values()) not in (0, 100):
            return f"traffic sums to {sum(traffic.values())}"
        if len(mirror) > 1 or any(share > 50 or traffic.get(name) for name, share in mirror.items()):
            return "one deployment without live traffic may be mirrored, up to 50 percent"
        return ""

    def _list(self, asked: Asked, endpoint: str) -> Answer:
        found = [(key, one) for key, one in self.deployments.items() if key[0] == endpoint]
        begin = int(asked.query.get("$skip") or 0)
        document: dict[str, Any] = {"value": [self._shown(key, one) for key, one in found[begin : begin + 2]]}
        if begin + 2 < len(found):
            document["nextLink"] = f"https://{asked.host}{asked.path}?api-version=2023-04-01-preview&$skip={begin + 2}"
        return Answer(document=document)

    def _deployment(self, _asked: Asked, endpoint: str, deployment: str) -> Answer:
        found = self.deployments.get((endpoint, deployment))
        if not found:
            return _error(404, f"Deployment {deployment} was not found")
        return Answer(document=self._shown((endpoint, deployment), found))

    def _put_deployment(self, asked: Asked, endpoint: str, deployment: str) -> Answer:
        if self._state(endpoint) != "Succeeded":
            return Answer(
                409, {"error": {"code": "Conflict", "message": f"{endpoint} is being changed", "details": []}}
            )
        if (endpoint, deployment) not in self.deployments:
            self.made.append(deployment)
        wanted = asked.body["properties"]
        assert re.fullmatch(rf"{SCOPE}/models/[^/]+/versions/\d+", wanted["model"]), wanted["model"]
        key = (endpoint, deployment)
        self.deployments[key] = {
            "id": f"{SCOPE}/onlineEndpoints/{endpoint}/deployments/{deployment}", "name": deployment,
            "location": asked.body["location"], "tags": asked.body.get("tags") or {}, "sku": asked.body["sku"],
            "systemData": {"createdAt": now()},
            "properties": {"scaleSettings": {"scaleType": "Default"}, **wanted},
        }  # fmt: skip
        for name, one in (wanted.get("dataCollector") or {}).get("collections", {}).items():
            assert one["dataCollectionMode"].lower() == "enabled", one
            one["dataCollectionMode"] = "Enabled"  # the service's own word, by which the SDK reads it again
            assert one["dataId"] == f"{SCOPE}/data/{endpoint}-{deployment}-{name}/versions/1", one
        self._begin(key)
        self.servers.start(key, self.deployments[key])
        return Answer(201, self._shown(key, self.deployments[key]), self._fake.operation())

    def _delete(self, _asked: Asked, endpoint: str, deployment: str) -> Answer:
        if self.endpoints[endpoint]["properties"]["traffic"].get(deployment):
            return _error(400, f"{deployment} has traffic")
        if self.deployments.pop((endpoint, deployment), None) is None:
            return Answer(204, content=b"")
        self.servers.stop((endpoint, deployment))
        return Answer(202, content=b"", headers=self._fake.operation())

    def _logs(self, asked: Asked, endpoint: str, deployment: str) -> Answer:
        assert asked.body["tail"] == 40, asked.body
        return Answer(document={"content": self.servers.log((endpoint, deployment))})

    def _begin(self, key: object) -> None:
        self._ready[key] = time.monotonic() + self._fake.operation_seconds

    def _state(self, key: object) -> str:
        if time.monotonic() < self._ready[key]:
            return "Creating"
        if not isinstance(key, tuple) or key not in self.deployments:
            return "Succeeded"
        version = self.deployments[key]["properties"]["model"].rpartition("/")[2]
        return "Failed" if version in self.broken else self.servers.state(key)

    def _shown(self, key: object, found: dict[str, Any]) -> dict[str, Any]:
        return {**found, "properties": {**found["properties"], "provisioningState": self._state(key)}}

    def _score(self, asked: Asked) -> Answer:
        endpoint = asked.host.removesuffix(f".{INFERENCE}")
        if not self._fake.may(asked, "https://ml.azure.com/.default"):
            return Answer(401, content=b"unauthorized", kind="text/plain")
        pinned = asked.headers.get("azureml-model-deployment", "")
        properties = self.endpoints[endpoint]["properties"]
        traffic = {name: share for name, share in properties["traffic"].items() if share}
        if not pinned and not traffic:
            return Answer(404, content=b"no deployment has traffic", kind="text/plain")
        name = pinned or random.choices(list(traffic), weights=list(traffic.values()))[0]
        if self.deployments.get((endpoint, name)) is None or self._state((endpoint, name)) != "Succeeded":
            return Answer(404, content=b"no such deployment", kind="text/plain")
        said = self.servers.answer((endpoint, name), asked.content)
        status = 200 if said.status == 200 else 424
        key = (endpoint, name, status, said.status)
        self.counts[key] = self.counts.get(key, 0) + 1
        for mirror in properties["mirrorTraffic"]:
            self.mirrored[mirror] = self.mirrored.get(mirror, 0) + 1
        return replace(said, status=status, headers={**said.headers, "azureml-model-deployment": name})

    def _metrics(self, asked: Asked, endpoint: str) -> Answer:
        assert asked.query["metricnames"] == "RequestsPerMinute", asked.query
        assert asked.query["aggregation"] == "Average"
        assert asked.query["$filter"] == "deployment eq '*' and statusCode eq '*' and modelStatusCode eq '*'"
        assert asked.query["interval"] == "PT1M"
        series = [
            {
                "metadatavalues": [
                    {"name": {"value": "deployment", "localizedValue": "deployment"}, "value": name},
                    {"name": {"value": "statuscode", "localizedValue": "statuscode"}, "value": str(status)},
                    {"name": {"value": "modelstatuscode", "localizedValue": "modelstatuscode"}, "value": str(model)},
                ],
                "data": [{"timeStamp": now()}, {"timeStamp": now(), "average": float(count)}],
            }
            for (one, name, status, model), count in self.counts.items()
            if one == endpoint
        ]
        metric = {
            "name": {"value": "RequestsPerMinute"},
            "type": "Microsoft.Insights/metrics",
            "unit": "Count",
            "timeseries": sorted(series, key=lambda one: -one["data"][1]["average"])[: int(asked.query.get("top", 10))],
        }
        return Answer(document={"timespan": asked.query["timespan"], "interval": "PT1M", "value": [metric]})


def _error(status: int, message: str) -> Answer:
    return Answer(status, {"error": {"code": "UserError", "message": message, "details": []}})
