"""Endpoints on Azure ML through azureml-core (SDK v1) without a cluster: web services on Azure Container Instances.

Such a service has one version and no split. So people ask one service, the *front*, which has the model's name and keeps
address and key; each deployment is a service of its own beside it, where it is certified and tried. Giving a
deployment the traffic is an update of the front in place, and going back is another one: 100 percent or nothing.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import CapacityRefused, TrafficMoved
from shared.platforms.azureml_endpoints import Counts, Folders, read_service
from shared.platforms.azureml_errors import AzureMLRefused, NotThere, nothing_follows
from shared.platforms.azureml_instances import begin_delete, begin_service, replace, services_of
from shared.platforms.azureml_scoring import Scoring
from shared.platforms.azureml_service import Service
from shared.platforms.azureml_versions import (
    CLOSED,
    VERSION_TAG,
    closed_inference,
    deployment_of,
    endpoint_name,
    inference,
    is_version,
)
from shared.platforms.following import Following
from shared.platforms.port import DeployRequest, EndpointSeen, Scored

if TYPE_CHECKING:
    from azureml.core import Workspace

SERVES_TAG = "baton.serves"
"""On a front alone: the deployment that it serves, or `CLOSED`."""
MODEL_TAG, FOLDER_TAG = "baton.model", "baton.folder"
AGAIN_SECONDS = 15.0


class AzureMLContainers:
    """Deployments as container instances, as `AzureMLEndpoints` has them on AKS, but for splits: one has all or none.

    Callers of one process take turns at changes; the service has no compare-and-set, so between reading what the front
    serves and updating it another client may come.
    """

    def __init__(self, service: Service, folders: Folders, *, counts: Counts) -> None:
        self._service = service
        self._folders = folders
        self._counts = counts
        self._changing = threading.Lock()
        self._scoring = Scoring(service)

    def deploy(self, request: DeployRequest) -> None:
        with tempfile.TemporaryDirectory() as scratch, self._changing:
            code = self._fetched(request, Path(scratch))
            self._service.ask(f"deploy {request.name}", partial(_deploy, request, code))

    def look(self, model: str) -> EndpointSeen | None:
        found = self._service.ask(f"look at endpoint {model}", partial(_read, model))
        if found is None:
            return None
        serving, services = found
        counted = self._counts(endpoint_name(model)) if serving != CLOSED else {}
        deployments = [
            deployment_of(name, one, model, 100 if name == serving else 0, counted.get(name, (0, 0)))
            for name, one in services.items()
        ]
        return EndpointSeen(model, tuple(deployments))

    def set_traffic(self, model: str, split: Mapping[str, int], *, expected: Mapping[str, int]) -> None:
        """As the port says, for splits that give one deployment everything; `CapacityRefused` until the front answers as asked."""
        wanted = whole(model, split)
        with self._changing:
            target = self._service.ask(f"see what {model} serves", partial(_target, model, wanted, expected))
            if target is not None:
                with tempfile.TemporaryDirectory() as scratch:
                    code = self._fetched(target, Path(scratch))
                    self._service.ask(f"have {model} serve {wanted}", partial(_switch, target, code))
            front = self._service.ask(f"look at endpoint {model}", partial(read_service, endpoint_name(model)))
            self._until_it_answers(model, wanted, front or {})

    def remove(self, model: str, name: str) -> None:
        with self._changing:
            self._service.ask(f"remove {name}", partial(_remove, model, name))

    def follow(self, model: str, serves: Following) -> None:
        if serves.asks:
            raise nothing_follows(model, serves.asks)

    def score(self, model: str, body: str, *, deployment: str = "") -> Scored:
        return self._scoring.score(deployment or endpoint_name(model), body, deployment=deployment)

    def _fetched(self, request: DeployRequest, scratch: Path) -> Path:
        """The published folder that serves a deployment; an empty one for `CLOSED`."""
        code = scratch / "code"
        code.mkdir()
        if request.name != CLOSED:
            self._folders(request.model, request.folder, code)
        return code

    def _until_it_answers(self, model: str, wanted: str, front: Mapping[str, Any]) -> None:
        """Nothing once the front is healthy and no other deployment answers there: a container ends later than its document says."""
        name, state = endpoint_name(model), str(front.get("state") or "not shown yet")
        if state == "Failed":
            reason = str((front.get("error") or {}).get("message") or "no reason given")[:1000]
            raise AzureMLRefused(
                f"{name} could not be updated to serve {wanted}: {reason}", next="read its logs in the studio"
            )
        # While it is updated the address is null for some time: github.com/MicrosoftDocs/azure-docs/issues/16841.
        is_up = state == "Healthy" and front.get("scoringUri")
        answers = self._scoring.serving(name) if is_up else ""
        if not is_up or answers not in ("", wanted):
            still = f"still answers as {answers}" if answers else f"is {state}"
            raise CapacityRefused(
                f"{name} is being updated to serve {wanted}, and {still}.",
                next="nothing: it is looked at again",
                after_seconds=AGAIN_SECONDS,
            )


def whole(model: str, split: Mapping[str, int]) -> str:
    """The deployment that a split gives all traffic to, `CLOSED` for an empty one; `AzureMLRefused` for one that divides it.

    >>> whole("pulse", {"pulse-0001": 0, "pulse-0002": 100}), whole("pulse", {})
    ('pulse-0002', 'closed')
    """
    shares = {name: share for name, share in split.items() if share}
    if not shares:
        return CLOSED
    if list(shares.values()) != [100]:
        raise AzureMLRefused(
            f"the split {dict(split)} of {model} cannot be set: a container instance gives all traffic to one version.",
            next="write `rollout: {steps: [100]}` in model.yaml and publish it, or serve on AKS: docs/azure.md",
        )
    return next(iter(shares))


def _read(model: str, workspace: Workspace) -> tuple[str, dict[str, Mapping[str, Any]]] | None:
    """What the front serves, and the services of all deployments by name; that one's is the front itself."""
    front = read_service(endpoint_name(model), workspace)
    if front is None:
        return None
    if not _is_front(front, model):
        return front["name"], {front["name"]: front}
    serving = str(_tags(front)[SERVES_TAG])
    listed = services_of(workspace, f"{MODEL_TAG}={model}")
    found = {str(one["name"]): one for one in listed if SERVES_TAG not in _tags(one)}
    return serving, found if serving == CLOSED else {**found, serving: front}


def _deploy(request: DeployRequest, code: Path, workspace: Workspace) -> None:
    front = read_service(endpoint_name(request.model), workspace)
    if front is None:
        tags = {MODEL_TAG: request.model, SERVES_TAG: CLOSED}
        with tempfile.TemporaryDirectory() as scratch:
            begin_service(workspace, endpoint_name(request.model), [], closed_inference(Path(scratch)), tags)
    else:
        _own(front, request.model)
    there = read_service(request.name, workspace)
    if there is not None:
        is_version(request.name, request.version, _tags(_of_model(there, request.model)))
        return
    tags = {MODEL_TAG: request.model, VERSION_TAG: request.version, FOLDER_TAG: request.folder}
    begin_service(workspace, request.name, [f"{request.model}:{request.version}"], inference(request, code), tags)


def _target(model: str, wanted: str, expected: Mapping[str, int], workspace: Workspace) -> DeployRequest | None:
    """What the front is to serve; None if it was told so already. Raises `TrafficMoved` unless it serves what is expected."""
    front = read_service(endpoint_name(model), workspace)
    serving = str(_tags(_own(front, model))[SERVES_TAG]) if front is not None else ""
    if serving == wanted:
        return None
    now = {} if serving in ("", CLOSED) else {serving: 100}
    if front is None or now != {name: share for name, share in expected.items() if share}:
        raise TrafficMoved(
            f"the traffic of {model} is {now or 'none'}, and not {dict(expected) or 'none'}.",
            next="see who moved it; the release looks again",
        )
    if front.get("state") == "Transitioning":
        raise CapacityRefused(
            f"{front['name']} is still being made or updated.",
            next="nothing: it is tried again",
            after_seconds=AGAIN_SECONDS,
        )
    if wanted == CLOSED:
        return DeployRequest(model, CLOSED, "", "")
    found = read_service(wanted, workspace)
    if found is None:
        raise NotThere(f"{model} has no deployment {wanted}.", next="deploy it first")
    tags = _tags(_of_model(found, model))
    return DeployRequest(model, wanted, str(tags.get(VERSION_TAG, "")), str(tags.get(FOLDER_TAG, "")))


def _switch(target: DeployRequest, code: Path, workspace: Workspace) -> None:
    """Image and tags in one request, so that the front never says that it serves what it was not told to."""
    tags = {MODEL_TAG: target.model, SERVES_TAG: target.name}
    if target.name == CLOSED:
        replace(workspace, endpoint_name(target.model), [], closed_inference(code), tags)
        return
    tags |= {VERSION_TAG: target.version, FOLDER_TAG: target.folder}
    models = [f"{target.model}:{target.version}"]
    replace(workspace, endpoint_name(target.model), models, inference(target, code), tags)


def _remove(model: str, name: str, workspace: Workspace) -> None:
    front = read_service(endpoint_name(model), workspace)
    if front is not None and name in (front["name"], _tags(front).get(SERVES_TAG)):
        raise TrafficMoved(f"{name} of {model} has 100 % of the traffic.", next="move the traffic first")
    found = read_service(name, workspace)
    if found is not None:
        _of_model(found, model)
        begin_delete(workspace, name)


def _tags(service: Mapping[str, Any]) -> Mapping[str, Any]:
    return service.get("kvTags") or {}


def _is_front(service: Mapping[str, Any], model: str) -> bool:
    return SERVES_TAG in _tags(service) and _tags(service).get(MODEL_TAG) == model


def _own(front: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """The front, which must be one that Baton made for this model: another one has no way back."""
    if not _is_front(front, model):
        raise AzureMLRefused(
            f"the web service {front['name']} on {front.get('computeType')} was not made by Baton for {model}.",
            next="delete it, or give it another name, then `baton retry`: Baton makes its own; docs/azure.md",
        )
    return front


def _of_model(service: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """The service, which must be a deployment of this model: names are those of the whole workspace."""
    if _tags(service).get(MODEL_TAG) != model or SERVES_TAG in _tags(service):
        raise AzureMLRefused(
            f"the web service {service['name']} is no deployment of {model}.",
            next="see in the studio who made it; delete it, or rename the model that has this name",
        )
    return service
