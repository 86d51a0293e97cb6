"""An Azure ML registry, which workspaces share, as azure-ai-ml (SDK v2) speaks to it.

Discovery, `models`, `import` and `datarefs` are the routes and shapes of the SDK's own generated clients
(azure/ai/ml/_restclient/registry_discovery, _utils/_registry_utils.py, entities/_assets/workspace_asset_reference.py);
a version's document is that of azure-rest-api-specs, Microsoft.MachineLearningServices/stable/2023-04-01/examples/Registry/
ModelVersion/get.json. What a second import of a version does is not written anywhere: here it is answered 409.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.wire.azureml import now
from tests.wire.server import Answer, Asked

if TYPE_CHECKING:
    from tests.wire.azureml_v2 import FakeAzureMLV2

DISCOVERY, MFE = "eastus.api.azureml.ms", "cert-westeurope.experiments.azureml.net"
REGISTRY, ACCOUNT, CONTAINER = "everyone", "regaccount", "everyone-1"
WITHIN = "/subscriptions/sub-r/resourceGroups/rg-r/providers/Microsoft.MachineLearningServices"
UNDER = f"/mferp/managementfrontend{WITHIN}/registries/{REGISTRY}"
VERSION = rf"{UNDER}/models/(?P<model>[^/]+)/versions/(?P<version>[^/]+)"
# `models.share` of the SDK asks discovery with the first audience, a client of the registry itself with the second.
SIGN_IN = ("https://ml.azure.com/.default", "https://management.azure.com/.default")


@dataclass
class Contents:
    """What a registry holds, whichever workspace's server speaks for it: versions, and files by container and name."""

    versions: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)


class SharedModels:
    """The one registry there is. A version that was just imported is not found in the next `lag` reads."""

    def __init__(self, fake: FakeAzureMLV2) -> None:
        self._fake = fake
        self.contents = Contents()
        self.imported: list[str] = []
        self._ends: list[float] = []

    def add_routes(self, route: Callable[..., None], sign_in: Callable[[Asked, str], bool]) -> None:
        where = "/registrymanagement/v1.0/registries/(?P<registry>[^/]+)/discovery"

        def discovery(asked: Asked, registry: str) -> Answer:
            assert asked.host == DISCOVERY, asked.host
            signed_in = any(sign_in(asked, scope) for scope in SIGN_IN)
            return self._discovery(asked, registry) if signed_in else _error(401, "The access token is revoked.")

        self._fake.wire.route("GET", where, discovery)
        route("GET", VERSION, self._get, host=MFE)
        route("GET", rf"{UNDER}/models/(?P<model>[^/]+)/versions", self._list, host=MFE)
        route("POST", f"{UNDER}/import", self._import, host=MFE)
        route("GET", f"{UNDER}/imports/(?P<number>[0-9]+)", self._operation, host=MFE)
        route("POST", rf"{UNDER}/datarefs/(?P<model>[^/]+)/versions/(?P<version>[^/]+)", self._reference, host=MFE)

    def use(self, contents: Contents) -> None:
        """Speak for a registry that another server speaks for as well."""
        self.contents = contents
        self._fake.blobs.files.update(contents.files)

    def _discovery(self, _asked: Asked, registry: str) -> Answer:
        if registry != REGISTRY:
            return _error(404, f"Registry {registry} was not found")
        found = {
            "registryName": registry, "tenantId": "t-1", "primaryRegion": "westeurope", "regions": ["westeurope"],
            "subscriptionId": "sub-r", "resourceGroup": "rg-r", "primaryRegionResourceProviderUri": f"https://{MFE}/",
        }  # fmt: skip
        return Answer(document=found)

    def _get(self, _asked: Asked, model: str, version: str) -> Answer:
        found = self.contents.versions.get((model, version))
        if found is None or self._fake.hidden(f"registry/{model}/{version}"):
            return _error(404, f"Model {model}:{version} was not found in registry {REGISTRY}")
        return Answer(document=found)

    def _list(self, asked: Asked, model: str) -> Answer:
        found = [one for (name, _), one in self.contents.versions.items() if name == model]
        return Answer(document={"value": found[: int(asked.query.get("$top") or 20)]})

    def _import(self, asked: Asked) -> Answer:
        wanted = asked.body["properties"]
        assert wanted["referenceType"] == "Id", wanted
        source = re.fullmatch(
            r"azureml://locations/westeurope/workspaces/wsid-1/models/([^/]+)/versions/([^/]+)", wanted["sourceAssetId"]
        )
        assert source, wanted
        model, version = wanted["destinationName"], wanted["destinationVersion"]
        if (model, version) in self.contents.versions:
            return _error(409, f"{model}:{version} already exists in registry {REGISTRY}")
        self._copy(source[1], source[2], model, version)
        self.imported.append(f"{model}:{version}")
        self._ends.append(time.monotonic() + self._fake.operation_seconds)
        return self._goes_on(len(self._ends) - 1)

    def _goes_on(self, number: int) -> Answer:
        place = f"https://{MFE}{UNDER}/imports/{number}?api-version=2021-10-01-dataplanepreview"
        return Answer(202, headers={"Location": place, "retry-after-ms": "20"}, content=b"")

    def _operation(self, _asked: Asked, number: str) -> Answer:
        """It ends without a document; with one the SDK would go on to upload files of its own."""
        done = time.monotonic() >= self._ends[int(number)]
        return Answer(200, content=b"") if done else self._goes_on(int(number))

    def _copy(self, source: str, number: str, model: str, version: str) -> None:
        properties = self._fake.models.found[source, number]["properties"]
        store, path = re.findall(r"/datastores/([^/]+)/paths/(.+?)/?$", properties["modelUri"])[0]
        container = self._fake.stores[store]
        folder = f"{model}-{version}/{path.rpartition('/')[2]}"
        for (there, name), content in list(self._fake.blobs.files.items()):
            if there == container and name.startswith(f"{path}/"):
                self.contents.files[CONTAINER, f"{folder}/{name[len(path) + 1 :]}"] = content
        self._fake.blobs.files.update(self.contents.files)
        kept = {**properties, "modelUri": f"https://{ACCOUNT}.blob.core.windows.net/{CONTAINER}/{folder}"}
        identity = f"azureml://registries/{REGISTRY}/models/{model}/versions/{version}"
        made = {"id": identity, "name": version, "properties": kept, "systemData": {"createdAt": now()}}
        self.contents.versions[model, version] = made
        self._fake.hide(f"registry/{model}/{version}")

    def _reference(self, asked: Asked, model: str, version: str) -> Answer:
        there = self.contents.versions[model, version]
        assert asked.body == {"assetId": there["id"], "blobUri": there["properties"]["modelUri"]}, asked.body
        place = f"https://{ACCOUNT}.blob.core.windows.net/{CONTAINER}"
        credential = {"credentialType": "SAS", "sasUri": f"{place}?sv=2024-11-04&sr=c&sig=known"}
        return Answer(document={"blobReferenceForConsumption": {"blobUri": place, "credential": credential}})


def _error(status: int, message: str) -> Answer:
    return Answer(status, {"error": {"code": "UserError", "message": message, "details": []}})
