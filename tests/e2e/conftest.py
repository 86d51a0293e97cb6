"""The demo, played once for all end-to-end tests, with everything left running until they are done."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import stack

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
    (PROJECT / ".baton" / "envs").mkdir(parents=True, exist_ok=True)
    (kept / "envs").symlink_to(PROJECT / ".baton" / "envs")
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
