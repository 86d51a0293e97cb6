"""The part of Azure ML's model management that serves: web services with versions, their keys, and scoring.

A version is `Transitioning` for `starting` reads of it, then healthy. What was uploaded for it lies in `uploads`, by its
path. Who answers a scoring request is `serving`: by itself the fake does, with the headers that our entry script sets.
A service on ACI is its own only version. What its update replaced answers `late` times more, whatever the document says,
which names no address for `without_address` reads (MicrosoftDocs/azure-docs#16841). Shapes: `ACIServiceResponse` of
azure-rest-api-specs, machinelearningservices 2020-09-01-preview, and the keys that azureml-core reads (webservice/aci.py).
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from tests.wire.azureml_registry import error
from tests.wire.server import Answer, Asked

if TYPE_CHECKING:
    from tests.wire.azureml import FakeAzureML

ACCOUNT = "wireaccount"
BLOBS = f"https://{ACCOUNT}.blob.core.windows.net"
UPLOADS = "/azureml/(?P<path>LocalUpload/[^/]+/.+)"
REPLICA = {
    "autoScaler": {"autoscaleEnabled": False, "minReplicas": 1, "maxReplicas": 1, "targetUtilization": 70,
                   "refreshPeriodInSeconds": 1},
    "containerResourceRequirements": {"cpu": 0.1, "cpuLimit": 0.1, "memoryInGB": 0.5, "memoryInGBLimit": 0.5, "gpu": 0},
    "dataCollection": {"eventHubEnabled": False, "storageEnabled": False},
    "livenessProbeRequirements": {"periodSeconds": 10, "initialDelaySeconds": 310, "timeoutSeconds": 1,
                                  "successThreshold": 1, "failureThreshold": 3},
}  # fmt: skip


class Serving(Protocol):
    """Answers for a version: `start` once it is there, `answer` a request, `stop` when it was removed."""

    def start(self, service: str, version: Mapping[str, Any]) -> None: ...
    def state(self, service: str, version: Mapping[str, Any]) -> tuple[str, str]: ...
    def answer(self, service: str, version: Mapping[str, Any], body: bytes, headers: Mapping[str, str]) -> Answer: ...
    def stop(self, service: str, version: Mapping[str, Any]) -> None: ...


class SaidByTheFake:
    """Answers at once, as our entry scripts would."""

    def __init__(self) -> None:
        self.counted: dict[str, dict[str, list[int]]] = {}

    def start(self, service: str, version: Mapping[str, Any]) -> None: ...

    def stop(self, service: str, version: Mapping[str, Any]) -> None: ...

    def state(self, service: str, version: Mapping[str, Any]) -> tuple[str, str]:
        return "Healthy", ""

    def answer(self, service: str, version: Mapping[str, Any], body: bytes, headers: Mapping[str, str]) -> Answer:
        settings = version["environmentImageRequest"]["environment"]["environmentVariables"]
        if "BATON_VERSION" not in settings:
            said = {"message": "No version of this model has traffic."}
            return Answer(503, said, {"x-baton-deployment": "closed"})
        names = {"x-baton-version": settings["BATON_VERSION"], "x-baton-deployment": settings["BATON_DEPLOYMENT"]}
        if "x-baton-who" in headers:
            return Answer(204, content=b"", headers=names)
        self.counted.setdefault(settings["BATON_ENDPOINT"], {}).setdefault(settings["BATON_DEPLOYMENT"], []).append(200)
        return Answer(200, [1.0], names)

    def counts(self, service: str) -> dict[str, tuple[int, int]]:
        """What Application Insights would say."""
        found = self.counted.get(service, {})
        return {name: (len(said), sum(status >= 500 for status in said)) for name, said in found.items()}


class Services:
    """Web services by name, as documents of the service's own form."""

    def __init__(self, fake: FakeAzureML) -> None:
        self._fake = fake
        self.found: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, bytes] = {}
        self.operations: dict[str, str] = {}
        self.made: list[str] = []
        self.patches: list[list[dict[str, Any]]] = []
        self.keys: dict[str, str] = {}
        self.starting = 0
        self.late = 0
        self.without_address = 0
        self.page_size = 100
        self.unlisted: set[str] = set()
        self.replaced: dict[str, tuple[int, dict[str, Any]]] = {}
        self.serving: Serving = SaidByTheFake()
        self._reads: dict[str, int] = {}
        self._hidden: dict[str, int] = {}
        self._dice = random.Random(7)

    def add_routes(self, route: Callable[[str, str, Callable[..., Answer]], None]) -> None:
        from tests.wire.azureml import ANY

        wire, base = self._fake.wire, f"/modelmanagement/v1.0{ANY}"
        route("POST", rf"/artifact/v2.0{ANY}/artifacts/batch/metadata/LocalUpload/(?P<container>[^/]+)", self._places)
        wire.route("PUT", UPLOADS, self._upload)
        wire.route("HEAD", UPLOADS, lambda asked, path: Answer(content=self.uploads[path], kind="text/plain"))
        for check in ("/name/[^/]+", "", "/resource"):
            route("POST", f"{base}/services/validate{check}", lambda asked: Answer(document={}))
        route("POST", f"{base}/services", self._create)
        route("GET", f"{base}/services", self._list)
        route("GET", f"{base}/services/(?P<name>[^/]+)", self._read)
        route("PATCH", f"{base}/services/(?P<name>[^/]+)", self._patch)
        route("DELETE", f"{base}/services/(?P<name>[^/]+)", self._delete)
        route("POST", f"{base}/services/(?P<name>[^/]+)/listkeys", self._list_keys)
        route("GET", f"{base}/operations/(?P<operation>[^/]+)", self._operation)
        wire.route("POST", "/api/v1/service/(?P<name>[^/]+)/score", self._score)
        wire.route("POST", "/api/v1/service/(?P<name>[^/]+)/version/(?P<version>[^/]+)/score", self._score)

    def _places(self, asked: Asked, container: str) -> Answer:
        paths = [found["path"] for found in asked.body["paths"]]
        identity = f"LocalUpload/{container}"
        artifacts = {
            path: {"artifactId": f"{identity}/{path}", "origin": "LocalUpload", "container": container, "path": path}
            for path in paths
        }
        contents = {
            path: {**artifacts[path], "contentUri": f"{BLOBS}/azureml/{identity}/{path}?sig=s"} for path in paths
        }
        return Answer(document={"artifacts": artifacts, "artifactContentInformation": contents, "errors": {}})

    def _upload(self, asked: Asked, path: str) -> Answer:
        assert asked.host == f"{ACCOUNT}.blob.core.windows.net", asked.host
        self.uploads[path] = asked.content
        headers = {
            "ETag": '"1"',
            "Last-Modified": "Thu, 26 Nov 2026 08:00:00 GMT",
            "x-ms-request-server-encrypted": "true",
        }
        return Answer(201, content=b"", headers=headers)

    def _create(self, asked: Asked) -> Answer:
        wanted = asked.body
        if wanted["name"] in self.found:
            return error(409, f"Service {wanted['name']} already exists")
        self.made.append(wanted["name"])
        self.keys[wanted["name"]] = f"key-{uuid.uuid4()}"
        made = self._document({**wanted, "versions": {}}, f"/api/v1/service/{wanted['name']}")
        self.found[wanted["name"]] = made
        if wanted["computeType"] == "ACI":
            del made["versions"]
            secured = {"sslEnabled": False, "sslCertificate": None, "sslKey": None, "cname": None}
            self._begin(made, {"publicIp": None, "location": "westeurope", **secured})
        for name, version in (wanted.get("versions") or {}).items():
            self._add(made, name, {**version, "isDefault": True})
        return self._accepted()

    def _begin(self, service: dict[str, Any], change: Mapping[str, Any]) -> None:
        """A service on ACI begins to serve what it was made with, or was updated to."""
        service.update(change)
        identities = service["environmentImageRequest"].get("modelIds") or []
        service["models"] = [self._fake.models.found[identity] for identity in identities]
        self._reads[service["name"]] = self.starting
        self.serving.start(service["name"], service)

    def _add(self, service: dict[str, Any], name: str, wanted: Mapping[str, Any]) -> None:
        made = self._document({**wanted, "name": name}, f"/api/v1/service/{service['name']}/version/{name}")
        models = [self._fake.models.found[identity] for identity in made["environmentImageRequest"].get("modelIds", [])]
        service["versions"][name] = {**REPLICA, **made, "computeType": "AKS", "models": models}
        self._reads[f"{service['name']}/{name}"] = self.starting
        self.serving.start(service["name"], service["versions"][name])

    def _document(self, wanted: Mapping[str, Any], address: str) -> dict[str, Any]:
        from tests.wire.azureml import now

        own = {"createdTime": now(), "updatedTime": now(), "state": "Transitioning"}
        kept = {"authEnabled": True, "aadAuthEnabled": False, "appInsightsEnabled": True, "description": "", "kvTags": {},
                "properties": {}, "computeName": "", **{name: value for name, value in wanted.items() if name != "keys"}}  # fmt: skip
        kept["kvTags"] = kept["kvTags"] or {}
        return {**kept, **own, "scoringUri": f"{self._fake.wire.url}{address}/score"}

    def _accepted(self) -> Answer:
        operation = str(uuid.uuid4())
        self.operations[operation] = "Succeeded"
        return Answer(202, {}, {"Operation-Location": f"/operations/{operation}"})

    def _list(self, asked: Asked) -> Answer:
        """By tag and kind; a service that a list does not show yet is `unlisted`."""
        tag, _, value = asked.query["tags"].partition("=")
        assert asked.query["expand"] == "true", asked.query
        wanted = [
            self._now(name)
            for name, one in sorted(self.found.items())
            if one["kvTags"].get(tag) == value
            and one["computeType"] == asked.query["computeType"]
            and name not in self.unlisted
        ]
        begin = int(asked.query.get("$skipToken", "0"))
        page = {"value": wanted[begin : begin + self.page_size], "nextLink": None}
        if begin + self.page_size < len(wanted):
            path = asked.path.partition("?")[0]
            query = urlencode({**asked.query, "$skipToken": begin + self.page_size})
            page["nextLink"] = f"{self._fake.wire.url}{path}?{query}"
        return Answer(document=page)

    def _read(self, _asked: Asked, name: str) -> Answer:
        if name not in self.found:
            return error(404, f"Service {name} was not found")
        return Answer(document=self._now(name))

    def _now(self, name: str) -> dict[str, Any]:
        service = self.found[name]
        if service["computeType"] == "ACI":
            reads = self._reads.get(name, 0)
            self._reads[name] = max(0, reads - 1)
            said = ("Transitioning", "") if reads else self.serving.state(name, service)
            service["state"], service["error"] = said[0], {"message": said[1]} if said[1] else None
            if hidden := self._hidden.pop(name, 0):
                self._hidden[name] = hidden - 1
                return {**service, "scoringUri": None}
            return service
        for version_name, version in (service.get("versions") or {}).items():
            reads = self._reads.get(f"{name}/{version_name}", 0)
            self._reads[f"{name}/{version_name}"] = max(0, reads - 1)
            said = ("Transitioning", "") if reads else self.serving.state(name, version)
            version["state"], version["error"] = said[0], {"message": said[1]} if said[1] else None
        states = {version["state"] for version in (service.get("versions") or {}).values()}
        service["state"] = "Healthy" if "Healthy" in states or not states else "Transitioning"
        return service

    def _patch(self, asked: Asked, name: str) -> Answer:
        service, changes = self.found[name], asked.body
        self.patches.append(changes)
        if service["computeType"] == "ACI":
            return self._update(service, changes)
        for change in changes:
            _, part, *rest = change["path"].split("/")
            assert part == "versions", change
            if change["op"] == "add":
                self._add(service, rest[0], change["value"])
            elif change["op"] == "remove":
                self.serving.stop(name, service["versions"].pop(rest[0]))
            else:
                service["versions"][rest[0]][rest[1]] = change["value"]
        return self._accepted()

    def _update(self, service: dict[str, Any], changes: list[dict[str, Any]]) -> Answer:
        """Resources cannot be changed (azureml-core: AciWebservice.update takes none)."""
        wanted = {
            change["path"].removeprefix("/"): change["value"]
            for change in changes
            if not change["path"].startswith("/properties/")
        }
        assert set(wanted) <= {"environmentImageRequest", "kvTags"}, wanted
        self.replaced[service["name"]] = (self.late, dict(service))
        self._hidden[service["name"]] = self.without_address
        if "environmentImageRequest" in wanted:
            self.serving.stop(service["name"], service)
        self._begin(service, wanted)
        return self._accepted()

    def _delete(self, _asked: Asked, name: str) -> Answer:
        if name not in self.found:
            return Answer(204, content=b"")
        service = self.found.pop(name)
        if service["computeType"] == "ACI":
            self.serving.stop(name, service)
        for version in (service.get("versions") or {}).values():
            self.serving.stop(name, version)
        return self._accepted()

    def _list_keys(self, _asked: Asked, name: str) -> Answer:
        return Answer(document={"primaryKey": self.keys[name], "secondaryKey": "other"})

    def _operation(self, _asked: Asked, operation: str) -> Answer:
        return Answer(document={"id": operation, "state": self.operations[operation], "error": None})

    def _score(self, asked: Asked, name: str, version: str = "") -> Answer:
        if asked.headers.get("authorization") != f"Bearer {self.keys.get(name)}":
            return error(401, "the key is not this service's")
        if self.found[name]["computeType"] == "ACI":
            late, before = self.replaced.get(name, (0, {}))
            self.replaced[name] = (max(0, late - 1), before)
            return self.serving.answer(name, before if late else self.found[name], asked.content, asked.headers)
        versions = self.found[name]["versions"]
        return self.serving.answer(name, versions[version or self._chosen(versions)], asked.content, asked.headers)

    def _chosen(self, versions: Mapping[str, Mapping[str, Any]]) -> str:
        """By the percentiles; the default version has what they leave."""
        drawn = self._dice.uniform(0, 100)
        for name, version in versions.items():
            drawn -= version["trafficPercentile"] or 0
            if drawn < 0:
                return name
        return next(name for name, version in versions.items() if version.get("isDefault"))
