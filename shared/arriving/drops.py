"""Drops: what storage tells of a blob that landed, whose subject, URL and account must agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from shared import events, names
from shared.arriving.delivered import Delivered, Routed
from shared.arriving.fields import TEXT_LONGEST, model_of, refused, text

CONTAINER = "incoming"
SUBJECT = re.compile(r"/blobServices/default/containers/(?P<container>[^/]+)/blobs/(?P<blob>.+)", re.DOTALL)
WRITES = ("PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose")
BLOB_LONGEST, URL_LONGEST = 1024, 4096
# Control characters, backslash, line separators, and marks that turn the reading direction
NOT_A_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\\\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def blob_created(delivered: Delivered, data: Mapping[str, Any], now: datetime) -> Routed:
    """A blob that is complete; its model is the first folder of its path."""
    match = SUBJECT.fullmatch(delivered.subject)
    if match is None or match["container"] != CONTAINER:
        raise refused(f"subject {delivered.subject!r} is not a blob in container {CONTAINER}")
    blob = match["blob"]
    _check_path(blob)
    url = text(data, "url", URL_LONGEST)
    if not _names_blob(url, delivered.topic.rsplit("/", 1)[-1].lower(), blob):
        raise refused(f"subject names blob {blob!r} of that account, data.url {url!r}")
    if data.get("api") not in WRITES:
        raise refused(f"data.api {data.get('api')!r} does not complete a blob")
    size, etag = data.get("contentlength"), text(data, "eTag").strip('"')
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise refused(f"data.contentLength is {size!r}, must be a number of bytes")
    identity = names.identity_key(delivered.topic.lower(), CONTAINER, blob, etag)
    api, sequencer = str(data["api"]), str(data.get("sequencer", ""))[:TEXT_LONGEST]
    event = events.DataLanded(
        id=identity, at=now, container=CONTAINER, blob=blob, etag=etag, size=size, api=api, sequencer=sequencer
    )
    return Routed(model_of(blob.split("/", 1)[0]), event)


def _names_blob(url: str, account: str, blob: str) -> bool:
    """Whether a URL is this blob's: the account is the host's first label, or for Azurite the path's first part."""
    host, _, path = url.partition("://")[2].partition("/")
    if host.split(".")[0].lower() != account:
        first, _, path = path.partition("/")
        if first.lower() != account:
            return False
    return f"{CONTAINER}/{blob}" in (path, unquote(path))


def _check_path(blob: str) -> None:
    size = len(blob.encode())
    if size > BLOB_LONGEST:
        raise refused(f"the blob's name has {size} bytes, at most {BLOB_LONGEST} are taken")
    parts = blob.split("/")
    if len(parts) < 2 or "" in parts or any(part in (".", "..") for part in parts):
        raise refused(f"blob {blob!r} is not <model>/<file>, or holds an empty or dotted part")
    if NOT_A_NAME.search(blob) or ".." in unquote(blob).split("/"):
        raise refused(f"blob {blob!r} holds a control or direction character, a backslash or a hidden '..'")
