"""Batch endpoints of a workspace and their deployments.

Shapes are those of azure-rest-api-specs, Microsoft.MachineLearningServices/stable/2023-04-01/examples/BatchEndpoint
(update.json, delete.json) and BatchDeployment (update.json, delete.json), and the SDK's own generated models
(azure/ai/ml/_restclient/arm_ml_service: batch_endpoints, batch_deployments). That the default deployment is named `deploymentName` and
no other way on the wire is pull request 4065 of Azure/azureml-examples; that an endpoint is deleted with its deployments, and that its
name is the region's own, is Microsoft's how-to-use-batch-model-deployments. Assumed: the service deletes no default deployment, refuses
an unknown default, and deploys to no endpoint that is being made.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.wire.azureml import SCOPE, now
from tests.wire.server import Answer, Asked

if TYPE_CHECKING:
    from tests.wire.azureml_v2 import FakeAzureMLV2

ENDPOINT = rf"{SCOPE}/batchEndpoints/(?P<endpoint>[^/]+)"
DEPLOYMENT = rf"{ENDPOINT}/deployments/(?P<deployment>[^/]+)"
NAME = re.compile(r"[a-zA-Z]([-a-zA-Z0-9]{1,30})[a-zA-Z0-9]")  # azure/ai/ml/constants/_endpoint.py: 3 to 32
PAGE = 2


class BatchEndpoints:
    """Endpoints by name, deployments by endpoint and name. A new one is not seen by the next `lag` reads."""

    def __init__(self, fake: FakeAzureMLV2) -> None:
        self._fake = fake
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.deployments: dict[tuple[str, str], dict[str, Any]] = {}
        self.writes: list[str] = []
        self.broken: set[str] = set()
        self._ready: dict[object, float] = {}

    def add_routes(self, route: Callable[..., None]) -> None:
        route("GET", ENDPOINT, self._endpoint)
        route("PUT", ENDPOINT, self._put_endpoint)
        route("DELETE", ENDPOINT, self._delete_endpoint)
        route("GET", f"{ENDPOINT}/deployments", self._list)
        route("GET", DEPLOYMENT, self._deployment)
        route("PUT", DEPLOYMENT, self._put_deployment)
        route("DELETE", DEPLOYMENT, self._delete_deployment)

    def default(self, endpoint: str) -> str:
        """The deployment that jobs go to; "" while there is none."""
        return str((self.endpoints[endpoint]["properties"].get("defaults") or {}).get("deploymentName", ""))

    def names(self, endpoint: str) -> list[str]:
        return sorted(name for one, name in self.deployments if one == endpoint)

    def _endpoint(self, _asked: Asked, endpoint: str) -> Answer:
        if endpoint not in self.endpoints or self._fake.hidden(f"batchEndpoints/{endpoint}"):
            return _error(404, f"Endpoint {endpoint} was not found")
        return Answer(document=self._shown(endpoint, self.endpoints[endpoint]))

    def _put_endpoint(self, asked: Asked, endpoint: str) -> Answer:
        assert NAME.fullmatch(endpoint), endpoint
        wanted = asked.body["properties"]
        assert wanted["authMode"].lower() == "aadtoken", wanted
        defaults = wanted.get("defaults") or {}
        assert set(defaults) <= {"deploymentName"}, defaults
        if defaults and (endpoint, defaults["deploymentName"]) not in self.deployments:
            return _error(400, f"no deployment {defaults['deploymentName']}")
        there = endpoint in self.endpoints
        address = f"https://{endpoint}.westeurope.inference.ml.azure.com"
        properties = {
            "properties": {},
            **wanted,
            "scoringUri": f"{address}/jobs",
            "swaggerUri": f"{address}/swagger.json",
        }
        self.endpoints[endpoint] = {
            "id": f"{SCOPE}/batchEndpoints/{endpoint}",
            "name": endpoint,
            "location": asked.body["location"],
            "tags": asked.body.get("tags") or {},
            "properties": properties,
            "systemData": {"createdAt": now()},
        }
        self._begin(endpoint, f"endpoint {defaults.get('deploymentName', '')}".strip())
        if not there:
            self._fake.hide(f"batchEndpoints/{endpoint}")
        return Answer(200 if there else 201, self._shown(endpoint, self.endpoints[endpoint]), self._fake.operation())

    def _delete_endpoint(self, _asked: Asked, endpoint: str) -> Answer:
        if self.endpoints.pop(endpoint, None) is None:
            return Answer(204, content=b"")
        self.deployments = {key: one for key, one in self.deployments.items() if key[0] != endpoint}
        return Answer(202, content=b"", headers=self._fake.operation())

    def _list(self, asked: Asked, endpoint: str) -> Answer:
        found = [(key, one) for key, one in self.deployments.items() if key[0] == endpoint]
        begin = int(asked.query.get("$skip") or 0)
        document: dict[str, Any] = {"value": [self._shown(key, one) for key, one in found[begin : begin + PAGE]]}
        if begin + PAGE < len(found):
            version = asked.query["api-version"]
            document["nextLink"] = f"https://{asked.host}{asked.path}?api-version={version}&$skip={begin + PAGE}"
        return Answer(document=document)

    def _deployment(self, _asked: Asked, endpoint: str, deployment: str) -> Answer:
        key = (endpoint, deployment)
        if key not in self.deployments or self._fake.hidden(f"batch deployment {deployment}"):
            return _error(404, f"Deployment {deployment} was not found")
        return Answer(document=self._shown(key, self.deployments[key]))

    def _put_deployment(self, asked: Asked, endpoint: str, deployment: str) -> Answer:
        if endpoint not in self.endpoints:
            return _error(404, f"Endpoint {endpoint} was not found")
        if self._state(endpoint) != "Succeeded":
            return _error(409, f"{endpoint} is being changed")
        assert NAME.fullmatch(deployment), deployment
        wanted = asked.body["properties"]
        assert wanted["model"]["referenceType"] == "Id", wanted["model"]
        assert re.fullmatch(rf"{SCOPE}/models/[^/]+/versions/\d+", wanted["model"]["assetId"]), wanted["model"]
        assert re.fullmatch(rf"{SCOPE}/computes/[^/]+", wanted["compute"]), wanted["compute"]
        assert re.fullmatch(r"PT\d+[MS]|PT\d+M\d+S", wanted["retrySettings"]["timeout"]), wanted["retrySettings"]
        key, there = (endpoint, deployment), (endpoint, deployment) in self.deployments
        self.deployments[key] = {
            "id": f"{SCOPE}/batchEndpoints/{endpoint}/deployments/{deployment}",
            "name": deployment,
            "location": asked.body["location"],
            "tags": asked.body.get("tags") or {},
            "properties": wanted,
            "systemData": {"createdAt": now()},
        }
        self._begin(key, f"deployment {deployment}")
        if not there:
            self._fake.hide(f"batch deployment {deployment}")
        return Answer(200 if there else 201, self._shown(key, self.deployments[key]), self._fake.operation())

    def _delete_deployment(self, _asked: Asked, endpoint: str, deployment: str) -> Answer:
        if endpoint in self.endpoints and self.default(endpoint) == deployment:
            return _error(400, f"{deployment} is the default of {endpoint}")
        if self.deployments.pop((endpoint, deployment), None) is None:
            return Answer(204, content=b"")
        return Answer(202, content=b"", headers=self._fake.operation())

    def _begin(self, key: object, what: str) -> None:
        self.writes.append(what)
        self._ready[key] = time.monotonic() + self._fake.operation_seconds

    def _state(self, key: object) -> str:
        if time.monotonic() < self._ready[key]:
            return "Creating"
        return "Failed" if isinstance(key, tuple) and key[1] in self.broken else "Succeeded"

    def _shown(self, key: object, found: dict[str, Any]) -> dict[str, Any]:
        return {**found, "properties": {**found["properties"], "provisioningState": self._state(key)}}


def _error(status: int, message: str) -> Answer:
    return Answer(status, {"error": {"code": "UserError", "message": message, "details": []}})
