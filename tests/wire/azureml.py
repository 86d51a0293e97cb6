"""Azure ML's services for SDK v1 as azureml-core speaks to them, in memory, behind plain HTTP.

Routes and shapes are those that azureml-core 1.61.0 sends and reads (its generated clients name them:
`azureml/_restclient/operations`); what the real services do beyond that is in docs/azure.md as a thing to watch.
A run does at once what its request's parameter `behaviour` says: succeeds, fails or lasts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.wire.azureml_hyperdrive import HyperDrive
from tests.wire.azureml_registry import Models
from tests.wire.azureml_services import Services
from tests.wire.server import Answer, Asked, WireServer

if TYPE_CHECKING:
    from azureml.core import Workspace

    from tests.wire.authority import Authority

SCOPE = "/subscriptions/sub-1/resourceGroups/rg-1/providers/Microsoft.MachineLearningServices/workspaces/ws-1"
ANY = r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.MachineLearningServices/workspaces/[^/]+"
REGION = "westeurope"
RUN = rf"/history/v1.0{ANY}/(?:experiments|experimentids)/(?P<experiment>[^/]+)/runs/(?P<run_id>[^/]+)"
PATIENCE = 600.0  # a deadline that no test waits for, on however slow a machine
CLUSTER: Mapping[str, Any] = {
    "vmSize": "STANDARD_DS3_V2", "vmPriority": "Dedicated", "subnet": None, "allocationState": "Steady",
    "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT120S"},
    "currentNodeCount": 0, "targetNodeCount": 0, "nodeStateCounts": {},
}  # fmt: skip
TENANT = "11111111-1111-1111-1111-111111111111"


def token(*, seconds: float = 3600.0, number: int = 0) -> str:
    """A JWT as the SDK wants it: with `exp` and `tid`. Its signature is of a key that anybody knows."""
    parts = [{"alg": "HS256", "typ": "JWT"}, {"exp": int(time.time() + seconds), "tid": TENANT, "jti": str(number)}]
    head = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(hmac.new(b"known", head, hashlib.sha256).digest()).rstrip(b"=")
    return b".".join([head, signature]).decode()


class FakeAzureML:
    """One workspace. `lag` is how many reads of a list, or of a run just made, still show what was before.

    With an authority it also is the account of blobs that the SDK uploads to, which it does over TLS only.
    """

    def __init__(self, authority: Authority | None = None) -> None:
        self.wire = WireServer(authority)
        self.runs: dict[str, dict[str, Any]] = {}
        self.begun: list[str] = []
        self.files: dict[tuple[str, str], bytes] = {}
        self.metrics: dict[str, dict[str, list[float]]] = {}
        self.requests: dict[str, dict[str, Any]] = {}
        self.configurations: dict[str, dict[str, Any]] = {}
        self.experiments: dict[str, str] = {}
        self.revoked: set[str] = set()
        self.cancel_by_uri = True
        self.lag = 0
        self.scope = SCOPE
        self.snapshot: dict[str, bytes] = {}
        self.behave: Callable[[str], None] = self._behave
        self.registered: Callable[[Mapping[str, Any]], None] = lambda model: None
        self.tokens = 0
        self._hidden: dict[str, int] = {}
        self.models = Models(self)
        self.services = Services(self)
        self.hyperdrive = HyperDrive(self)
        self._add_routes()

    @contextmanager
    def running(self) -> Iterator[FakeAzureML]:
        with self.wire.running():
            yield self

    def token(self, _audience: str) -> str:
        """A token of its own at each call."""
        self.tokens += 1
        return token(number=self.tokens)

    def connect(self, tokens: Callable[[str], str] | None = None) -> Workspace:
        """The SDK's own workspace object, whose services are this server."""
        from azureml.core import Workspace
        from azureml.core.authentication import TokenAuthentication

        auth = TokenAuthentication(tokens or self.token, cloud="AzureCloud")
        found = Workspace(
            "sub-1",
            "rg-1",
            "ws-1",
            auth=auth,
            _location="westeurope",
            _disable_service_check=True,
            _workspace_id="wsid",
        )
        found._discovery_url_internal = f"{self.wire.url}/discovery"
        return found

    def finish(self, run_id: str, *, files: Mapping[str, bytes] = {}, status: str = "Completed") -> None:
        """Let a run end with these files."""
        self.runs[run_id] |= {"status": status, "endTimeUtc": now()}
        for name, content in files.items():
            self.files[f"dcid.{run_id}", name] = content

    def hide(self, what: str) -> None:
        """Let the next `lag` reads of this not show what was written just now."""
        self._hidden[what] = self.lag

    def hidden(self, what: str) -> bool:
        left = self._hidden.get(what, 0)
        self._hidden[what] = max(0, left - 1)
        return left > 0

    def _add_routes(self) -> None:
        route = self._route
        self.wire.route("GET", "/discovery", self._discovery)
        self.wire.route("GET", "/blobs/(?P<container>[^/]+)/(?P<path>.+)", self._blob)
        for method in ("GET", "POST"):
            route(method, rf"/history/v1.0{ANY}/(?:experiments|experimentids)/(?P<name>[^/]+)", self._experiment)
        route("GET", rf"/rp/workspaces{ANY}/computes/(?P<name>[^/]+)", self._compute)
        route("GET", rf"/content/v1.0{ANY}/snapshots/latest/metadata", self._snapshot)
        route("POST", rf"/content/v2.0{ANY}/snapshots/getblob", self._snapshot_places)
        self.wire.route("PUT", r"/snapshots/(?P<path>.+)", self._snapshot_file)
        self.wire.route("HEAD", r"/snapshots/(?P<path>.+)", lambda asked, path: Answer(content=self.snapshot[path]))
        self.wire.route("GET", "/msi/token", self._identity)
        route("GET", "/subscriptions", self._subscriptions)
        route("GET", ANY, self._workspace)
        route(
            "POST",
            rf"/content/v2.0{ANY}/snapshots/(?P<snapshot>[0-9a-f-]+)",
            lambda asked, snapshot: Answer(document={}),
        )
        route("POST", rf"/execution/v1.0{ANY}/experiments/(?P<experiment>[^/]+)/snapshotrun", self._submit)
        route("GET", rf"/history/v1.0{ANY}/runs/(?P<run_id>[^/]+)", self._run_of_workspace)
        route("GET", RUN, self._run)
        route("GET", f"{RUN}/children", self._children)
        route("PATCH", RUN, self._patch)
        route("GET", f"{RUN}/details", self._details)
        route("POST", f"{RUN}/events", self._event)
        route("POST", rf"/execution/v1.0{ANY}/cancel/(?P<run_id>[^/]+)", self._cancel)
        route("GET", f"{RUN}/metricsingest/wait", lambda asked, experiment, run_id: Answer(document={}))
        metrics = rf"/metric/v2.0{ANY}/runs/(?P<run_id>[^/]+)"
        route("POST", f"{metrics}/list", self._metric_names)
        route("POST", f"{metrics}/full", self._metric)
        files = rf"/artifact/v2.0{ANY}/artifacts"
        route("GET", rf"{files}/prefix/contentinfo/ExperimentRun/(?P<container>[^/]+)/(?P<path>.+)", self._files_below)
        route("GET", rf"{files}/contentinfo/ExperimentRun/(?P<container>[^/]+)/(?P<path>.+)", self._file)
        route("GET", rf"{files}/ExperimentRun/(?P<container>[^/]+)", self._files)
        self.models.add_routes(route)
        self.services.add_routes(route)
        self.hyperdrive.add_routes(route)

    def _route(self, method: str, pattern: str, answer: Callable[..., Answer]) -> None:
        def signed_in(asked: Asked, **parts: str) -> Answer:
            bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
            if not bearer or bearer in self.revoked:
                return error(401, "the token is not valid any more")
            return answer(asked, **parts)

        self.wire.route(method, pattern, signed_in)

    def _discovery(self, asked: Asked) -> Answer:
        names = ("api", "experimentation", "history", "hyperdrive", "modelmanagement", "studio")
        return Answer(document=dict.fromkeys(names, f"https://{asked.host}" if asked.host else self.wire.url))

    def _identity(self, asked: Asked) -> Answer:
        """The token endpoint of a managed identity, as Functions offers it (IDENTITY_ENDPOINT)."""
        self.tokens += 1
        said = {"access_token": token(number=self.tokens), "expires_on": str(int(time.time()) + 3600)}
        return Answer(document={**said, "resource": asked.query["resource"], "token_type": "Bearer"})

    def _subscriptions(self, _asked: Asked) -> Answer:
        subscription = self.scope.split("/")[2]
        one = {"subscriptionId": subscription, "tenantId": TENANT, "displayName": "Sub", "state": "Enabled"}
        return Answer(document={"value": [{**one, "id": f"/subscriptions/{subscription}"}]})

    def _workspace(self, asked: Asked) -> Answer:
        """The workspace as Azure Resource Manager knows it; it names where everything else is asked."""
        found = {
            "workspaceId": "wsid", "discoveryUrl": f"https://{REGION}.api.azureml.ms/discovery", "friendlyName": "w",
            "storageAccount": "", "keyVault": "", "applicationInsights": "", "provisioningState": "Succeeded",
        }  # fmt: skip
        name = asked.path.rsplit("/", 1)[1]
        return Answer(document={"id": asked.path, "name": name, "location": REGION, "tags": {}, "properties": found})

    def _snapshot_places(self, asked: Asked) -> Answer:
        """Where the files of a snapshot go: nowhere, as if all were there, unless this server speaks TLS."""
        names = asked.body["FileNames"] if self.wire.authority else []
        base = "https://wireaccount.blob.core.windows.net/snapshots"
        nodes = [{"fullName": name, "blobUri": f"{base}/{quote(name)}?sig=s"} for name in names]
        return Answer(document={"fileNodes": nodes})

    def _snapshot_file(self, asked: Asked, path: str) -> Answer:
        self.snapshot[path] = asked.content
        headers = {
            "ETag": '"1"',
            "Last-Modified": "Thu, 26 Nov 2026 08:00:00 GMT",
            "x-ms-request-server-encrypted": "true",
        }
        return Answer(201, content=b"", headers=headers)

    def _compute(self, _asked: Asked, name: str) -> Answer:
        """As the specification's examples of a cluster and of an attached AKS cluster have it."""
        is_aks = name.startswith("aks")
        properties: dict[str, Any] = {
            "computeType": "AKS" if is_aks else "AmlCompute", "isAttachedCompute": is_aks, "description": None,
            "resourceId": "", "provisioningState": "Succeeded", "provisioningErrors": None,
            "properties": None if is_aks else {**CLUSTER},
        }  # fmt: skip
        return Answer(document={"name": name, "location": "westeurope", "tags": None, "properties": properties})

    def _snapshot(self, _asked: Asked) -> Answer:
        root = {"name": "", "hash": "", "type": "Directory", "timestamp": now(), "sasUrl": "", "absoluteUrl": "",
                "sizeBytes": 0, "sizeSet": False, "children": {}}  # fmt: skip
        return Answer(document={"id": str(uuid.uuid4()), "root": root})

    def _experiment(self, asked: Asked, name: str) -> Answer:
        known = {identity: found for found, identity in self.experiments.items()}
        name = known.get(name, name)
        if asked.method == "GET" and name not in self.experiments:
            return error(404, f"Experiment {name} was not found")
        identity = self.experiments.setdefault(name, str(uuid.uuid4()))
        return Answer(document={"experimentId": identity, "name": name, "tags": {}, "archivedTime": None})

    def _submit(self, asked: Asked, experiment: str) -> Answer:
        run_id = asked.query["runId"]
        if run_id in self.runs:
            return error(409, f"A run with id {run_id} already exists")
        configuration = asked.body["Configuration"]
        environment = configuration["environmentVariables"]
        self.requests[run_id] = json.loads(environment["BATON_REQUEST"])
        self.configurations[run_id] = configuration
        self.begun.append(run_id)
        identity = self.experiments.setdefault(experiment, str(uuid.uuid4()))
        self.runs[run_id] = {
            "runId": run_id, "rootRunId": run_id, "runNumber": len(self.runs) + 1, "status": "Running",
            "experimentId": identity, "dataContainerId": f"dcid.{run_id}", "runType": "azureml.scriptrun",
            "tags": {}, "properties": {}, "createdUtc": now(), "startTimeUtc": now(), "hidden": False,
            "createdBy": {"userName": "baton", "userObjectId": None},
        }  # fmt: skip
        if self.cancel_by_uri:
            self.runs[run_id]["cancelUri"] = f"{self.wire.url}/execution/v1.0{self.scope}/cancel/{run_id}"
        self.hide(run_id)
        self.behave(run_id)
        return Answer(document={"runId": run_id})

    def _behave(self, run_id: str) -> None:
        behaviour = self.requests[run_id]["parameters"].get("behaviour", "lasts")
        if behaviour == "succeeds":
            self.finish(run_id, files={"outputs/result.json": b'{"v": 1, "answer": 42}'})
        elif behaviour == "fails":
            told = {"what": "train.py failed: no column Y", "next": "mend it"}
            self.finish(run_id, files={"outputs/error.json": json.dumps(told).encode()}, status="Failed")

    def _run_of_workspace(self, _asked: Asked, run_id: str) -> Answer:
        return self._shown(run_id)

    def _run(self, _asked: Asked, experiment: str, run_id: str) -> Answer:
        return self._shown(run_id)

    def _children(self, _asked: Asked, experiment: str, run_id: str) -> Answer:
        """The runs right below a run."""
        below = [run for run in self.runs.values() if run.get("parentRunId") == run_id]
        below = [run for run in below if run["runId"] not in self.hyperdrive.hidden]
        return Answer(document={"value": below, "continuationToken": None})

    def _shown(self, run_id: str) -> Answer:
        if run_id not in self.runs or self.hidden(run_id):
            return error(404, f"Run {run_id} was not found")
        return Answer(document=self.runs[run_id])

    def _patch(self, asked: Asked, experiment: str, run_id: str) -> Answer:
        run = self.runs[run_id]
        for part in ("tags", "properties"):
            run[part] = {**run[part], **(asked.body.get(part) or {})}
        return Answer(document=run)

    def _details(self, _asked: Asked, experiment: str, run_id: str) -> Answer:
        run = self.runs[run_id]
        shown = {
            name: run[name]
            for name in ("runId", "status", "startTimeUtc", "endTimeUtc", "properties", "error")
            if name in run
        }
        return Answer(document={**shown, "target": "cpu", "logFiles": {}})

    def _event(self, asked: Asked, experiment: str, run_id: str) -> Answer:
        assert asked.body["name"] == "Microsoft.MachineLearning.Run.Canceled"
        self.finish(run_id, status="Canceled")
        return Answer(document={})

    def _cancel(self, _asked: Asked, run_id: str) -> Answer:
        self.finish(run_id, status="Canceled")
        return Answer(document={})

    def _metric_names(self, _asked: Asked, run_id: str) -> Answer:
        found = [] if self.hidden(f"metrics of {run_id}") else self.metrics.get(run_id, {})
        scalar = {"uxMetricType": "azureml.v1.scalar"}
        return Answer(
            document={
                "value": [{"metricKey": {"name": n}, "columns": {n: "Double"}, "properties": scalar} for n in found]
            }
        )

    def _metric(self, asked: Asked, run_id: str) -> Answer:
        name = asked.body["metricName"]
        values = self.metrics.get(run_id, {}).get(name)
        if values is None:
            return error(404, f"no metric {name}")
        cells = [
            {"metricId": str(uuid.uuid4()), "createdUtc": now(), "step": step, "data": {name: value}}
            for step, value in enumerate(values)
        ]
        scalar = {"uxMetricType": "azureml.v1.scalar"}
        return Answer(
            document={
                "dataContainerId": f"dcid.{run_id}",
                "name": name,
                "columns": {name: "Double"},
                "properties": scalar,
                "value": cells,
            }
        )

    def below(self, container: str, prefix: str) -> list[str]:
        """Paths of a container's files at or below a prefix."""
        return sorted(
            p for c, p in self.files if c == container and (p == prefix or p.startswith(f"{prefix.rstrip('/')}/"))
        )

    def _content(self, container: str, path: str) -> dict[str, str]:
        return {
            "contentUri": f"{self.wire.url}/blobs/{container}/{path}", "origin": "ExperimentRun",
            "container": container, "path": path,
        }  # fmt: skip

    def _files_below(self, _asked: Asked, container: str, path: str) -> Answer:
        return Answer(document={"value": [self._content(container, found) for found in self.below(container, path)]})

    def _file(self, _asked: Asked, container: str, path: str) -> Answer:
        if (container, path) not in self.files:
            return error(404, f"no artifact {path}")
        return Answer(document=self._content(container, path))

    def _files(self, _asked: Asked, container: str) -> Answer:
        shown = [] if self.hidden(f"files of {container}") else sorted(path for c, path in self.files if c == container)
        dtos = [
            {
                "artifactId": f"ExperimentRun/{container}/{path}",
                "origin": "ExperimentRun",
                "container": container,
                "path": path,
            }
            for path in shown
        ]
        return Answer(document={"value": dtos})

    def _blob(self, _asked: Asked, container: str, path: str) -> Answer:
        return Answer(content=self.files[container, path], kind="application/octet-stream")


def error(status: int, message: str) -> Answer:
    """An error as these services word it."""
    document = {"error": {"code": "UserError", "message": message, "details": []}, "environment": "westeurope"}
    return Answer(status, document)


def now() -> str:
    """The time as the services write it, with seven fractional digits."""
    return re.sub(r"\+00:00$", "0Z", datetime.now(UTC).isoformat(timespec="microseconds"))
