"""The demo, played once for all end-to-end tests and left running until they are done; the pages in a real Chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from local import stack
from local.daemon import share_environments
from shared.web.site import site
from tests.e2e.looking import DESK, Visit
from tests.storybook import serving, storied
from tests.world import World

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Demo:
    """The demo as it stands after its story: what it printed, its home, and the settings of its stack."""

    told: str
    home: Path
    env: dict[str, str]

    @property
    def log(self) -> str:
        """The functions host's log: what a person on call has, and nothing else."""
        return (self.home / "logs" / "host.log").read_text()

    def lines(self, what: str) -> list[str]:
        """Log lines whose sentence is this."""
        return [
            line for line in self.log.splitlines() if re.search(rf"(INFO|WARNING|ERROR) +{re.escape(what)}  ", line)
        ]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Play the demo in a home of its own; model environments are the project's."""
    kept = tmp_path_factory.mktemp("demo")
    share_environments(PROJECT / ".baton", kept)
    env = {**os.environ, "BATON_HOME": str(kept), "CI": ""}
    command = [sys.executable, "-m", "local.demo", "--stay"]
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(line)
            if "It stays up" in line:
                break
        else:
            pytest.fail("the demo ended early:\n" + "".join(told[-40:]))
        found = stack.state(kept / "demo")
        assert found is not None
        yield Demo("".join(told), kept / "demo", found["env"])
        process.stdin.close()
        process.wait(60)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        missing = "no Chromium on this machine: the pages were NOT tested. Install it: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The storybook's three models."""
    return storied(tmp_path)


@pytest.fixture
def url(world: World) -> Iterator[str]:
    """The site over that world."""
    with serving(site(world.app)) as address:
        yield address


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens a page in a context of its own, signed in with a key ("" for nobody); all close with the test."""
    contexts = []

    def visited(url: str, path: str, *, key: str = "operations-key", **options: Any) -> Page:
        contexts.append(browser.new_context(**{"viewport": DESK, "base_url": url, **options}))
        page = contexts[-1].new_page()
        if key:
            page.goto(f"/sign-in?key={key}&next={path}")
        if page.url != url + path:
            page.goto(path)
        return page

    yield visited
    for context in contexts:
        context.close()
