"""Endpoints on Azure ML through azureml-core (SDK v1): one AKS endpoint for each model, one of its versions a deployment.

Its traffic percentiles are the split. What no version has goes to the endpoint's default version, and the first one
made is the default; so the first is one of our own that answers 503 (`azureml_entry/closed.py.txt`), and stays.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import CapacityRefused, TrafficMoved
from shared.platforms.azureml_errors import AzureMLRefused, NotThere, nothing_follows
from shared.platforms.azureml_scoring import Scoring
from shared.platforms.azureml_service import Service
from shared.platforms.azureml_versions import (
    AKS_ENDPOINT,
    CLOSED,
    VERSION_TAG,
    closed_inference,
    deployment_of,
    endpoint_name,
    inference,
    is_version,
    made,
    shares,
    versions_of,
)
from shared.platforms.following import Following
from shared.platforms.port import DeployRequest, EndpointSeen, Scored

if TYPE_CHECKING:
    from azureml.core import Workspace

Folders = Callable[[str, str, Path], None]
Counts = Callable[[str], Mapping[str, tuple[int, int]]]
VERSIONS_AT_MOST = 6  # of an AKS endpoint, ours that answers 503 among them
MADE_IN_SECONDS = 60.0


class AzureMLEndpoints:
    """Deployments on the AKS cluster that is attached to the workspace as `cluster`.

    `folders(model, hash, into)` copies a published folder, `counts(endpoint)` says requests and errors of each
    deployment. Callers of one process take turns at changes; the service has no compare-and-set for traffic, so between
    reading the split and setting it another client may come.
    """

    def __init__(self, service: Service, folders: Folders, cluster: str, *, counts: Counts) -> None:
        self._service = service
        self._folders = folders
        self._cluster = cluster
        self._counts = counts
        self._changing = threading.Lock()
        self._scoring = Scoring(service)

    def deploy(self, request: DeployRequest) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            code = Path(scratch) / "code"
            code.mkdir()
            self._folders(request.model, request.folder, code)
            with self._changing:
                self._service.ask(f"deploy {request.name}", partial(self._deploy, request, code))

    def look(self, model: str) -> EndpointSeen | None:
        service = self._service.ask(f"look at endpoint {model}", partial(read_service, endpoint_name(model)))
        if service is None:
            return None
        split = shares(service)
        versions = versions_of(service)
        counted = self._counts(endpoint_name(model)) if any(split[name] for name in versions) else {}
        found = [
            deployment_of(name, version, model, split[name], counted.get(name, (0, 0)))
            for name, version in versions.items()
        ]
        return EndpointSeen(model, tuple(found))

    def set_traffic(self, model: str, split: Mapping[str, int], *, expected: Mapping[str, int]) -> None:
        if split and (sum(split.values()) != 100 or min(split.values()) < 0):
            raise AzureMLRefused(
                f"the split {dict(split)} of {model} does not sum to 100.", next="give a whole split, in percent"
            )
        with self._changing:
            self._service.ask(f"set the traffic of {model}", partial(self._set_traffic, model, split, expected))

    def remove(self, model: str, name: str) -> None:
        with self._changing:
            self._service.ask(f"remove {name}", partial(self._remove, model, name))

    def follow(self, model: str, serves: Following) -> None:
        if serves.asks:
            raise nothing_follows(model, serves.asks)

    def score(self, model: str, body: str, *, deployment: str = "") -> Scored:
        return self._scoring.score(endpoint_name(model), body, deployment=deployment)

    def _deploy(self, request: DeployRequest, code: Path, workspace: Workspace) -> None:
        from azureml.core import Model

        service = read_service(endpoint_name(request.model), workspace)
        if service is None:
            self._open(request.model, workspace)
            service = read_service(endpoint_name(request.model), workspace) or {}
        if service and _has(service, request):
            return
        if service.get("state") != "Healthy":
            raise CapacityRefused(
                f"the endpoint {endpoint_name(request.model)} is {service.get('state', 'not shown yet')}.",
                next="nothing: it is tried again; if that lasts, read its logs in the studio",
                after_seconds=MADE_IN_SECONDS,
            )
        endpoint = _endpoint(service, workspace)
        endpoint.create_version(  # the SDK fails if it is given cores or memory (core/webservice/aks.py:1520)
            version_name=request.name,
            inference_config=inference(request, code),
            models=[Model(workspace, id=f"{request.model}:{request.version}", expand=False)],
            tags={VERSION_TAG: request.version, "baton.model": request.model, "baton.folder": request.folder},
            traffic_percentile=0,
        )

    def _open(self, model: str, workspace: Workspace) -> None:
        """Make the endpoint with the version that answers 503. Whoever comes second finds it."""
        from azureml.core.webservice import AksEndpoint

        with tempfile.TemporaryDirectory() as scratch:
            configuration = AksEndpoint.deploy_configuration(
                version_name=CLOSED,
                traffic_percentile=0,
                compute_target_name=self._cluster,
                autoscale_enabled=False,
                num_replicas=1,
                cpu_cores=0.1,
                memory_gb=0.5,
                enable_app_insights=True,
                tags={"baton.model": model},
            )
            made(workspace, endpoint_name(model), [], closed_inference(Path(scratch)), configuration)

    def _set_traffic(
        self, model: str, split: Mapping[str, int], expected: Mapping[str, int], workspace: Workspace
    ) -> None:
        """All percentiles in one PATCH: the SDK's `update_version` would change one version after the other."""
        service = read_service(endpoint_name(model), workspace)
        now = _split(service)
        wanted = {name: share for name, share in split.items() if share}
        if now == wanted and service is not None:
            return
        if service is None or now != {name: share for name, share in expected.items() if share}:
            raise TrafficMoved(
                f"the traffic of {model} is {now or 'none'}, and not {dict(expected) or 'none'}.",
                next="see who moved it; the release looks again",
            )
        endpoint = _endpoint(service, workspace)
        versions = service.get("versions") or {}
        if missing := sorted(set(wanted) - set(versions)):
            raise NotThere(f"{model} has no deployment {', '.join(missing)}.", next="deploy it first")
        if not wanted and CLOSED not in versions:
            raise AzureMLRefused(
                f"the endpoint {endpoint_name(model)} was not made by Baton: its default version always has traffic.",
                next="give all traffic to one of its versions, or delete the endpoint and let Baton make it",
            )
        changes = [
            {"op": "replace", "path": f"/versions/{name}/trafficPercentile", "value": wanted.get(name, 0)}
            for name, version in versions.items()
            if round(version.get("trafficPercentile") or 0) != wanted.get(name, 0)
        ]
        headers = {"Content-Type": "application/json-patch+json", **endpoint._auth.get_authentication_header()}
        endpoint._patch_endpoint_call(headers, {}, changes)

    def _remove(self, model: str, name: str, workspace: Workspace) -> None:
        service = read_service(endpoint_name(model), workspace)
        if service is None or name not in versions_of(service):
            return
        if share := shares(service)[name]:
            raise TrafficMoved(f"{name} of {model} has {share} % of the traffic.", next="move the traffic first")
        _endpoint(service, workspace).delete_version(name)


def read_service(name: str, workspace: Workspace) -> dict[str, Any] | None:
    """The service's own document; None only if Azure ML says that there is none."""
    from azureml.core.webservice import Webservice

    found = Webservice._get(workspace, name)
    return None if found is None else dict(found)


def _split(service: Mapping[str, Any] | None) -> dict[str, int]:
    """The split without the zeros, and without the version of ours."""
    found = shares(service) if service else {}
    return {name: share for name, share in found.items() if share and name != CLOSED}


def _has(service: Mapping[str, Any], request: DeployRequest) -> bool:
    """Is the deployment there? Raises if its name has another version, or there is no room for it."""
    versions = service.get("versions") or {}
    there = versions.get(request.name)
    if there is None:
        if len(versions) >= VERSIONS_AT_MOST:
            raise AzureMLRefused(
                f"the endpoint of {request.model} has {len(versions)} versions, the most that it may have.",
                next="remove one that has no traffic: `baton status` names those that are kept warm",
            )
        return False
    is_version(request.name, request.version, there.get("kvTags") or {})
    return True


def _endpoint(service: Mapping[str, Any], workspace: Workspace) -> Any:
    """The SDK's own endpoint, to change it. Services of one version cannot roll out in steps."""
    from azureml.core.webservice import Webservice

    if service.get("computeType") != AKS_ENDPOINT:
        raise AzureMLRefused(
            f"{service['name']} is a web service on {service.get('computeType')}, which has no versions.",
            next="a staged roll-out needs an AKS endpoint: delete the service, then `baton retry`, "
            "or serve on container instances (BATON_SERVING): docs/azure.md",
        )
    return Webservice(workspace, str(service["name"]))
