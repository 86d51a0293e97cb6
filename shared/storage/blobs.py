"""Blobs on Azure storage (or Azurite through the blob front), by azure-storage-blob."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobServiceClient, ContentSettings

from shared.storage.clients import UNANSWERED, said
from shared.storage.earlier import erase_earlier
from shared.storage.port import BlobFull, BlobMissing, BlobSeen, StorageBusy

CHUNK = 4 * 1024 * 1024
SOURCE_ROOM = 200


class AzureBlobs:
    """`Blobs` over one account's client. Safe to share between threads."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._service = service

    def look(self, container: str, name: str) -> BlobSeen | None:
        try:
            seen = self._service.get_blob_client(container, name).get_blob_properties()
        except ResourceNotFoundError:
            return None
        except UNANSWERED as error:
            raise _busy(error) from error
        return BlobSeen(name, seen.etag.strip('"'), seen.size, str(seen.metadata.get("source", ""))[:SOURCE_ROOM])

    def fetch(self, container: str, name: str, into: Path, *, etag: str = "") -> None:
        try:
            stream = self._service.get_blob_client(container, name).download_blob(**_if_match(etag))
            with into.open("wb") as file:
                for chunk in stream.chunks():
                    file.write(chunk)
            written = stream.properties.last_modified.timestamp()
            os.utime(into, (written, written))
        except (ResourceNotFoundError, ResourceModifiedError) as error:
            raise _missing(container, name, etag) from error
        except UNANSWERED as error:
            raise _busy(error) from error

    def read(self, container: str, name: str) -> bytes:
        try:
            return self._service.get_blob_client(container, name).download_blob().readall()
        except ResourceNotFoundError as error:
            raise _missing(container, name, "") from error
        except UNANSWERED as error:
            raise _busy(error) from error

    def put(self, container: str, name: str, content: bytes | Path, *, content_type: str) -> None:
        client = self._service.get_blob_client(container, name)
        settings = ContentSettings(content_type=content_type)
        try:
            if isinstance(content, bytes):
                client.upload_blob(content, overwrite=False, content_settings=settings)
            else:
                with content.open("rb") as file:
                    client.upload_blob(file, overwrite=False, content_settings=settings)
        except ResourceExistsError:
            return
        except UNANSWERED as error:
            raise _busy(error) from error

    def append(self, container: str, name: str, content: bytes) -> None:
        client = self._service.get_blob_client(container, name)
        try:
            try:
                client.append_block(content)
            except ResourceNotFoundError:
                _make_append_blob(client)
                client.append_block(content)
        except HttpResponseError as error:
            if str(getattr(error, "error_code", "")).endswith("BlockCountExceedsLimit"):
                raise BlobFull(f"{container}/{name} takes no more blocks", next="append to another blob") from error
            raise _busy(error) from error
        except UNANSWERED as error:
            raise _busy(error) from error

    def tag(
        self, container: str, name: str, tags: Mapping[str, str], *, etag: str = "", unless: Sequence[str] = ()
    ) -> bool:
        seen = self.look(container, name)
        if seen is None or (etag and seen.etag != etag):
            return False
        if unless and self.tags_of(container, name).get("baton") in unless:
            return False
        try:
            self._service.get_blob_client(container, name).set_blob_tags(dict(tags), **_if_not_said(unless))
        except (ResourceNotFoundError, ResourceModifiedError):
            return False
        except UNANSWERED as error:
            raise _busy(error) from error
        return True

    def remove(self, container: str, name: str, *, etag: str = "") -> bool:
        was_there = True
        try:
            self._service.get_blob_client(container, name).delete_blob(delete_snapshots="include", **_if_match(etag))
        except ResourceModifiedError:
            return False
        except ResourceNotFoundError:
            was_there = False
        except UNANSWERED as error:
            raise _busy(error) from error
        self.erase_earlier(container, name)
        return was_there

    def erase_earlier(self, container: str, name: str) -> int:
        try:
            return erase_earlier(self._service.get_container_client(container), name)
        except ResourceNotFoundError:
            return 0
        except UNANSWERED as error:
            raise _busy(error) from error

    def tags_of(self, container: str, name: str) -> Mapping[str, str]:
        try:
            return dict(self._service.get_blob_client(container, name).get_blob_tags())
        except ResourceNotFoundError:
            return {}
        except UNANSWERED as error:
            raise _busy(error) from error

    def names(self, container: str, prefix: str) -> Iterable[str]:
        try:
            return list(self._service.get_container_client(container).list_blob_names(name_starts_with=prefix))
        except UNANSWERED as error:
            raise _busy(error) from error

    def listed(self, container: str, prefix: str) -> Iterable[BlobSeen]:
        try:
            found = list(self._service.get_container_client(container).list_blobs(name_starts_with=prefix))
        except UNANSWERED as error:
            raise _busy(error) from error
        return [BlobSeen(one.name, one.etag.strip('"'), one.size) for one in found]


def _make_append_blob(client: BlobClient) -> None:
    """Make it if it is not there; two that make it at once get one."""
    settings = ContentSettings(content_type="application/jsonl")
    try:
        client.create_append_blob(settings, match_condition=MatchConditions.IfMissing)
    except (ResourceExistsError, ResourceModifiedError):
        return


def _if_match(etag: str) -> dict[str, Any]:
    return {"etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified} if etag else {}


def _if_not_said(words: Sequence[str]) -> dict[str, Any]:
    """Header x-ms-if-tags (learn.microsoft.com/rest/api/storageservices/set-blob-tags), which Azurite takes and ignores."""
    condition = " AND ".join(f"\"baton\" <> '{word}'" for word in words)
    return {"if_tags_match_condition": condition} if words else {}


def _missing(container: str, name: str, etag: str) -> BlobMissing:
    with_etag = f" with ETag {etag}" if etag else ""
    return BlobMissing(f"{container}/{name}{with_etag} is not there", next="drop the file again if it is still wanted")


def _busy(error: Exception) -> StorageBusy:
    return StorageBusy(f"blob storage: {said(error)}", next="this is tried again by itself")
