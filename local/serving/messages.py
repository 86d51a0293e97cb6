"""HTTP/1.1 as the router speaks it: a request, a reply, and a refusal that says what to do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

Headers = list[tuple[bytes, bytes]]
JSON = (b"content-type", b"application/json")
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may ask of the router. Azure's managed endpoints take bodies up to 1.5 MB; ours are wider."""

    body_bytes: int = 8 * 1024 * 1024
    answer_bytes: int = 64 * 1024 * 1024
    header_bytes: int = 16 * 1024
    connections: int = 1000
    waiting: int = 256
    request_seconds: float = 10.0
    idle_seconds: float = 75.0
    score_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request: header names in lower case, `path` without the query."""

    method: str
    path: str
    query: bytes
    headers: Headers
    body: bytes

    def header(self, name: bytes) -> str:
        """The first header of that (lower case) name, "" if there is none."""
        return next((value.decode("latin-1") for found, value in self.headers if found == name), "")


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back to the client; its length and whether the connection stays open are added when it is sent."""

    status: int
    body: bytes
    headers: Headers

    def to_bytes(self, *, keep_alive: bool) -> bytes:
        """The reply as it is sent."""
        lines = [name + b": " + value + b"\r\n" for name, value in self.headers]
        lines.append(b"content-length: %d\r\n" % len(self.body))
        if not keep_alive:
            lines.append(b"connection: close\r\n")
        status_line = _STATUS_LINES.get(self.status) or b"HTTP/1.1 %d Unknown\r\n" % self.status
        return b"".join((status_line, *lines, b"\r\n", self.body))


def json_reply(status: int, document: object, headers: Headers | None = None) -> Reply:
    """A reply with a JSON document."""
    return Reply(status, json.dumps(document).encode(), [JSON, *(headers or [])])


def refusal(status: int, what: str, *, next: str, **more: object) -> Reply:
    """A reply that says what happened and what to do: {"error": ..., "next": ...}."""
    return json_reply(status, {"error": what, "next": next, **more})
