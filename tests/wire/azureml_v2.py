"""Azure ML's services for SDK v2 as azure-ai-ml speaks to them, in memory, behind TLS under their own hosts' names.

Shapes are those of Microsoft's specification, Azure/azure-rest-api-specs, specification/machinelearningservices/
resource-manager/Microsoft.MachineLearningServices/stable/2023-04-01/examples: Job/CommandJob/createOrUpdate.json and
get.json, Job/cancel.json, Datastore/get.json and listSecrets.json, ModelVersion, OnlineEndpoint,
OnlineDeployment/ManagedOnlineDeployment. What a second PUT of a job does is in the text of Jobs_CreateOrUpdate.
Run details and metrics are those of run history and of MLflow's REST API. A long operation is done after
`operation_seconds`. A job does at once what its request's parameter `behaviour` says: succeeds, fails or lasts;
or it completes with the files that `ends` has for its request.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared.platforms.azureml_service import Service
from shared.platforms.azureml_v2_service import POLLED_SECONDS, Identity, service_of
from tests.wire.authority import Authority
from tests.wire.azureml import PATIENCE, SCOPE, now, token
from tests.wire.azureml_v2_batches import BatchEndpoints
from tests.wire.azureml_v2_endpoints import OnlineEndpoints
from tests.wire.azureml_v2_models import ModelVersions
from tests.wire.azureml_v2_schedules import Schedules
from tests.wire.azureml_v2_shared import SharedModels
from tests.wire.azureml_v2_sweeps import REGION, Sweeps
from tests.wire.blobs import BlobWire
from tests.wire.server import Answer, Asked, WireServer

ARM, ACCOUNT = "management.azure.com", "ws1account"
STORES = {"workspaceartifactstore": "azureml", "workspaceblobstore": "azureml-blobstore-1"}
JOB = rf"{SCOPE}/jobs/(?P<job>[^/]+)"
HISTORY = rf"/history/v1.0{SCOPE}/runs/(?P<job>[^/]+)"


class FakeAzureMLV2:
    """One workspace. `lag` is how many reads of what was made just now still show what was before."""

    def __init__(self, authority: Authority) -> None:
        self.wire = WireServer(authority)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.details: dict[str, dict[str, Any]] = {}
        self.begun: list[str] = []
        self.metrics: dict[str, dict[str, list[float]]] = {}
        self.requests: dict[str, dict[str, Any]] = {}
        self.assets: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, str] = {}
        self.revoked: set[str] = set()
        self.ends: Callable[[Mapping[str, Any]], Mapping[str, bytes]] = lambda request: {}
        self.secret_stores = False
        self.stores = STORES
        self.conflicts = False
        self.lag = 0
        self.operation_seconds = 0.05
        self._hidden: dict[str, int] = {}
        self._operations: dict[str, float] = {}
        self.blobs = BlobWire(self._may_read_blobs)
        self.models = ModelVersions(self)
        self.endpoints = OnlineEndpoints(self)
        self.sweeps = Sweeps(self)
        self.shared = SharedModels(self)
        self.schedules = Schedules(self)
        self.batches = BatchEndpoints(self)
        self._add_routes()

    @contextmanager
    def running(self) -> Iterator[FakeAzureMLV2]:
        with self.wire.running():
            yield self

    def fetch(self, scope: str) -> tuple[str, float]:
        """A token of its own at each call, good for an hour."""
        made = token(number=len(self.tokens) + 1)
        self.tokens[made] = scope
        return made, time.time() + 3600

    def service(
        self, *, seconds: float = PATIENCE, identity: Identity | None = None, polled_seconds: float = POLLED_SECONDS
    ) -> Service:
        """The adapters' own way to the workspace that this server is."""
        return service_of(SCOPE, identity or Identity(self.fetch), seconds=seconds, polled_seconds=polled_seconds)

    def finish(self, job: str, *, files: Mapping[str, bytes] = {}, status: str = "Completed") -> None:
        """Let a job end with these files."""
        self.jobs[job]["properties"]["status"] = status
        self.details[job] |= {"status": status, "endTimeUtc": now()}
        for name, content in files.items():
            self.blobs.files["azureml", f"ExperimentRun/dcid.{job}/{name}"] = content

    def hide(self, what: str) -> None:
        """Let the next `lag` reads of this not show what was written just now."""
        self._hidden[what] = self.lag

    def hidden(self, what: str) -> bool:
        left = self._hidden.get(what, 0)
        self._hidden[what] = max(0, left - 1)
        return left > 0

    def operation(self) -> dict[str, str]:
        """The headers of an answer that begins a long operation."""
        identity = str(uuid.uuid4())
        self._operations[identity] = time.monotonic() + self.operation_seconds
        place = f"https://{ARM}{SCOPE.partition('/resourceGroups')[0]}/providers/Microsoft.MachineLearningServices"
        status = f"{place}/locations/westeurope/mfeOperationsStatus/{identity}?api-version=2022-02-01-preview"
        return {"Azure-AsyncOperation": status, "Location": status, "retry-after-ms": "20"}

    def route(self, method: str, pattern: str, answer: Callable[..., Answer], *, host: str = ARM) -> None:
        """A route that asks for a token of the right audience."""

        def signed_in(asked: Asked, **parts: str) -> Answer:
            assert asked.host == host, (asked.host, asked.path)
            if not self.may(asked, f"https://{ARM}/.default"):
                return error(401, "ExpiredAuthenticationToken", "The access token is expired or revoked.")
            return answer(asked, **parts)

        self.wire.route(method, pattern, signed_in)

    def may(self, asked: Asked, scope: str) -> bool:
        bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
        return self.tokens.get(bearer) == scope and bearer not in self.revoked

    def _may_read_blobs(self, asked: Asked) -> bool:
        return "sig" in asked.query or self.may(asked, "https://storage.azure.com/.default")

    def _add_routes(self) -> None:
        route = self.route
        route("GET", SCOPE, self._workspace)
        self.wire.route("GET", "/discovery/workspaces/wsid-1", self._discovery)
        route("GET", rf"{SCOPE}/computes/(?P<name>[^/]+)", self._compute)
        route("GET", rf"{SCOPE}/datastores/(?P<name>[^/]+)", self._datastore)
        route("POST", rf"{SCOPE}/datastores/(?P<name>[^/]+)/listSecrets", self._secrets)
        for kind in ("codes", "environments"):
            asset = rf"{SCOPE}/(?P<kind>{kind})/(?P<name>[^/]+)/versions"
            route("GET", asset, self._assets)
            route("GET", rf"{asset}/(?P<version>[^/]+)", self._asset)
            route("PUT", rf"{asset}/(?P<version>[^/]+)", self._put_asset)
        route("POST", rf"{SCOPE}/codes/(?P<name>[^/]+)/versions/(?P<version>[^/]+)/startPendingUpload", self._upload)
        route("PUT", JOB, self._put_job)
        route("GET", JOB, self._job)
        route("POST", f"{JOB}/cancel", self._cancel)
        route("GET", r"/subscriptions/sub-1/providers/.*/mfeOperationsStatus/(?P<operation>.+)", self._operation)
        route("GET", f"{HISTORY}/details", self._details, host=REGION)
        route("GET", rf"/mlflow/v1.0{SCOPE}/api/2.0/mlflow/runs/get", self._mlflow_run, host=REGION)
        self.models.add_routes(route)
        self.endpoints.add_routes(route)
        self.sweeps.add_routes(route)
        self.shared.add_routes(route, self.may)
        self.schedules.add_routes(route)
        self.batches.add_routes(route)
        self.blobs.add_routes(self.wire.route)

    def _workspace(self, _asked: Asked) -> Answer:
        named = {
            name: f"/{name}" for name in ("storageAccount", "keyVault", "applicationInsights", "containerRegistry")
        }
        properties = {
            **named,
            "discoveryUrl": f"https://{REGION}/discovery/workspaces/wsid-1",
            "mlFlowTrackingUri": f"azureml://{REGION}/mlflow/v1.0{SCOPE}",
            "workspaceId": "wsid-1",
            "provisioningState": "Succeeded",
        }
        return Answer(document={"id": SCOPE, "name": "ws-1", "location": "westeurope", "properties": properties})

    def _discovery(self, _asked: Asked) -> Answer:
        return Answer(document={"api": f"https://{REGION}", "history": f"https://{REGION}"})

    def _compute(self, _asked: Asked, name: str) -> Answer:
        return Answer(
            document={"id": f"{SCOPE}/computes/{name}", "name": name, "properties": {"computeType": "AmlCompute"}}
        )

    def _datastore(self, _asked: Asked, name: str) -> Answer:
        if name not in STORES:
            return error(404, "UserError", f"Could not find datastore {name}")
        kind = "Sas" if self.secret_stores else "None"
        properties = {
            "datastoreType": "AzureBlob", "accountName": ACCOUNT, "containerName": STORES[name], "isDefault": False,
            "endpoint": "core.windows.net", "protocol": "https", "credentials": {"credentialsType": kind}, "tags": {},
        }  # fmt: skip
        return Answer(document={"id": f"{SCOPE}/datastores/{name}", "name": name, "properties": properties})

    def _secrets(self, _asked: Asked, name: str) -> Answer:
        return Answer(document={"secretsType": "Sas", "sasToken": "sv=2024-11-04&sr=c&sig=known"})

    def _assets(self, asked: Asked, kind: str, name: str) -> Answer:
        """Versions of a name; with `hash`, whatever has it under any name, as the SDK reads the answer."""
        wanted, mark = asked.query.get("hash"), f"{SCOPE}/{kind}/"
        shown = [
            asset
            for one, asset in self.assets.items()
            if one.startswith(mark if wanted else f"{mark}{name}/versions/")
            and wanted in (None, asset["properties"]["properties"].get("hash_sha256"))
        ]
        return Answer(document={"value": shown})

    def _asset(self, _asked: Asked, kind: str, name: str, version: str) -> Answer:
        asset = self.assets.get(f"{SCOPE}/{kind}/{name}/versions/{version}")
        return Answer(document=asset) if asset else error(404, "UserError", f"{kind} {name}:{version} was not found")

    def _put_asset(self, asked: Asked, kind: str, name: str, version: str) -> Answer:
        identity = f"{SCOPE}/{kind}/{name}/versions/{version}"
        self.assets[identity] = {"id": identity, "name": version, "properties": asked.body["properties"]}
        return Answer(201, self.assets[identity])

    def _upload(self, asked: Asked, name: str, version: str) -> Answer:
        assert asked.body["pendingUploadType"] == "TemporaryBlobReference"
        place = f"https://{ACCOUNT}.blob.core.windows.net/{uuid.uuid4()}"
        credential = {"credentialType": "SAS", "sasUri": f"{place}?sv=2024-11-04&sr=c&sig=known"}
        reference = {"blobUri": place, "credential": credential, "storageAccountArmId": f"/{ACCOUNT}"}
        return Answer(
            document={
                "pendingUploadId": str(uuid.uuid4()),
                "pendingUploadType": "TemporaryBlobReference",
                "blobReferenceForConsumption": reference,
            }
        )

    def _put_job(self, asked: Asked, job: str) -> Answer:
        wanted = asked.body["properties"]
        if job in self.jobs:
            if self.conflicts:
                return error(409, "UserError", f"A job with this name already exists: {job}")
            self.jobs[job]["properties"]["tags"] = wanted["tags"]
            return Answer(200, self.jobs[job])
        trial = wanted.get("trial") or wanted
        self.requests[job] = json.loads(trial["environmentVariables"]["BATON_REQUEST"])
        self.begun.append(job)
        self.details[job] = {"runId": job, "status": "Running", "startTimeUtc": now()}
        services = {"Studio": {"jobServiceType": "Studio", "endpoint": f"https://ml.azure.com/runs/{job}"}}
        properties = {
            "services": services,
            "properties": {},
            "outputs": {},
            "inputs": {},
            **wanted,
            "status": "Running",
        }
        self.jobs[job] = {
            "id": f"{SCOPE}/jobs/{job}",
            "name": job,
            "properties": properties,
            "systemData": {"createdAt": now()},
        }
        self.hide(job)
        if wanted["jobType"] == "Sweep":
            self.sweeps.begin(job, wanted)
            return Answer(201, self.jobs[job])
        if files := self.ends(self.requests[job]):
            self.finish(job, files=files)
        self._behave(job, self.requests[job]["parameters"].get("behaviour", "lasts"))
        return Answer(201, self.jobs[job])

    def _behave(self, job: str, behaviour: str) -> None:
        if behaviour == "succeeds":
            self.finish(job, files={"outputs/result.json": b'{"v": 1, "answer": 42}'})
        elif behaviour == "fails":
            told = {"what": "train.py failed: no column Y", "next": "mend it"}
            self.finish(job, files={"outputs/error.json": json.dumps(told).encode()}, status="Failed")

    def _job(self, _asked: Asked, job: str) -> Answer:
        if job not in self.jobs or self.hidden(job):
            return error(404, "UserError", f"Job {job} was not found")
        return Answer(document=self.jobs[job])

    def _cancel(self, _asked: Asked, job: str) -> Answer:
        self.finish(job, status="Canceled")
        return Answer(202, headers=self.operation(), content=b"")

    def _operation(self, _asked: Asked, operation: str) -> Answer:
        """How an operation stands; 404 for one of another service: the SDK's poller may outlive the test that began it."""
        if operation not in self._operations:
            return error(404, "OperationNotFound", f"no operation {operation}")
        done = time.monotonic() >= self._operations[operation]
        document = {"id": operation, "name": operation, "status": "Succeeded" if done else "InProgress"}
        return Answer(200, document, {} if done else {"retry-after-ms": "20"})

    def _details(self, _asked: Asked, job: str) -> Answer:
        return Answer(document=self.details[job])

    def _mlflow_run(self, asked: Asked) -> Answer:
        job = asked.query["run_id"]
        found = {} if self.hidden(f"metrics of {job}") else self.metrics.get(job, {})
        metrics = [
            {"key": key, "value": values[-1], "timestamp": 0, "step": len(values) - 1} for key, values in found.items()
        ]
        return Answer(document={"run": {"info": {"run_id": job, "status": "FINISHED"}, "data": {"metrics": metrics}}})


def error(status: int, code: str, message: str) -> Answer:
    """An error as Azure Resource Manager and the service behind it word it."""
    return Answer(status, {"error": {"code": code, "message": message, "details": [], "additionalInfo": []}})
