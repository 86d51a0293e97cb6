"""Managed online endpoints of an Azure ML workspace through azure-ai-ml (SDK v2): deployments, traffic, mirroring.

What serves is what the endpoint itself says: its traffic, and of each deployment the model version in its definition.
The service keeps no ETag of a split, so "set it if it is the expected one" is a read and a write, in turns within a
process; what came of it is read back.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from shared.errors import PlatformBusy, TrafficMoved
from shared.platforms.azureml_errors import NotThere, named
from shared.platforms.azureml_run import READ_AGAIN_SECONDS, READS
from shared.platforms.azureml_service import Service
from shared.platforms.azureml_v2_batches import keep_batch
from shared.platforms.azureml_v2_changes import or_wait, settled, until_ready
from shared.platforms.azureml_v2_counts import KEPT, Counted, counts
from shared.platforms.azureml_v2_monitors import keep_monitor
from shared.platforms.azureml_v2_service import Workspace, found, word
from shared.platforms.azureml_v2_serving import Serving, definition, endpoint_name, live, seen, shares, version
from shared.platforms.following import Following, each_tried
from shared.platforms.port import DeployRequest, EndpointSeen, Scored

WAIT_SECONDS = 25.0  # for an endpoint to be made or changed; what takes longer is asked for again
PIN = "azureml-model-deployment"


class AzureMLV2Endpoints:
    """One endpoint a model, signed in to with Entra tokens only.

    Names of endpoints are unique in a region, so an endpoint's is the model's with six digits of the workspace's hash.
    `folders(model, hash, into)` copies a published folder into an empty folder, checked against its hash.
    """

    def __init__(
        self,
        service: Service,
        folders: Callable[[str, str, Path], None],
        serving: Serving | None = None,
        *,
        wait_seconds: float = WAIT_SECONDS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = service
        self._folders = folders
        self._serving = serving or Serving()
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._pause = pause
        self._changing = threading.Lock()
        self._addresses: dict[str, str] = {}
        self._versions: dict[tuple[str, str], str] = {}

    def deploy(self, request: DeployRequest) -> None:
        self._service.ask(f"deploy {request.name}", partial(self._deploy, request))

    def look(self, model: str) -> EndpointSeen | None:
        return self._service.ask(f"look at the endpoint of {model}", partial(self._look, model))

    def set_traffic(self, model: str, split: Mapping[str, int], *, expected: Mapping[str, int]) -> None:
        wanted = shares(model, split)
        self._service.ask(f"set the traffic of {model}", partial(self._set_traffic, model, wanted, live(expected)))

    def mirror(self, model: str, deployment: str, percent: int) -> None:
        """Send a copy of so many percent of the requests to a deployment without traffic; its answers go nowhere.

        At most 50, and to one deployment at a time, as the service has it; 0 ends it.
        """
        wanted = {deployment: percent} if percent else {}
        self._service.ask(f"mirror requests of {model}", partial(self._mirror, model, wanted))

    def remove(self, model: str, name: str) -> None:
        self._service.ask(f"remove {name}", partial(self._remove, model, name))

    def follow(self, model: str, serves: Following) -> None:
        asked: dict[str, Any] = {"model": model, "serves": serves, "wait_seconds": self._wait_seconds}
        monitor = partial(keep_monitor, **asked)
        batch = partial(keep_batch, **asked, folders=self._folders, serving=self._serving)
        with self._changing:
            each_tried(
                partial(self._service.ask, f"have {what} follow {serves.deployment}", keep)
                for what, keep in (("a monitor", monitor), ("batch jobs", batch))
            )

    def score(self, model: str, body: str, *, deployment: str = "") -> Scored:
        return self._service.ask(f"score with {model}", partial(self._score, model, body, deployment))

    def _deploy(self, request: DeployRequest, workspace: Workspace) -> None:
        endpoint = endpoint_name(request.model, workspace)
        with self._changing:
            self._make_endpoint(request.model, endpoint, workspace)
            if self._deployment(endpoint, request.name, workspace) is None:
                self._make_deployment(endpoint, request, workspace)

    def _make_endpoint(self, model: str, endpoint: str, workspace: Workspace) -> None:
        """Make the endpoint, or find it ready; raise `CapacityRefused` while it is being made."""
        from azure.ai.ml.entities import ManagedOnlineEndpoint

        one = self._endpoint(endpoint, workspace)
        if one is None:
            made = ManagedOnlineEndpoint(name=endpoint, auth_mode="aad_token", tags={"baton.model": model})
            one = self._changed(workspace, made, f"make endpoint {endpoint}")
        gone = "look at it in the studio; once it is gone, `baton retry`"
        until_ready(f"endpoint {endpoint}", word(one.provisioning_state), next=gone)

    def _make_deployment(self, endpoint: str, request: DeployRequest, workspace: Workspace) -> None:
        """Begin the deployment. After any error look for it: the PUT, or another caller's, may have worked."""
        with tempfile.TemporaryDirectory() as folder:
            code = Path(folder) / "code"
            code.mkdir()
            self._folders(request.model, request.folder, code)
            try:
                wanted = definition(endpoint, request, code, self._serving)
                workspace.client.online_deployments.begin_create_or_update(wanted)
            except Exception as error:
                if self._deployment(endpoint, request.name, workspace) is None:
                    raise or_wait(named(error, f"deploy {request.name}")) from error

    def _changed(self, workspace: Workspace, wanted: Any, doing: str) -> Any:
        begin = partial(workspace.client.online_endpoints.begin_create_or_update, wanted)
        return settled(begin, doing, self._wait_seconds)

    def _endpoint(self, endpoint: str, workspace: Workspace) -> Any | None:
        get = partial(workspace.client.online_endpoints.get, endpoint)
        return found(workspace, get, f"read endpoint {endpoint}")

    def _deployment(self, endpoint: str, name: str, workspace: Workspace) -> Any | None:
        get = partial(workspace.client.online_deployments.get, name, endpoint)
        return found(workspace, get, f"read deployment {name}")

    def _look(self, model: str, workspace: Workspace) -> EndpointSeen | None:
        endpoint = endpoint_name(model, workspace)
        one = self._endpoint(endpoint, workspace)
        if one is None:
            return None
        listed = [
            deployment
            for deployment in workspace.client.online_deployments.list(endpoint)
            if deployment.provisioning_state != "Deleting"
        ]
        counted = self._counted(endpoint, listed, workspace)
        split = live(one.traffic)
        shown = [
            seen(endpoint, one, split.get(one.name, 0), counted.get(one.name, Counted()), workspace) for one in listed
        ]
        return EndpointSeen(model, tuple(sorted(shown, key=lambda deployment: deployment.name)))

    def _counted(self, endpoint: str, listed: list[Any], workspace: Workspace) -> dict[str, Counted]:
        """What Azure Monitor counted for the deployments that are ready; nobody is asked where none is."""
        now = self._clock()
        ready = [one for one in listed if one.provisioning_state == "Succeeded"]
        if not ready:
            return {}
        since = min((one.creation_context.created_at for one in ready if one.creation_context), default=now - KEPT)
        return counts(workspace, endpoint, since=since, now=now)

    def _set_traffic(
        self, model: str, wanted: Mapping[str, int], expected: Mapping[str, int], workspace: Workspace
    ) -> None:
        with self._changing:
            one = self._there(model, workspace)
            now = live(one.traffic)
            if now == wanted:
                return
            if now != expected:
                raise TrafficMoved(
                    f"the traffic of {model} is {now}, not {dict(expected)} as expected.",
                    next="look at what serves now",
                )
            one.traffic = dict(wanted)
            one.mirror_traffic = {n: share for n, share in (one.mirror_traffic or {}).items() if n not in wanted}
            self._changed(workspace, one, f"set the traffic of {model}")
            self._until_it_shows(model, wanted, workspace)

    def _until_it_shows(self, model: str, wanted: Mapping[str, int], workspace: Workspace) -> None:
        for one in range(READS):
            if one:
                self._pause(READ_AGAIN_SECONDS)
            if live(self._there(model, workspace).traffic) == wanted:
                return
        raise PlatformBusy(f"the traffic of {model} was set and does not show yet.", next="nothing: it is asked again")

    def _mirror(self, model: str, wanted: Mapping[str, int], workspace: Workspace) -> None:
        with self._changing:
            one = self._there(model, workspace)
            if live(one.mirror_traffic) != wanted:
                one.mirror_traffic = dict(wanted)
                self._changed(workspace, one, f"mirror requests of {model}")

    def _there(self, model: str, workspace: Workspace) -> Any:
        endpoint = endpoint_name(model, workspace)
        one = self._endpoint(endpoint, workspace)
        if one is None:
            raise NotThere(f"{model} has no endpoint {endpoint}.", next="deploy a version first")
        return one

    def _remove(self, model: str, name: str, workspace: Workspace) -> None:
        endpoint = endpoint_name(model, workspace)
        with self._changing:
            one = self._endpoint(endpoint, workspace)
            if one is None or self._deployment(endpoint, name, workspace) is None:
                return
            if live(one.traffic).get(name):
                raise TrafficMoved(f"{name} has {one.traffic[name]} % of the traffic.", next="take it away first")
            if live(one.mirror_traffic).get(name):
                one.mirror_traffic = {}
                self._changed(workspace, one, f"end the mirror of {name}")
            try:
                workspace.client.online_deployments.begin_delete(name, endpoint)
            except Exception as error:
                raise or_wait(named(error, f"remove {name}")) from error
            self._versions.pop((endpoint, name), None)

    def _score(self, model: str, body: str, deployment: str, workspace: Workspace) -> Scored:
        endpoint = endpoint_name(model, workspace)
        if endpoint not in self._addresses:
            self._addresses[endpoint] = str(self._there(model, workspace).scoring_uri)
        began = time.perf_counter()
        for retry in (True, False):
            answer = workspace.score(self._addresses[endpoint], body, {PIN: deployment} if deployment else {})
            if answer.status_code != 401 or not retry:
                break
            workspace.identity.forget()
        seconds = time.perf_counter() - began
        by = answer.headers.get(PIN, "")
        version = self._version_of(endpoint, by, workspace) if by else ""
        return Scored(answer.status_code, answer.text(), version, by, seconds)

    def _version_of(self, endpoint: str, name: str, workspace: Workspace) -> str:
        """The version of a deployment, which never changes for its name while it is there."""
        if (endpoint, name) not in self._versions:
            one = self._deployment(endpoint, name, workspace)
            if one is None:
                return ""
            self._versions[endpoint, name] = version(one)
        return self._versions[endpoint, name]
