"""An HTTP peer that writes down what it is sent: it stands for a functions host, or for a topic."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """One POST: where to, with which headers (lower case), with which JSON."""

    path: str
    headers: dict[str, str]
    body: Any

    @property
    def function(self) -> str:
        return parse_qs(urlsplit(self.path).query).get("functionName", [""])[0]

    @property
    def kind(self) -> str:
        return self.headers.get("aeg-event-type", "")


def validates(request: Request) -> tuple[int, object] | None:
    """A functions host's answer to the handshake (facts: 200 with the code); None for anything else."""
    if request.kind != "SubscriptionValidation":
        return None
    return 200, {"validationResponse": request.body[0]["data"]["validationCode"]}


@dataclass
class Peer:
    """Answers by `answer(request) -> (status, JSON)`; what was not a handshake waits in `arrived`."""

    answer: Callable[[Request], tuple[int, object]] = lambda _: (202, {})
    url: str = ""
    arrived: queue.Queue[Request] = field(default_factory=queue.Queue)
    handshakes: list[Request] = field(default_factory=list)

    def next(self, timeout_seconds: float = 15) -> Request:
        """The next notification; fails the test with `queue.Empty` when none comes."""
        return self.arrived.get(timeout=timeout_seconds)

    def take(self, request: Request) -> tuple[int, object]:
        handshake = validates(request)
        if handshake:
            self.handshakes.append(request)
            return handshake
        answer = self.answer(request)
        self.arrived.put(request)
        return answer


@contextmanager
def peer(answer: Callable[[Request], tuple[int, object]] = lambda _: (202, {}), *, port: int = 0) -> Iterator[Peer]:
    """Listen on 127.0.0.1 while the block runs."""
    recorded = Peer(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request = Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            status, said = recorded.take(request)
            content = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    recorded.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield recorded
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
