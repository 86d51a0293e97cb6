"""Arguments and options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

OPERATIONS, DATA_SCIENTIST = "operations", "data-scientist"


def why(command: Command) -> Command:
    """The reason, which the journal keeps."""
    return click.option("--why", required=True, help="The reason; the journal keeps it as written.")(command)


def as_json(command: Command) -> Command:
    """The answer as JSON."""
    return click.option("--json", "wants_json", is_flag=True, help="Print JSON, for scripts.")(command)


def user(default: str = OPERATIONS) -> Callable[[Command], Command]:
    """Whose sign-in key the command takes from the laptop's users."""
    text = "Who asks, on a laptop; elsewhere BATON_TOKEN says it."
    return click.option("--as", "user", default=default, envvar="BATON_USER", show_default=True, help=text)
