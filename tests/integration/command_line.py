"""Running `baton` as a person does, in this process: what it prints, and its exit code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from cli.main import main

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
