"""The laptop's daemons as processes of their own, the way `baton up` starts them; a terminal over a Baton in memory; a second Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.runs.interpreters import installed
from shared.web.site import site
from tests.integration.command_line import CommandLine
from tests.storybook import serving, tell, world_with_users
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
def world(tmp_path: Path) -> World:
    """The storybook's three models: one waits for approval, one was held, one failed."""
    made = world_with_users(tmp_path)
    tell(made)
    return made


@pytest.fixture
def baton(world: World, tmp_path: Path) -> Iterator[CommandLine]:
    """A terminal that finds the story's Baton by its environment."""
    with serving(site(world.app)) as url:
        users = str(tmp_path / "users.json")
        yield CommandLine({"BATON_URL": url, "BATON_USERS": users, "BATON_HOME": str(tmp_path)})
