"""A real router with real inference servers, and a model whose answers tell which version gave them."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local import processes
from local.daemon import share_environments, wait_until
from shared.platforms.local_endpoints import LocalEndpoints
from shared.platforms.port import Deployment, DeployRequest, Registry
from tests.conftest import PROJECT
from tests.fakes.platform import FakeRegistry

KEY = "router-key-of-a-test"
MODEL = "pulse"
FIRST, SECOND = "pulse-0001", "pulse-0002"
BODY = '{"data": [{"x": 1}]}'

SCORES = """
import json, os, time
def init():
    global VERSION
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "version.txt")) as file:
        VERSION = file.read()
def run(text):
    asked = json.loads(text)
    time.sleep(asked.get("sleep", 0))
    if asked.get("exit"):
        os._exit(1)
    if asked.get("settings"):
        return {"settings": sorted(name for name in os.environ if name.startswith("BATON_"))}
    if asked.get("bytes"):
        return "x" * asked["bytes"]
    return {"predictions": [row["x"] * 2 for row in asked["data"]], "version": VERSION}
"""
FOLDERS = {
    "scores": SCORES,
    "raises": "def init():\n    raise RuntimeError('no coefficients in the model folder')\ndef run(text):\n    pass\n",
    "hangs": "import time\ndef init():\n    time.sleep(600)\ndef run(text):\n    pass\n",
}


def publish(_model: str, folder: str, into: Path) -> None:
    """The published folder of that name: its score.py, and no requirement beyond the server's own."""
    (into / "score.py").write_text(FOLDERS[folder])
    (into / "requirements.txt").write_text("")


def two_versions() -> Registry:
    """A registry in which versions "1" and "2" of the model hold their own number."""
    registry = FakeRegistry()
    for number in ("1", "2"):
        registry.made[f"run-{number}"] = {"version.txt": number.encode()}
        registry.register(MODEL, run_id=f"run-{number}", tags={})
    return registry


@dataclass
class Bench:
    """A home folder, and the router that runs on it now."""

    home: Path
    data: str = ""
    options: tuple[str, ...] = ()
    registry: Registry = field(default_factory=two_versions)
    model: str = MODEL
    folder: str = "scores"
    body: str = BODY
    _router: processes.Daemon | None = None

    def start(self) -> None:
        """Start a router and wait until it answers."""
        env = {"BATON_ROUTER_KEY": KEY, "BATON_DATA": self.data, "BATON_HOME": str(self.home)}
        words = ["local.serving", "--home", str(self.home), *self.options]
        self._router = processes.start("router", words, env, self.home / "router.log")

    @property
    def router(self) -> processes.Daemon:
        assert self._router
        return self._router

    @property
    def url(self) -> str:
        return str(self.router.ready["url"])

    @property
    def endpoints(self) -> LocalEndpoints:
        return LocalEndpoints(self.url, KEY, self.home, self.registry, publish)

    def unreachable(self) -> LocalEndpoints:
        return LocalEndpoints("http://127.0.0.1:9", KEY, self.home, self.registry, publish)

    def kill(self) -> None:
        """End the router as a crash does."""
        os.kill(self.router.pid, signal.SIGKILL)
        wait_until(lambda: not self.router.lives, timeout_seconds=5, what="the router did not die")

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> HttpAnswer:
        """One request to the router; header names with _ for -."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return HttpAnswer(response.status, response.read().decode(), found)
        finally:
            connection.close()

    def score(self, body: str = BODY, **headers: str) -> HttpAnswer:
        """One scoring request."""
        return self.ask("POST", f"/endpoints/{MODEL}/score", body, **headers)

    def admin(self, method: str, path: str, document: Mapping[str, object] | None = None) -> HttpAnswer:
        """One admin request."""
        body = json.dumps(document) if document is not None else ""
        return self.ask(method, f"/admin/endpoints{path}", body, x_baton_key=KEY)

    def state(self, name: str = FIRST) -> dict[str, Any]:
        """What the admin API says of a deployment."""
        return self.admin("GET", f"/{MODEL}/deployments/{name}").document

    def deploy(self, name: str = FIRST, version: str = "1", folder: str = "scores") -> Deployment:
        """Deploy, and wait until it is healthy or has failed."""
        self.endpoints.deploy(DeployRequest(MODEL, name, version, folder))
        self.settled(name)
        return self.look(name)

    def settled(self, name: str = FIRST) -> None:
        """Wait until a deployment is not starting."""
        wait_until(lambda: self.look(name).state != "starting", timeout_seconds=90, what=f"{name} did not settle")

    def look(self, name: str = FIRST) -> Deployment:
        """A deployment as the port shows it."""
        seen = self.endpoints.look(MODEL)
        assert seen
        return next(deployment for deployment in seen.deployments if deployment.name == name)

    def serve(self) -> None:
        """Version 1 is healthy and has all the traffic."""
        deployed = self.deploy()
        assert deployed.state == "healthy", deployed.reason
        self.endpoints.set_traffic(MODEL, {FIRST: 100}, expected={})

    def server_pids(self, name: str = FIRST) -> list[int]:
        """The processes of a deployment's server, the first one first."""
        found = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return sorted(
            int(entry.name) for entry in found if f"baton:{MODEL}:{name}:" in _command(entry) and _of(entry, self.home)
        )

    def collector_pid(self) -> int:
        """The process that collects for the router."""
        found = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        words = f"local.serving.collector --folder {self.home / 'scored'}"
        return next(int(entry.name) for entry in found if words in _command(entry))


@dataclass(frozen=True)
class HttpAnswer:
    """Status, text and headers (lower case) of an answer."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found


@contextmanager
def bench(home: Path, *options: str, data: str = "") -> Iterator[Bench]:
    """A started router on a fresh home, which shares the clone's environments; all servers are ended at the end."""
    home.mkdir(parents=True, exist_ok=True)
    share_environments(PROJECT / ".baton", home)
    started = Bench(home, data, options)
    started.start()
    try:
        yield started
    finally:
        started.router.stop()
        for pid in started.server_pids() + started.server_pids(SECOND):
            os.kill(pid, signal.SIGKILL)


def until(true: Callable[[], bool], what: str) -> None:
    """Ask until it is true, at most 30 s."""
    wait_until(true, timeout_seconds=30, what=what)


def _command(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _of(entry: Path, home: Path) -> bool:
    """Whether the process serves from this home, not from another test's."""
    try:
        return (entry / "cwd").readlink().is_relative_to(home)
    except OSError:
        return False
