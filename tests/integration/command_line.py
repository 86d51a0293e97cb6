"""Running `baton` as a person does, in this process: what it prints, and its exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from cli.main import main
from shared.web.site import site
from tests.storybook import serving
from tests.world import World

ASKED, HELD, FAILED = "diabetes-0002", "wine-0002", "churn-0001"
"""The releases of the storybook: one waits for approval, one was held, one failed."""
NOTHING = dict.fromkeys(("BATON_URL", "BATON_TOKEN", "BATON_USER", "BATON_USERS", "BATON_DATA", "BATON_ROUTER"))


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A terminal with these settings and no others of Baton's."""

    env: Mapping[str, str]

    def __call__(self, *words: str, stdin: str | bytes = "", **more: str) -> Ran:
        settings = {**NOTHING, **self.env, **more}
        done = CliRunner().invoke(main, list(words), input=stdin, env=settings)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ran(done.exit_code, done.stdout, done.stderr)


@contextmanager
def terminal(world: World, home: Path, **more: str) -> Iterator[CommandLine]:
    """A terminal that finds this Baton by its environment while the block runs; the world's users lie in `home`."""
    with serving(site(world.app)) as url:
        yield CommandLine({"BATON_URL": url, "BATON_USERS": str(home / "users.json"), "BATON_HOME": str(home), **more})
