"""Uploading drops as any storage client would: a file, or the parts of a folder and then the file that closes it."""

from __future__ import annotations

import getpass
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli.address import Address
from cli.checks import model_folder
from cli.telling import SaidNo
from shared.errors import Retryable

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError
    from azure.storage.blob import BlobClient, ContainerClient

INCOMING = "incoming"
VERDICTS = ("accepted", "refused", "held")


def _waits(blob: str) -> SaidNo:
    what = f"{INCOMING}/{blob} is there already, and its verdict is not told yet."
    return SaidNo(what, next="wait for it, or drop yours under another --name")


def uploader() -> str:
    """Who drops, as their own machine says, in ASCII; "" where it does not know."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        return ""
    return f"uploader {name.encode('ascii', 'replace').decode()}"


def client_of(at: Address, blob: str) -> BlobClient:
    """A client of one drop. Where BATON_DATA has no key, who is signed in on this machine drops (`az login`)."""
    return _container(at).get_blob_client(blob)


def _container(at: Address) -> ContainerClient:
    from azure.storage.blob import LinearRetry

    from shared.storage.clients import blob_service

    over_the_internet = {"connection_timeout": 20, "read_timeout": 60}
    once_more = LinearRetry(backoff=1, retry_total=1, random_jitter_range=1)
    service = blob_service(at.setting("BATON_DATA"), retry_policy=once_more, **over_the_internet)
    return service.get_container_client(INCOMING)


@contextmanager
def told_plainly(blob: str) -> Iterator[None]:
    """What storage's client raises becomes an error with the next step."""
    from azure.core.exceptions import AzureError

    try:
        yield
    except AzureError as error:
        why = error.message.splitlines()[0] if error.message else type(error).__name__
        raise Retryable(f"Storage did not take or show {INCOMING}/{blob}: {why}", next=_mends(error)) from error


def _mends(error: AzureError) -> str:
    """Storage Blob Data Contributor has no right on index tags (learn.microsoft.com/azure/role-based-access-control/built-in-roles)."""
    from azure.core.exceptions import ClientAuthenticationError

    if isinstance(error, ClientAuthenticationError) and error.status_code is None:
        return "sign in with `az login`; who drops needs Storage Blob Data Contributor on the account"
    if getattr(error, "status_code", None) == 403:
        role = "dropping needs Storage Blob Data Contributor on the account"
        return f"{role}; reading a verdict (--wait, or a name that is there) Storage Blob Data Owner, else `baton explain MODEL`"
    return "`baton doctor`"


def upload(client: BlobClient, file: Path, blob: str, source: str = "") -> None:
    """Upload a file; `SaidNo` where a drop of that name still waits for its verdict."""
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

    waits = _waits(blob)
    named = {"source": source} if source else {}
    with told_plainly(blob), file.open("rb") as content:
        try:
            client.upload_blob(content, overwrite=False, metadata=named)
        except ResourceExistsError:
            etag = client.get_blob_properties().etag
            if client.get_blob_tags().get("baton") not in VERDICTS:
                raise waits from None
            content.seek(0)
            unchanged = MatchConditions.IfNotModified
            try:
                client.upload_blob(content, overwrite=True, etag=etag, match_condition=unchanged, metadata=named)
            except ResourceModifiedError:
                raise waits from None


def upload_folder(at: Address, model: str, folder: Path, name: str, source: str = "") -> str:
    """Upload a folder of parts as the blobs below `name`, the file that closes it last; returns that one's name.

    `SaidNo` where the folder would be refused by its names alone, where one of that name still waits for its verdict, or
    where storage holds files there that yours has not.
    """
    from shared.data.folders import on_disk
    from shared.data.part_manifest import manifest_of
    from shared.files.folder_names import is_manifest

    closed_by = _closed_by(model)
    _, found, closer = on_disk(folder, closed_by)
    wrong = next((problem for problem in found.problems if problem.severity == "error"), None)
    if wrong:
        raise SaidNo(f"{folder} is not dropped: {wrong.what}.", next=wrong.remedy)
    last = (folder / closer).read_bytes() if closer else b""
    if not closer and is_manifest(closed_by):
        last = manifest_of(folder, found.parts)
    client = client_of(at, f"{name}/{closed_by}")
    with told_plainly(name):
        _open_again(client, f"{name}/{closed_by}")
        _check_others(at, name, {*found.parts, closed_by})
        for part in found.parts:
            with (folder / part).open("rb") as content:
                client_of(at, f"{name}/{part}").upload_blob(content, overwrite=True)
        client.upload_blob(last, overwrite=True, metadata={"source": source} if source else {})
    return f"{name}/{closed_by}"


def _closed_by(model: str) -> str:
    with model_folder(model, wants_published=True) as (_, data):
        if data.closed_by:
            return data.closed_by
    what = f"{model} takes single files: its model.yaml names no data.closed_by."
    raise SaidNo(what, next="drop the files one by one, or add closed_by: _SUCCESS and publish the folder")


def _open_again(client: BlobClient, closer: str) -> None:
    """Take away the file that closed a folder of this name before, once its verdict is told."""
    if not client.exists():
        return
    if client.get_blob_tags().get("baton") not in VERDICTS:
        raise _waits(closer)
    client.delete_blob(delete_snapshots="include")


def _check_others(at: Address, name: str, ours: Collection[str]) -> None:
    there = (blob.removeprefix(f"{name}/") for blob in _container(at).list_blob_names(name_starts_with=f"{name}/"))
    others = [one for one in there if one not in ours]
    if others:
        what = f"{INCOMING}/{name} holds {len(others)} files that yours has not, like {others[0]}."
        raise SaidNo(what, next="drop yours under another --name")
