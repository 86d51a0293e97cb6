"""Serving endpoints of Databricks through databricks-sdk: one endpoint a model, one of its served entities a deployment.

What serves is what the endpoint itself says: its active config. The service takes one change at a time, each lasts
minutes, and it keeps no ETag: "set it if it is the expected one" is a read and a write, in turns within a process. An
endpoint that is being changed is waited for (`CapacityRefused`), which holds for the way back too.
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

from shared.errors import TrafficMoved
from shared.platforms.azureml_run import READ_AGAIN_SECONDS, READS
from shared.platforms.azureml_service import Service
from shared.platforms.databricks_changes import change, endpoint_name, make, read, there
from shared.platforms.databricks_counts import Counted, counts
from shared.platforms.databricks_errors import DatabricksRefused, NameTaken, NotThere
from shared.platforms.databricks_packing import VERSION_TAG, pack, packed_version, remove_packs, serving_model
from shared.platforms.databricks_scoring import score
from shared.platforms.databricks_service import Workspace
from shared.platforms.databricks_serving import (
    CLOSED,
    Document,
    Serving,
    active,
    busy,
    deployments,
    entity,
    pending,
    until_still,
    updating,
    whole,
)
from shared.platforms.databricks_versions import download, tags_of, version_of
from shared.platforms.following import Following
from shared.platforms.port import Deployment, DeployRequest, EndpointSeen, Scored

Folders = Callable[[str, str, Path], None]


class DatabricksEndpoints:
    """`folders(model, hash, into)` copies a published folder into an empty folder, checked against its hash.

    Names of endpoints are unique in a workspace, so an endpoint's is the model's with six digits of the schema's hash.
    """

    def __init__(
        self,
        service: Service,
        folders: Folders,
        serving: Serving,
        *,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = service
        self._folders = folders
        self._serving = serving
        self._pause = pause
        self._changing = threading.Lock()
        self._versions: dict[tuple[str, str], str] = {}

    def deploy(self, request: DeployRequest) -> None:
        with tempfile.TemporaryDirectory() as scratch, self._changing:
            self._service.ask(f"deploy {request.name}", partial(self._deploy, request, Path(scratch)))

    def look(self, model: str) -> EndpointSeen | None:
        return self._service.ask(f"look at the endpoint of {model}", partial(self._look, model))

    def set_traffic(self, model: str, split: Mapping[str, int], *, expected: Mapping[str, int]) -> None:
        wanted, before = whole(model, split), {name: share for name, share in expected.items() if share}
        with self._changing:
            self._service.ask(f"set the traffic of {model}", partial(self._set_traffic, model, wanted, before))

    def mirror(self, model: str, deployment: str, percent: int) -> None:
        """Refused: a serving endpoint sends no copies. 0 percent is what it does already."""
        if percent:
            raise DatabricksRefused(
                f"Databricks serving cannot mirror {percent} % of the requests of {model} to {deployment}.",
                next="leave mirroring out, or serve on Azure ML: its managed endpoints mirror",
            )

    def remove(self, model: str, name: str) -> None:
        with self._changing:
            self._service.ask(f"remove {name}", partial(self._remove, model, name))

    def follow(self, model: str, serves: Following) -> None:
        if serves.asks:
            raise DatabricksRefused(
                f"{model} asks for {serves.asks}, and Baton makes no monitors and no batch endpoints through Databricks.",
                next="take that out of model.yaml and publish, or move the model to a workspace of SDK v2; then discard this",
            )

    def score(self, model: str, body: str, *, deployment: str = "") -> Scored:
        ask = f"score with {model}"
        return self._service.ask(
            ask, lambda workspace: score(endpoint_name(model, workspace), body, deployment, workspace)
        )

    def _deploy(self, request: DeployRequest, scratch: Path, workspace: Workspace) -> None:
        one = self._made(request.model, scratch, workspace)
        if already := deployments(one).get(request.name):
            version = self._version_of(request.model, already[0], workspace)
            if version != request.version:
                raise NameTaken(
                    f"{request.name} serves version {version}, and not {request.version}.", next="remove it first"
                )
            return
        until_still(one)
        now = active(one)
        if not now.entities:
            raise DatabricksRefused(
                f"the endpoint {endpoint_name(request.model, workspace)} could not be made.",
                next="read the build logs of its entity `closed`, delete the endpoint, then `baton retry`",
            )
        remove_packs(request.model, {*now.entities, request.name}, workspace)
        folder, files, pyfunc = scratch / "folder", scratch / "files", scratch / "pyfunc"
        folder.mkdir()
        self._folders(request.model, request.folder, folder)
        files.mkdir()
        download(request.model, request.version, files, workspace)
        pack(pyfunc, request.name, request.version, folder, files)
        tags = {VERSION_TAG: request.version, "baton.folder": request.folder}
        number = packed_version(request.model, request.name, tags, pyfunc, workspace)
        more = entity(request.name, workspace.model(serving_model(request.model)), number, self._serving)
        change(request.model, {**now.entities, request.name: more}, now.split, workspace)

    def _made(self, model: str, scratch: Path, workspace: Workspace) -> Document:
        """The endpoint, made with the entity that answers 503 if there is none. `CapacityRefused` while that lasts."""
        if one := read(model, workspace):
            return one
        pack(scratch / CLOSED, CLOSED, "")
        number = packed_version(model, CLOSED, {}, scratch / CLOSED, workspace)
        make(model, entity(CLOSED, workspace.model(serving_model(model)), number, self._serving), workspace)
        return there(model, workspace)

    def _look(self, model: str, workspace: Workspace) -> EndpointSeen | None:
        one = read(model, workspace)
        if one is None:
            return None
        shares, shown = active(one).split, deployments(one)
        counted = self._counted(model, shown, workspace) if shares else {}
        seen = [
            Deployment(
                name,
                self._version_of(model, entity, workspace),
                state,
                shares.get(name, 0),
                counted.get(name, Counted()).requests,
                counted.get(name, Counted()).errors,
                reason,
            )
            for name, (entity, state, reason) in sorted(shown.items())
        ]
        return EndpointSeen(model, tuple(seen))

    def _counted(self, model: str, shown: Mapping[str, Any], workspace: Workspace) -> dict[str, Counted]:
        made = [int(entity.get("creation_timestamp") or 0) for entity, _state, _reason in shown.values()]
        since = datetime.fromtimestamp(min(made, default=0) / 1000, UTC)
        return counts(model, shown, self._serving.warehouse, since, workspace)

    def _set_traffic(
        self, model: str, wanted: Mapping[str, int], expected: Mapping[str, int], workspace: Workspace
    ) -> None:
        one = there(model, workspace)
        now, next = active(one), pending(one)
        if now.split == wanted and (next is None or not updating(one) or next.split == wanted):
            return
        until_still(one)
        if now.split != expected:
            raise TrafficMoved(
                f"the traffic of {model} is {now.split}, not {dict(expected)} as expected.",
                next="look at what serves now",
            )
        if missing := sorted(set(wanted) - set(now.entities)):
            raise NotThere(f"{model} has no deployment {', '.join(missing)}.", next="deploy it first")
        change(model, now.entities, wanted, workspace)
        self._until_it_shows(model, wanted, workspace)

    def _until_it_shows(self, model: str, wanted: Mapping[str, int], workspace: Workspace) -> None:
        for one in range(READS):
            if one:
                self._pause(READ_AGAIN_SECONDS)
            if active(there(model, workspace)).split == wanted:
                return
        raise busy(f"the traffic of {model} was set and does not show yet.")

    def _remove(self, model: str, name: str, workspace: Workspace) -> None:
        one = read(model, workspace)
        if one is None:
            return
        now = active(one)
        if share := now.split.get(name):
            raise TrafficMoved(f"{name} has {share} % of the traffic.", next="take it away first")
        if name in deployments(one):
            until_still(one)
            kept = {other: entity for other, entity in now.entities.items() if other != name}
            change(model, kept, now.split, workspace)  # with the same config, for one that could not be made
            one = there(model, workspace)
        if not updating(one):
            remove_packs(model, set(active(one).entities), workspace)

    def _version_of(self, model: str, entity: Document, workspace: Workspace) -> str:
        """The version that an entity serves, which never changes: by the tag of what was packed, or a model's own number."""
        full, number = str(entity.get("entity_name")), str(entity.get("entity_version"))
        if full != workspace.model(serving_model(model)):
            return number
        if (full, number) not in self._versions:
            one = version_of(serving_model(model), number, workspace)
            self._versions[full, number] = tags_of(one).get(VERSION_TAG, "") if one else ""
        return self._versions[full, number]
