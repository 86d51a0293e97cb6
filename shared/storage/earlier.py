"""What an account with versioning and soft delete keeps of a blob beside its current state, and erasing that for good.

There an overwritten or deleted blob stays as an earlier version, a deleted version or snapshot stays soft-deleted for the
account's days, and only a soft-deleted one may be erased at once: Delete Blob with `deletetype`, which the account must
allow (`allowPermanentDelete`) and a Storage Blob Data Owner may ask (learn.microsoft.com/rest/api/storageservices/delete-blob,
"Permanent delete"). azure-storage-blob passes it on as `blob_delete_type`, without declaring it (12.27).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobProperties, ContainerClient

from shared.errors import Permanent
from shared.storage.clients import said

KEPT = ["versions", "snapshots", "deleted"]
REFUSED = (400, 403, 409)


class KeptByStorage(Permanent):
    """Storage keeps deleted bytes that it does not let us erase before its days are over."""


def erase_earlier(container: ContainerClient, name: str) -> int:
    """Erase a blob's earlier versions and snapshots, soft-deleted ones too; returns how many. The current state stays.

    Safe to repeat. `KeptByStorage` where the account does not allow it: then all of them are soft-deleted. A soft-deleted blob
    of an account without versioning is none of these: nobody can erase it before its days are over.
    """
    for one in _earlier(container, name):
        if not one.deleted:
            _delete(container, one)
    left = [one for one in _earlier(container, name) if one.deleted]
    for one in left:
        try:
            _delete(container, one, blob_delete_type="Permanent")
        except HttpResponseError as error:
            if error.status_code not in REFUSED:
                raise
            what = f"{container.container_name}/{name} is deleted, and storage keeps {len(left)} earlier states of it"
            step = "set allowPermanentDelete, give the app Storage Blob Data Owner, and replay; or wait for soft delete's days"
            raise KeptByStorage(f"{what}: {said(error)}", next=step) from error
    return len(left)


def _earlier(container: ContainerClient, name: str) -> Iterator[BlobProperties]:
    for one in container.list_blobs(name_starts_with=name, include=KEPT):
        if one.name == name and not one.is_current_version and (one.version_id or one.snapshot):
            yield one


def _delete(container: ContainerClient, one: BlobProperties, **how: Any) -> None:
    version = {} if one.snapshot else {"version_id": one.version_id}
    try:
        container.get_blob_client(one.name, snapshot=one.snapshot).delete_blob(**version, **how)
    except ResourceNotFoundError:
        return
