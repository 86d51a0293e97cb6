"""Files in the datastores of an Azure ML workspace: what a run left, and what a model version is made of.

A datastore is a container of a storage account. Where the workspace keeps no secret for it, the app's own identity
reads it (it needs Storage Blob Data Reader on that account), else a token that the workspace gives out for an hour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.platforms.azureml_errors import AzureMLRefused
from shared.platforms.azureml_v2_service import LIMITS, Workspace

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

ARTIFACTS = "workspaceartifactstore"
READERS = 8
_OF_STORE = re.compile(r"azureml:.*/datastores/(?P<store>[^/]+)/(?:paths/)?(?P<path>.+)")
_OF_JOB = re.compile(r"azureml:.*/jobs/(?P<job>[^/]+)/outputs/artifacts/(?:paths/)?(?P<path>.+)")


class Place:
    """A folder, or a file, of a datastore.

    >>> str(Place.of("azureml://jobs/pulse-0001-t-1/outputs/artifacts/paths/outputs/model/"))
    'workspaceartifactstore: ExperimentRun/dcid.pulse-0001-t-1/outputs/model'
    >>> str(Place.of("azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/LocalUpload/1/m"))
    'd: LocalUpload/1/m'
    """

    def __init__(self, store: str, path: str) -> None:
        self.store = store
        self.path = path.strip("/")

    def __str__(self) -> str:
        return f"{self.store}: {self.path}"

    @classmethod
    def of_run(cls, run_id: str, path: str) -> Place:
        """Where Azure ML keeps what a run wrote below ./outputs and ./logs."""
        return cls(ARTIFACTS, f"ExperimentRun/dcid.{run_id}/{path}")

    @classmethod
    def of(cls, uri: str) -> Place:
        """The place that a model's address names; `AzureMLRefused` for an address of another kind."""
        if found := _OF_JOB.fullmatch(uri):
            return cls.of_run(found["job"], found["path"])
        if found := _OF_STORE.fullmatch(uri):
            return cls(found["store"], found["path"])
        raise AzureMLRefused(
            f"{uri!r} is neither in a datastore nor among a job's outputs.",
            next="register the model from a run, or from a datastore of the workspace",
        )


def read(workspace: Workspace, place: Place) -> bytes | None:
    """A file's bytes; None if there is none."""
    return read_all(workspace, [place])[0]


def read_all(workspace: Workspace, places: Sequence[Place]) -> list[bytes | None]:
    """The bytes of files of one datastore, in their order; None for one that is not there."""
    from azure.core.exceptions import ResourceNotFoundError

    if not places:
        return []
    with _container(workspace, places[0].store) as container, ThreadPoolExecutor(READERS) as readers:

        def one(place: Place) -> bytes | None:
            try:
                return bytes(container.download_blob(place.path).readall())
            except ResourceNotFoundError:
                return None

        return list(readers.map(one, places))


def names(workspace: Workspace, place: Place) -> list[str]:
    """The paths of all files below a folder, relative to it."""
    with _container(workspace, place.store) as container:
        return [name for name, _ in _below(container, place)]


def fetch(workspace: Workspace, place: Place, into: Path) -> int:
    """Copy a folder's files into `into`, or the one file that it is; returns how many there were."""
    count = 0
    with _container(workspace, place.store) as container:
        for name, blob in _below(container, place):
            target = (into / name).resolve()
            if not target.is_relative_to(into.resolve()):
                raise AzureMLRefused(
                    f"{blob} in datastore {place.store} would be written outside its folder.",
                    next="see who wrote it; register the model again without it",
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                container.download_blob(blob).readinto(file)
            count += 1
    return count


def _below(container: ContainerClient, place: Place) -> Iterator[tuple[str, str]]:
    """Relative path and blob name of each file at or below a place. Markers of empty folders are no files."""
    for blob in container.list_blobs(name_starts_with=place.path, include=["metadata"]):
        if (blob.metadata or {}).get("hdi_isfolder"):
            continue
        if blob.name == place.path:
            yield place.path.rpartition("/")[2], blob.name
        elif blob.name.startswith(f"{place.path}/"):
            yield blob.name[len(place.path) + 1 :], blob.name


def _container(workspace: Workspace, store: str) -> ContainerClient:
    from azure.ai.ml.entities import AzureBlobDatastore, NoneCredentialConfiguration
    from azure.storage.blob import ContainerClient

    found = workspace.client.datastores.get(store)
    if not isinstance(found, AzureBlobDatastore):
        raise AzureMLRefused(
            f"datastore {store} is {found.type}, not a container of blobs.", next="use a blob datastore"
        )
    credential: Any = workspace.identity
    if not isinstance(found.credentials, NoneCredentialConfiguration):
        secret = workspace.client.datastores.get(store, include_secrets=True).credentials
        credential = getattr(secret, "sas_token", None) or getattr(secret, "account_key", None)
    account = f"{found.protocol or 'https'}://{found.account_name}.blob.{found.endpoint or 'core.windows.net'}"
    return ContainerClient(account, found.container_name, credential=credential, **LIMITS)
