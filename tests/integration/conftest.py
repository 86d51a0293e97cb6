"""What several of these tests stand on: daemons as processes of their own, a Baton in memory and terminals, places for runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.runs.interpreters import installed
from shared.web.site import site
from tests.integration.asking import HOST
from tests.integration.command_line import CommandLine, terminal
from tests.integration.recording import Peer, peer
from tests.storybook import storied
from tests.world import World

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running `python -m <module>` and what its ready line said."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    def kill(self) -> None:
        """kill -9: it gets no chance to write anything."""
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def other_python() -> str:
    """The version of a Python on this machine that is not the one that runs the tests."""
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = [version for version in ("3.13", "3.12", "3.11") if version != running and installed(version)]
    if not found:
        missing = "no second Python on this machine: checks under another one were NOT tested. Install python3.13"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return found[0]


@pytest.fixture
def start() -> Iterator[Callable[..., Daemon]]:
    """Start daemons of the laptop, `start("local.eventgrid", "--host", url, BATON_TOPIC_KEY=key)`; all end with the test."""
    running: list[subprocess.Popen[str]] = []

    def started(module: str, *arguments: str, **environment: str) -> Daemon:
        words = [sys.executable, "-m", module, *arguments]
        process = subprocess.Popen(
            words, cwd=PROJECT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
        )
        running.append(process)
        assert process.stdout
        return Daemon(process, json.loads(process.stdout.readline()))

    yield started
    for process in running:
        process.terminate()
    assert all(process.wait(20) is not None for process in running)


@pytest.fixture
def functions() -> Iterator[Peer]:
    """What the emulator delivers to: it answers as a functions host does, and remembers what came."""
    with peer() as recorded:
        yield recorded


@pytest.fixture
def emulator(start: Callable[..., Daemon], tmp_path: Path, functions: Peer) -> Callable[..., Daemon]:
    """Start Event Grid's emulator with one subscription on the storage topic, `emulator(maxDeliveryAttempts=3)`."""
    from tests.integration.topics import KEY

    def started(*more: str, host: str = functions.url, data: str = "", port: int = 0, **subscription: object) -> Daemon:
        path = tmp_path / "subscriptions.json"
        one = {"name": "on-new-data", "topic": "storage", "function": "on_new_data", **subscription}
        path.write_text(json.dumps({"v": 1, "subscriptions": [one]}))
        words = ("--subscriptions", str(path), "--host", host, "--state", str(tmp_path / "state"), "--port", str(port))
        return start("local.eventgrid", *words, *more, BATON_TOPIC_KEY=KEY, BATON_DATA=data)

    return started


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The storybook's three models: one waits for approval, one was held, one failed."""
    return storied(tmp_path)


@pytest.fixture
def http(world: World) -> Iterator[TestClient]:
    """A client of the site; faults of the site become answers, as in a host."""
    with TestClient(site(world.app), base_url=HOST, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def baton(world: World, tmp_path: Path) -> Iterator[CommandLine]:
    """A terminal that finds the story's Baton by its environment."""
    with terminal(world, tmp_path) as found:
        yield found


@pytest.fixture
def scene(tmp_path: Path) -> Any:
    """What the drift monitor looks at, as a `Scene`."""
    from tests.integration.monitored import scene_in

    return scene_in(tmp_path)


@pytest.fixture(scope="session")
def serving_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment with Microsoft's inference server in it."""
    place = tmp_path_factory.mktemp("serving") / "env"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "--python", sys.executable, place], check=True)
    python = place / "bin" / "python"
    subprocess.run(
        [*uv, "pip", "install", "-q", "--python", python, "azureml-inference-server-http==1.5.1"], check=True
    )
    return str(python)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables made, to copy: making them takes a second."""
    from mlflow.tracking import MlflowClient

    file = tmp_path_factory.mktemp("mlflow") / "empty.db"
    MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def mlflow(tmp_path: Path, empty_store: Path) -> Any:
    """The client of an MLflow store of the test's own."""
    from tests.integration.linear import store_in

    return store_in(tmp_path, empty_store)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the linear model's folder, to spoil."""
    return Path(shutil.copytree(PROJECT / "tests" / "models" / "linear", tmp_path / "linear"))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """A working folder of its own."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


@pytest.fixture
def offline(here: Path) -> CommandLine:
    """A terminal where no Baton runs."""
    return CommandLine({"BATON_HOME": str(here / "state")})
