"""Which requests to a blob service make a blob, and the BlobCreated event that Azure would raise for them. Pure.

Shape: https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage and the captures named in
tests/events/SOURCES.md. Not documented, so chosen here: Put Blob From URL says `PutBlob`; the subject holds the blob's
name as it is, `data.url` percent-encoded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote

from local.wire import Event, wire_time


@dataclass(frozen=True, slots=True)
class Write:
    """A request that makes a blob if it succeeds. Names are decoded; `client_request_id` may be empty."""

    api: str
    container: str
    blob: str
    client_request_id: str = ""

    @property
    def name(self) -> str:
        """Container and blob: what has one order of writes."""
        return f"{self.container}/{self.blob}"


@dataclass(frozen=True, slots=True)
class Made:
    """The blob that a write made. `etag` is bare, `bytes` its whole length."""

    etag: str
    content_type: str
    bytes: int
    blob_type: str


def write_of(method: str, target: str, headers: Mapping[str, str]) -> Write | None:
    """The write that a request asks for (`target` is its raw path and query, the account first), or None.

    >>> write_of("PUT", "/devstoreaccount1/incoming/diabetes/a%20b.csv?comp=blocklist", {})
    Write(api='PutBlockList', container='incoming', blob='diabetes/a b.csv', client_request_id='')
    >>> write_of("PUT", "/devstoreaccount1/incoming/diabetes/a.csv?comp=block&blockid=MQ%3D%3D", {}) is None
    True
    """
    path, _, query = target.partition("?")
    asked = {key.lower(): value.lower() for key, value in parse_qsl(query, keep_blank_values=True)}
    parts = path.split("/", 3)
    if method != "PUT" or "restype" in asked or len(parts) < 4 or not parts[3]:
        return None
    api = _api(asked.get("comp", ""), headers)
    return Write(api, unquote(parts[2]), unquote(parts[3]), headers.get("x-ms-client-request-id", "")) if api else None


def _api(comp: str, headers: Mapping[str, str]) -> str:
    if comp == "blocklist":
        return "PutBlockList"
    if comp:
        return ""
    if "x-ms-blob-type" in headers:
        return "PutBlob"
    return "CopyBlob" if "x-ms-copy-source" in headers else ""


def made_by_put(headers: Mapping[str, str], answer: Mapping[str, str]) -> Made | None:
    """What a Put Blob made, if request and answer alone tell; None if the blob must be asked."""
    plain = headers.get("x-ms-blob-type", "").lower() == "blockblob" and "x-ms-copy-source" not in headers
    if not plain or "Content-Length" not in headers or "x-ms-structured-body" in headers:
        return None
    kind = headers.get("x-ms-blob-content-type") or headers.get("Content-Type") or "application/octet-stream"
    return Made(answer.get("ETag", "").strip('"'), kind, int(headers["Content-Length"]), "BlockBlob")


def blob_created(write: Write, made: Made, *, request_id: str, number: int, endpoint: str, at_ns: int) -> Event:
    """The event. `number` orders the writes of one name, `endpoint` is the advertised URL with the account."""
    sequencer = f"{number:048d}"
    path = f"{write.container}/{quote(write.blob)}"
    data: dict[str, object] = {
        "api": write.api,
        "requestId": request_id,
        "eTag": made.etag,
        "contentType": made.content_type,
        "contentLength": made.bytes,
        "blobType": made.blob_type,
        "url": f"{endpoint}/{path}",
        "sequencer": sequencer,
        "storageDiagnostics": {"batchId": f"{request_id[:-6]}000000"},
    }
    if write.client_request_id:
        data["clientRequestId"] = write.client_request_id
    return {
        "id": request_id[:-6] + hashlib.sha256(sequencer.encode()).hexdigest()[:6],
        "subject": f"/blobServices/default/containers/{write.container}/blobs/{write.blob}",
        "eventType": "Microsoft.Storage.BlobCreated",
        "eventTime": wire_time(at_ns),
        "data": data,
        "dataVersion": "",
    }
