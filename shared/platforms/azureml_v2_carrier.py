"""Versions carried between workspaces through an Azure ML registry, with azure-ai-ml (SDK v2).

Sharing is the service's own import of a version into the registry. Receiving is a version of the other workspace, made of
the files as they were fetched and compared, so that it passes the gates there and stays when the registry goes.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.platforms.azureml_errors import AzureMLRefused, NotThere, named
from shared.platforms.azureml_run import READ_AGAIN_SECONDS, READS
from shared.platforms.azureml_service import Service
from shared.platforms.azureml_v2_changes import or_wait
from shared.platforms.azureml_v2_numbers import take_number
from shared.platforms.azureml_v2_registry import version_of, versions_of
from shared.platforms.azureml_v2_service import LIMITS, Workspace, found
from shared.platforms.port import CARRIED_TAG

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

SHARE_SECONDS = 900.0  # the service copies the files in this time, or is asked again
WORKSPACE_API = "2023-04-01"


class AzureMLV2Carrier:
    """To and from the registry with this name. `service` is the workspace's, with a deadline that lets a copy end."""

    def __init__(self, service: Service, registry: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._service = service
        self._registry = registry
        self._pause = pause
        self._receiving = threading.Lock()

    def share(self, model: str, version: str, label: str) -> None:
        asked = partial(self._share, model, version, label)
        self._service.ask(f"share version {version} of {model} in registry {self._registry}", asked)

    def fetch(self, model: str, label: str, into: Path) -> None:
        into.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=into.parent) as draft:
            asked = partial(self._download, model, label, Path(draft))
            files = self._service.ask(f"fetch {label} of {model} from registry {self._registry}", asked)
            shutil.rmtree(into, ignore_errors=True)
            files.rename(into)

    def receive(self, model: str, files: Path, *, carried: str, tags: Mapping[str, str]) -> str:
        with self._receiving:
            asked = partial(self._receive, model, files, carried, tags)
            return self._service.ask(f"register {carried} as a version of {model}", asked)

    def _share(self, model: str, version: str, label: str, workspace: Workspace) -> None:
        """Have it copied unless it is there. After any error look for it: the import, or another caller's, may have worked."""
        from azure.ai.ml.entities import WorkspaceModelReference

        registry = self._client(workspace)
        if self._shared(registry, model, label, workspace, reads=1):
            return
        if version_of(model, version, workspace) is None:
            raise NotThere(
                f"Azure ML has no version {version} of {model} to share.", next="look at its versions in the studio"
            )
        wanted = WorkspaceModelReference(name=model, version=label, asset_id=_asset_id(model, version, workspace))
        try:
            registry.models.create_or_update(wanted)
        except Exception as error:
            if not self._shared(registry, model, label, workspace, reads=READS):
                raise or_wait(named(error, f"share version {version} of {model}")) from error

    def _client(self, workspace: Workspace) -> MLClient:
        """The SDK's client of the registry, which asks at once where it lies. Its sign-in is the SDK's own, and so is made anew."""
        from azure.ai.ml import MLClient

        options = {"show_progress": False, "enable_telemetry": False, **LIMITS}

        def connect() -> MLClient:
            return MLClient(workspace.identity, registry_name=self._registry, cloud="AzureCloud", **options)

        client = found(workspace, connect, f"find registry {self._registry}")
        if client is None:
            raise NotThere(
                f"There is no Azure ML registry {self._registry}.",
                next="make one (`az ml registry create`), and give this identity the role AzureML Registry User on it",
            )
        return client

    def _shared(self, registry: MLClient, model: str, label: str, workspace: Workspace, *, reads: int) -> Any | None:
        get = partial(registry.models.get, model, label)
        for one in range(reads):
            if one:
                self._pause(READ_AGAIN_SECONDS)
            if there := found(workspace, get, f"read {label} of {model} in registry {self._registry}"):
                return there
        return None

    def _download(self, model: str, label: str, into: Path, workspace: Workspace) -> Path:
        """Fetch into an empty folder; the folder in which the files lie then, below what the SDK makes."""
        registry = self._client(workspace)
        if not self._shared(registry, model, label, workspace, reads=READS):
            raise NotThere(
                f"Registry {self._registry} has no {label} of {model}.", next=f"look at its versions: {self._looking}"
            )
        registry.models.download(model, label, into)
        found_files = [path.parent for path in into.rglob("*") if path.is_file()]
        if not found_files:
            raise AzureMLRefused(
                f"{label} of {model} in registry {self._registry} has no files.",
                next=f"see what was shared: {self._looking}",
            )
        below = into / model
        inner = [path for path in below.iterdir() if path.is_dir()]
        return inner[0] if len(inner) == 1 and not any(path.is_file() for path in below.iterdir()) else below

    @property
    def _looking(self) -> str:
        return f"`az ml model list --registry-name {self._registry}`"

    def _receive(self, model: str, files: Path, carried: str, tags: Mapping[str, str], workspace: Workspace) -> str:
        def mine(versions: list[Any]) -> Any | None:
            return next((one for one in versions if (one.properties or {}).get(CARRIED_TAG) == carried), None)

        known = versions_of(model, workspace)
        one = mine(known) or take_number(
            model,
            known,
            create=lambda number: _create(model, number, files, carried, tags, workspace),
            mine=lambda: mine(versions_of(model, workspace)),
            read=lambda number: version_of(model, number, workspace),
        )
        return str(one.version)


def _asset_id(model: str, version: str, workspace: Workspace) -> str:
    told = workspace.ask(f"{workspace.resource_id}?api-version={WORKSPACE_API}")
    where = f"azureml://locations/{told['location']}/workspaces/{told['properties']['workspaceId']}"
    return f"{where}/models/{model}/versions/{version}"


def _create(
    model: str, number: str, files: Path, carried: str, tags: Mapping[str, str], workspace: Workspace
) -> Exception | None:
    """Upload the files and write the version; the error, if any: it may have worked all the same, or the number may be taken."""
    from azure.ai.ml.entities import Model

    marks = {**tags, CARRIED_TAG: carried}
    made = Model(name=model, version=number, path=str(files), tags=marks, properties={CARRIED_TAG: carried})
    try:
        workspace.client.models.create_or_update(made)
    except Exception as error:  # noqa: BLE001 - whoever asked looks at what came of it
        return named(error, f"register {carried} as version {number} of {model}")
    return None
