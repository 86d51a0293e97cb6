"""A local HTTP server that speaks for a service: known routes answer, anything else fails the test loudly.

Before a route answers, a fault that the test ordered may: a status with headers, or no answer at all.
With an authority it also is the proxy of a client that insists on TLS: whatever host that asks for, this server answers.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import _SocketWriter  # type: ignore[attr-defined]  # what http.server itself writes through
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from tests.wire.authority import Authority


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: path and query decoded, header names in lower case, the body as JSON where it is.

    `host` is the one that a client meant that came through TLS.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    host: str = ""

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a document as JSON, or raw content."""

    status: int = 200
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    kind: str = "application/json"


@dataclass(slots=True)
class Fault:
    """Answers instead of the route, `times` times; with `hang`, only when the server ends."""

    method: str
    path: str
    answer: Answer
    times: int = 1
    hang: bool = False
    after: bool = False


Route = Callable[..., Answer]


class WireServer:
    """Routes by method and a pattern over the whole path; the pattern's groups become the route's arguments."""

    def __init__(self, authority: Authority | None = None) -> None:
        self.authority = authority
        self.asked: list[Asked] = []
        self.unknown: list[str] = []
        self.broken: list[str] = []
        self.faults: list[Fault] = []
        self.left: int | None = None
        self.lock = threading.RLock()
        self._routes: list[tuple[str, re.Pattern[str], Route]] = []
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """Settings under which an SDK finds this server behind every host's name; needs an authority."""
        assert self.authority
        return self.authority.environment(self.url)

    def route(self, method: str, pattern: str, route: Route, *, first: bool = False) -> None:
        """Answer so, after the routes that are there, or before them."""
        self._routes.insert(0 if first else len(self._routes), (method, re.compile(pattern), route))

    def fail(self, method: str, path: str, status: int, **more: Any) -> Fault:
        """Let the next requests of this method whose path matches be answered with an error of the service's own form."""
        document = {"error": {"code": "Test", "message": f"ordered {status}", "details": []}}
        answer = Answer(
            status, more.pop("document", document), more.pop("headers", {}), kind=more.pop("kind", "application/json")
        )
        fault = Fault(method, path, answer, **more)
        self.faults.append(fault)
        return fault

    def cut_after(self, requests: int | None) -> None:
        """Answer so many more requests, and each after them with 503, as if the caller had died there; None answers all again.
        Blobs are answered all the same: their SDK would try for a minute.
        """
        with self.lock:
            self.left = requests

    def count(self, method: str, path: str) -> int:
        """How many requests came with this method and a path that matches."""
        with self.lock:
            return sum(one.method == method and re.search(path, one.path) is not None for one in self.asked)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve; at the end, requests that no route knew fail the test."""
        thread = threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._server.shutdown()
            self._server.server_close()
        assert not self.unknown, f"the fake does not know {self.unknown}"
        assert not self.broken, f"the fake failed: {self.broken}"

    def _answer(self, asked: Asked) -> Answer | None:
        with self.lock:
            self.asked.append(asked)
            if self.left is not None and ".blob." not in asked.host:
                if self.left == 0:
                    return Answer(503, {"error": {"code": "Test", "message": "cut", "details": []}})
                self.left -= 1
            fault = self._fault(asked)
        if fault and fault.after:
            self._routed(asked)
        if fault and fault.hang:
            self._over.wait()
            return None
        return fault.answer if fault else self._routed(asked)

    def _fault(self, asked: Asked) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == asked.method and re.search(fault.path, asked.path):
                fault.times -= 1
                return fault
        return None

    def _routed(self, asked: Asked) -> Answer:
        for method, pattern, route in self._routes:
            if method == asked.method and (match := pattern.fullmatch(asked.path)):
                try:
                    with self.lock:
                        return route(asked, **match.groupdict())
                except Exception as error:
                    self.broken.append(f"{asked.method} {asked.path}: {error!r}")
                    raise
        self.unknown.append(f"{asked.method} {asked.path}")
        return Answer(501, {"error": {"code": "Unknown", "message": f"no route for {asked.path}", "details": []}})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            host = ""

            def do_CONNECT(self) -> None:
                assert wire.authority, "a client wants TLS: give the server an authority"
                self.host = self.path.rpartition(":")[0]
                self.send_response(200, "Connection established")
                self.end_headers()
                self.connection = wire.authority.context(self.host).wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb", -1), _SocketWriter(self.connection)
                self.close_connection = False

            def finish(self) -> None:
                super().finish()
                self.connection.close()

            def do(self) -> None:
                split = urlsplit(self.path)
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                query = dict(parse_qsl(split.query, keep_blank_values=True))
                answer = wire._answer(Asked(self.command, unquote(split.path), query, headers, content, self.host))
                if answer is None:
                    self.close_connection = True
                else:
                    self._send(answer)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do

            def _send(self, answer: Answer) -> None:
                content = answer.content if answer.content is not None else json.dumps(answer.document).encode()
                self.send_response(answer.status)
                for name, value in {"Content-Type": answer.kind, **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def log_message(self, *_words: object) -> None:
                """Say nothing: `asked` holds it all."""

        return Handler
