"""As much of blob storage as an SDK that uploads and downloads folders needs, for any account, in memory.

Routes and shapes: Put Blob, Get Blob, Get Blob Properties, Set Blob Metadata, List Blobs of the Blob service REST API.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from xml.sax.saxutils import escape

from tests.wire.server import Answer, Asked

BLOB = "/(?P<container>[a-z0-9-]+)/(?P<name>.+)"


class BlobWire:
    """`files` by container and name. `allowed` says whether a request may; one that may not is answered 403."""

    def __init__(self, allowed: Callable[[Asked], bool]) -> None:
        self.files: dict[tuple[str, str], bytes] = {}
        self.metadata: dict[tuple[str, str], dict[str, str]] = {}
        self._allowed = allowed

    def add_routes(self, route: Callable[[str, str, Callable[..., Answer]], None]) -> None:
        route("GET", "/(?P<container>[a-z0-9-]+)", self._guarded(self._list))
        route("PUT", BLOB, self._guarded(self._put))
        route("GET", BLOB, self._guarded(self._get))
        route("HEAD", BLOB, self._guarded(self._get))

    def _guarded(self, answer: Callable[..., Answer]) -> Callable[..., Answer]:
        def guarded(asked: Asked, **parts: str) -> Answer:
            assert asked.host.endswith(".blob.core.windows.net"), asked.host
            return answer(asked, **parts) if self._allowed(asked) else error(403, "AuthorizationPermissionMismatch")

        return guarded

    def _list(self, asked: Asked, container: str) -> Answer:
        assert asked.query["comp"] == "list", asked.query
        prefix = asked.query.get("prefix", "")
        names = sorted(n for c, n in self.files if c == container and n.startswith(prefix))
        blobs = "".join(
            f"<Blob><Name>{escape(name)}</Name><Properties><Content-Length>{len(self.files[container, name])}"
            f"</Content-Length><BlobType>BlockBlob</BlobType></Properties><Metadata/></Blob>"
            for name in names
        )
        where = f'ServiceEndpoint="https://{asked.host}/" ContainerName="{container}"'
        text = f"<EnumerationResults {where}><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>"
        return Answer(content=text.encode(), kind="application/xml")

    def _put(self, asked: Asked, container: str, name: str) -> Answer:
        if asked.query.get("comp") == "metadata":
            self.metadata[container, name] = _metadata(asked)
            return Answer(200, headers=_stamp(), content=b"")
        assert asked.headers["x-ms-blob-type"] == "BlockBlob"
        assert "comp" not in asked.query, asked.query
        self.files[container, name] = asked.content
        self.metadata[container, name] = _metadata(asked)
        return Answer(201, headers=_stamp(), content=b"")

    def _get(self, asked: Asked, container: str, name: str) -> Answer:
        if (container, name) not in self.files:
            return error(404, "BlobNotFound")
        content = self.files[container, name]
        told = {f"x-ms-meta-{key}": value for key, value in self.metadata.get((container, name), {}).items()}
        headers = {**_stamp(), **told, "x-ms-blob-type": "BlockBlob"}
        if asked.method == "GET" and content:
            headers["Content-Range"] = f"bytes 0-{len(content) - 1}/{len(content)}"
            return Answer(206, headers=headers, content=content, kind="application/octet-stream")
        if asked.method == "GET" and "x-ms-range" in asked.headers:
            return error(416, "InvalidRange")
        return Answer(200, headers=headers, content=content, kind="application/octet-stream")


def error(status: int, code: str) -> Answer:
    """An error as blob storage words it."""
    text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
    return Answer(status, headers={"x-ms-error-code": code}, content=text.encode(), kind="application/xml")


def _metadata(asked: Asked) -> dict[str, str]:
    mark = "x-ms-meta-"
    return {name[len(mark) :]: value for name, value in asked.headers.items() if name.startswith(mark)}


def _stamp() -> dict[str, str]:
    return {"ETag": '"0x1"', "Last-Modified": formatdate(usegmt=True), "x-ms-version": "2024-11-04"}
